"""Keeps to our share of the shards: a look at the leases every second, which also renews them."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from devices.worker.ownership.fence import ReshardedError
from devices.worker.ownership.followed import Followed
from devices.worker.ownership.leases import BEAT_S, Found, Leases
from devices.worker.ownership.shard_states import ShardStates
from runtime.database import DatabaseThread, DatabaseUnavailableError
from runtime.leases import LEASE_S
from runtime.outages import Outage

log = structlog.get_logger(__name__)

LOOK_S: Final = BEAT_S
SOON_S: Final = 0.5  # between looks while shards move, or nothing is committed
_STUCK_S: Final = 60


class RoundMonitor(Protocol):
    """The rounds, as far as they matter to the leases."""

    def wake(self) -> None:
        """Run a round now."""

    @property
    def fails(self) -> bool:
        """Whether the database fails there, too: it is told there."""

    @property
    def lasts_s(self) -> float:
        """How long the present round has lasted."""

    @property
    def trouble(self) -> str:
        """Why nothing is committed; empty: it is."""


class LeaseLoop:
    """Owns the thread of the leases.

    Args:
        leases: of this process.
        possession: what is ours; told what becomes so, and what does not stay so.
        work: the rounds.
        followed: told which shards are.
        clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        leases: Leases,
        possession: ShardStates,
        work: RoundMonitor,
        followed: Followed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._followed = followed
        self._leases, self._shard_states, self._rounds, self._clock = leases, possession, work, clock
        self._outage = Outage(log, "leases", clock)
        self._database: DatabaseThread | None = None
        self._looked_s, self._failed_last = clock(), False
        self._kept_from_us: frozenset[int] = frozenset()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop.

        Raises:
            ReshardedError: there is another number of shards by now.
        """
        self._database = DatabaseThread("ingest-leases", connection_name="causeway leases")
        while not stop.is_set():
            await self._look(self._database)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await stop.wait()

    def _pause_s(self) -> float:
        if self._failed_last:
            return SOON_S
        is_quiet = self._shard_states.is_complete and not self._rounds.trouble and self._rounds.lasts_s < SOON_S
        return min(self._leases.next_look_s, LOOK_S if is_quiet else SOON_S)

    async def leave(self) -> None:
        """Give up all shards at once. After :meth:`run`; nothing looks after them any more."""
        if self._database is not None:
            await self._database.run(self._leases.leave)

    def close(self) -> None:
        """End the thread."""
        if self._database is not None:
            self._database.close()

    def lost(self, shards: frozenset[int]) -> None:
        """Others have taken shards; told in one line."""
        if news := self._shard_states.lose(shards):
            log.warning("shards lost to another worker", shards=sorted(news))
            self._rounds.wake()

    async def _look(self, database: DatabaseThread) -> None:
        if self._rounds.lasts_s > _STUCK_S:
            return  # it hangs: let others have a try
        self._failed_last = True
        try:
            found = await database.run(
                self._leases.check, self._shard_states.owned, self._shard_states.leaving, self._rounds.trouble
            )
        except DatabaseUnavailableError as error:
            self._failed(error)
        except ReshardedError:
            raise
        except Exception:
            log.exception("a look at the leases failed: a bug")
        else:
            self._looked_s, self._failed_last = self._clock(), False
            self._outage.ends()
            self._found(found)

    def _failed(self, error: DatabaseUnavailableError) -> None:
        if self._clock() - self._looked_s > LEASE_S and not self._rounds.fails:
            self._outage.begins(error)

    def _found(self, found: Found) -> None:
        self.lost(found.lost)
        self._shard_states.gain(found.taken)
        leaving = self._shard_states.leave(found.excess)
        self._shard_states.settle(has_its_share=not (found.awaited or found.kept_from_us))
        if self._followed.see(found.followed) or found.taken or leaving:
            self._rounds.wake()
        if found.kept_from_us - self._kept_from_us:
            log.warning(
                "standing by: another worker has shards that are pinned here", shards=sorted(found.kept_from_us)
            )
        self._kept_from_us = found.kept_from_us
