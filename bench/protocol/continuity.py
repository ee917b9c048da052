"""What the recorder knows of a stretch: is each device's stream whole and in order, and how old was each message. Pure.

Message ``i`` of a load is device ``i % devices``'s number ``i // devices`` (bench/programs/load.py). So two message
numbers, the first of a stretch and the one after its last, say what must come: for each device the numbers between,
once, in order.
"""

from array import array
from collections.abc import Collection
from typing import Any

from bench.measure.results import quantile, quantiles_ms
from bench.protocol.dialects import Text


class Stretch:
    """From one mark to the next.

    Args:
        keys: device keys in the order of their turns; of others nothing is expected and nothing is counted.
        first: number of the stretch's first message.
    """

    def __init__(self, keys: list[str], first: int = 0) -> None:
        self._keys = keys
        self._begin(first)

    def _begin(self, first: int) -> None:
        self._next = dict(zip(self._keys, self._bounds(first), strict=True))
        self._base = dict(self._next)
        self._missing: set[tuple[str, int]] = set()  # numbers that were jumped over
        self.received = 0  # different ones
        self.repeated = self.disordered = self.stale = 0
        self._ages_us = array("q")

    def _bounds(self, message: int) -> list[int]:
        """Of each device, the number of its first message that is not before ``message``."""
        return [-((index - message) // len(self._keys)) for index in range(len(self._keys))]

    def receive(self, browser: int, text: Text, now_us: int) -> None:  # noqa: ARG002  there is but one
        """The browser received a text."""
        for key, n, sent_us in text.messages:
            self.take(key, n, sent_us, now_us)

    def mark(self, following: int, browsers: Collection[int]) -> dict[str, Any]:  # noqa: ARG002
        """What came before the message of this number; the next stretch begins with it."""
        found = self.summary(following)
        self._begin(following)
        return found

    def take(self, key: str, n: int, sent_us: int, now_us: int) -> None:
        """A device's message of this running number has come; times in µs of CLOCK_MONOTONIC."""
        expected = self._next.get(key)
        if expected is None:
            return
        if n == expected:
            self._next[key] = n + 1
        elif not self._fits(key, n, expected):
            return
        self.received += 1
        self._ages_us.append(now_us - sent_us)

    def _fits(self, key: str, n: int, expected: int) -> bool:
        """Of a number that is not the expected one: whether it is new in this stretch."""
        if n > expected:
            self._missing.update((key, jumped) for jumped in range(expected, n))
            self._next[key] = n + 1
            return True
        if n < self._base[key]:
            self.stale += 1  # of the stretch before, late
            return False
        if (key, n) not in self._missing:
            self.repeated += 1
            return False
        self._missing.remove((key, n))
        self.disordered += 1
        return True

    def summary(self, until: int) -> dict[str, Any]:
        """All figures; ``until`` is the number after the stretch's last message.

        ``early_p50_ms`` and ``late_p50_ms`` are of the first half's and the last quarter's arrivals: a latency that
        runs away shows in their difference.
        """
        count, ages = len(self._ages_us), sorted(self._ages_us)
        ends = zip(self._keys, self._bounds(until), strict=True)
        return {
            "received": self.received,
            "lost": len(self._missing) + sum(max(0, end - self._next[key]) for key, end in ends),
            "repeated": self.repeated,
            "disordered": self.disordered,
            **quantiles_ms(ages, 1000),
            "early_p50_ms": quantile(sorted(self._ages_us[: count // 2]), 0.5) / 1000,
            "late_p50_ms": quantile(sorted(self._ages_us[count - count // 4 :]), 0.5) / 1000,
        }
