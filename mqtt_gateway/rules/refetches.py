"""When to subscribe anew, so that what the broker retains comes again: each filter once in so many seconds. Pure."""

from collections.abc import Iterable
from typing import Final

APART_S: Final = 60.0
MOST: Final = 20_000  # filters remembered; those asked for beyond are left out: who misses something asks again


class Refetches:
    """What was asked for, and when it was done last. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._done_s: dict[str, float] = {}  # the longest ago first

    def ask(self, filters: Iterable[str]) -> int:
        """Somebody wants these again; how many there was no room for."""
        left_out = 0
        for one in filters:
            if one in self._wanted or len(self._wanted) < MOST:
                self._wanted.add(one)
            else:
                left_out += 1
        return left_out

    def forget(self, filters: Iterable[str]) -> None:
        """These are not subscribed to any more."""
        self._wanted.difference_update(filters)

    def done(self, filters: Iterable[str], now_s: float) -> None:
        """What is retained there comes now, for whatever reason."""
        for one in filters:
            self._wanted.discard(one)
            self._done_s.pop(one, None)
            self._done_s[one] = now_s
        while len(self._done_s) > MOST:
            del self._done_s[next(iter(self._done_s))]

    def due(self, now_s: float, most: int) -> list[str]:
        """What may be fetched now, at most so many."""
        ready = (one for one in self._wanted if self._next_s(one) <= now_s)
        return sorted(ready)[:most]

    def next_s(self) -> float:
        """When something is due; infinity: nothing was asked for."""
        return min(map(self._next_s, self._wanted), default=float("inf"))

    def _next_s(self, one: str) -> float:
        return self._done_s.get(one, float("-inf")) + APART_S
