"""How many items a handler gets at once."""

from typing import Final

_MOST: Final = 1_000
_FIRST: Final = {True: 20, False: 500}  # by whether it is SQLite
_LOCKED_S: Final = 0.05  # so long a transaction may hold SQLite's one lock for writing
_LONG_S: Final = 1.0  # elsewhere no more is gained by larger ones


class BatchSize:
    """Grows while transactions are short, shrinks when one is long, is halved when one fails.

    Args:
        one_writer: whether a transaction keeps all others from writing, as in SQLite.
        limit: at most so many at first; 0: none was set.
    """

    def __init__(self, one_writer: bool, limit: int = 0) -> None:
        self._usual = _FIRST[one_writer]
        self._longest_s = _LOCKED_S if one_writer else _LONG_S
        self._limit = limit  # after a failure; 0: there was none

    @property
    def now(self) -> int:
        """Items of the next batch; at least one."""
        return min(self._usual, self._limit or self._usual)

    def failed(self, items: int) -> None:
        """A batch of so many failed."""
        self._limit = max(1, items // 2)

    def succeeded(self, items: int, took_s: float) -> None:
        """A batch of so many is committed."""
        if self._limit:
            self._limit = 2 * self._limit if 2 * self._limit < self._usual else 0
        if took_s > self._longest_s:
            self._usual = max(1, min(self._usual, items) // 2)
        elif took_s < self._longest_s / 3 and items >= self._usual:
            self._usual = min(_MOST, 2 * self._usual)
