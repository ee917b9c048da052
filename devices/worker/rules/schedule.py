"""Times by key: which are due, which comes next. Pure; O(log n) a change, nothing is scanned."""

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_SLACK: Final = 64  # stale heap entries that are always allowed


class Schedule(Generic[K]):
    """At most one time (Unix ms) a key. Equal times come in the order in which they were set."""

    def __init__(self) -> None:
        self._times: dict[K, int] = {}
        self._order = count()
        self._heap: list[tuple[int, int, K]] = []  # also holds times that were since changed

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, key: K) -> bool:
        return key in self._times

    def set(self, key: K, time_ms: int) -> None:
        """Set or change the key's time."""
        if self._times.get(key) == time_ms:
            return
        self._times[key] = time_ms
        heapq.heappush(self._heap, (time_ms, next(self._order), key))
        self._tidy()

    def set_earlier(self, key: K, time_ms: int) -> None:
        """Set the key's time unless it has one that is not later."""
        if (known_ms := self._times.get(key)) is None or time_ms < known_ms:
            self.set(key, time_ms)

    def remove(self, key: K) -> None:
        """Forget the key; nothing if it is not there."""
        self._times.pop(key, None)
        self._tidy()

    def first_ms(self) -> int | None:
        """The earliest time, None when there is none."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def pop(self, now_ms: int) -> K | None:
        """Take out the earliest key whose time is not after ``now_ms``."""
        first = self.first_ms()
        if first is None or first > now_ms:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._times[key]
        return key

    def _tidy(self) -> None:
        """Keep the heap from filling with stale entries."""
        if len(self._heap) > 2 * len(self._times) + _SLACK:
            kept = sorted(entry for entry in self._heap if self._times.get(entry[2]) == entry[0])
            self._heap = list({entry[2]: entry for entry in kept}.values())  # sorted, so it is a heap

    def _drop_stale(self) -> None:
        while self._heap and self._times.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
