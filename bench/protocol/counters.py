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
        """What came, lost and repeated as far as these browsers' counts and sums tell; the next stretch begins."""
        known = {key for text in self._texts for key in text.keys}
        total, ages = sum(known), self._ages()
        missing = {one: len(known) - self._counts[one] for one in browsers}
        swapped = sum(not count and self._sums[one] != total for one, count in missing.items())  # one for another
        found = {
            "frames": sum(received.total() for received in self._texts.values()),
            "items": self.received,
            "messages": len(known),
            "lost": swapped + sum(max(0, count) for count in missing.values()),
            "repeated": swapped + sum(max(0, -count) for count in missing.values()),
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


def _quantile_ms(bins: Counter[int], part: float) -> float:
    """0 when there is nothing."""
    rest = part * bins.total()
    for number in sorted(bins):
        rest -= bins[number]
        if rest <= 0:
            return number * BIN_US / 1000
    return 0.0
