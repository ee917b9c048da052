"""How many sockets and event streams one user and one address may have open in this process. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Places:
    """Counts what is open, by whoever has it."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()

    @contextmanager
    def taken(self, owner: Hashable, limit: int) -> Iterator[bool]:
        """For the time of the context one more is open. False: the owner has as many as the limit already."""
        if self._open[owner] >= limit:
            yield False
            return
        self._open[owner] += 1
        try:
            yield True
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]

    def __len__(self) -> int:
        return self._open.total()
