"""What many browsers received, counted so cheaply that a thousand of them fit into one process.

What a browser received is kept as a count and a sum of numbers drawn for each message: whoever received the same
messages, in whatever frames, has the same sum.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from bench.measure.results import QUANTILES
from bench.protocol.dialects import Text

BIN_US: Final = 500  # of the times at which texts are received


class Tally:
    """Of all browsers since the last :meth:`mark`."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._texts: dict[Text, Counter[int]] = {}  # how many browsers received it, by bin of the time
        self._counts: Counter[int] = Counter()  # by browser
        self._sums: Counter[int] = Counter()

    def receive(self, browser: int, text: Text, now_us: int) -> None:
        """A browser received a text."""
        if (received := self._texts.get(text)) is None:
            received = self._texts[text] = Counter()
        received[now_us // BIN_US] += 1
        self._counts[browser] += len(text.messages)
        self._sums[browser] += text.sum

    @property
    def received(self) -> int:
        """Messages of all browsers."""
        return self._counts.total()

    def mark(self, following: int, browsers: Collection[int]) -> dict[str, Any]:  # noqa: ARG002  as a Stretch's
        """What came since the last mark, of these browsers; begin anew."""
        known = {key for text in self._texts for key in text.keys}
        expected, total = len(known), sum(known)
        pairs = [(self._counts[one], self._sums[one]) for one in browsers]
        differences = [_differences(count, sums, expected, total) for count, sums in pairs]
        ages = self._ages()
        found = {
            "frames": sum(received.total() for received in self._texts.values()),
            "items": self.received,
            "messages": expected,
            "lost": sum(lost for lost, _ in differences),
            "repeated": sum(repeated for _, repeated in differences),
            **{name: _quantile_ms(ages, part) for name, part in QUANTILES.items()},
        }
        self._begin()
        return found

    def _ages(self) -> Counter[int]:
        """Messages by age, in bins."""
        ages: Counter[int] = Counter()
        for text, received in self._texts.items():
            for at, count in received.items():
                for _, _, t in text.messages:
                    ages[max(0, (at * BIN_US + BIN_US // 2 - t) // BIN_US)] += count
        return ages


def _differences(count: int, sums: int, expected: int, total: int) -> tuple[int, int]:
    """How many messages a browser lost, and how many it received more than once, as far as count and sum tell."""
    if count == expected:
        return (0, 0) if sums == total else (1, 1)
    return max(0, expected - count), max(0, count - expected)


def _quantile_ms(bins: Counter[int], part: float) -> float:
    """0 when there is nothing."""
    rest = part * bins.total()
    for number in sorted(bins):
        rest -= bins[number]
        if rest <= 0:
            return number * BIN_US / 1000
    return 0.0
