"""What the event loop knows of our shards. All its transitions live here.

::

    taken ─> owned ──a round has loaded it──> served ──too many, or pinned by others──> leaving
               │                                 │                                         │
               └──────────────┬──────────────────┘                            a round has given it up
             somebody else has taken it                                                    │
                              └───────────────────────> not ours <─────────────────────────┘
"""

import asyncio
from collections.abc import Iterable


class ShardStates:
    """The shards of this process. A shard is listened to only while it is served."""

    def __init__(self) -> None:
        self._owned: set[int] = set()
        self._leaving: set[int] = set()
        self._served: frozenset[int] = frozenset()
        self._settled = False
        self._changed = asyncio.Event()

    @property
    def owned(self) -> frozenset[int]:
        """Ours, and to be so."""
        return frozenset(self._owned)

    @property
    def served(self) -> frozenset[int]:
        """Those of them that are loaded: messages for them are welcome."""
        return self._served

    @property
    def leaving(self) -> frozenset[int]:
        """Still ours, to be given up by the next round."""
        return frozenset(self._leaving)

    @property
    def next_round(self) -> frozenset[int]:
        """The shards of the next round: one more is loaded each time, so that the others needn't wait for all."""
        return self._served | set(sorted(self._owned - self._served)[:1])

    @property
    def is_complete(self) -> bool:
        """Nothing is to be taken, loaded or given up."""
        return self._settled and self._owned == self._served and not self._leaving

    def gain(self, shards: Iterable[int]) -> None:
        """They were taken."""
        self._owned |= set(shards)

    def lose(self, shards: Iterable[int]) -> frozenset[int]:
        """Somebody else has them. Returns those for which that is news."""
        news = (self._owned | self._leaving) & set(shards)
        self._owned -= news
        self._leaving -= news
        self._serve(self._served - news)
        return frozenset(news)

    def leave(self, shards: Iterable[int]) -> frozenset[int]:
        """They are to be given up. Returns those for which that is news."""
        news = self._owned & set(shards)
        self._owned -= news
        self._leaving |= news
        self._serve(self._served - news)
        return frozenset(news)

    def settle(self, *, has_its_share: bool) -> None:
        """Whether nothing more is to be taken."""
        self._settled = has_its_share
        self._changed.set()

    def round_done(self, loaded: frozenset[int], given_up: frozenset[int]) -> None:
        """A round was carried out with the first, and without the second."""
        self._leaving -= given_up
        self._serve(loaded & self._owned)

    def _serve(self, shards: frozenset[int]) -> None:
        self._served = shards
        self._changed.set()

    async def served_but(self, known: frozenset[int]) -> frozenset[int]:
        """Wait until others than these are served; which."""
        while self._served == known:
            await self._next_change()
        return self._served

    async def complete(self) -> None:
        """Wait until :attr:`is_complete`."""
        while not self.is_complete:
            await self._next_change()

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
