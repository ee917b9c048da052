"""Windows of a metric up to a time: its mean, rate, integral, least and greatest value, and how long it was something.

A value holds until the next one, and for ``integral`` and ``duty`` from before the window into it.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from bridge.observations import Scalar
from devices.rules.documents import same

MAX_SPAN_MS: Final = 7 * 86_400_000
MAX_SAMPLES: Final = 1_000  # of a metric that are kept; of more, the oldest give way, and longer windows are unknown
_SPAN: Final = re.compile(r"(\d{1,6})(s|m|h|d)\Z")
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_HOUR_MS: Final = 3_600_000


def span_ms(text: str) -> int:
    """``10m``, ``1h``, ``1d``: how long that is.

    Raises:
        ValueError: it is none.
    """
    found = _SPAN.match(text)
    ms = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1_000 <= ms <= MAX_SPAN_MS:
        raise ValueError(f'{text[:20]!r} is no time from "1s" to "7d"')
    return ms


class Window(Struct, frozen=True):
    """What is asked of a metric."""

    kind: str
    metric: str
    span_ms: int
    equals: Scalar = True  # of a duty: the value that counts

    @property
    def name(self) -> str:
        """Under which its value stands; no metric's name."""
        return f"\0{self.kind} {self.span_ms} {self.equals!r} {self.metric}"


class Samples:
    """A metric's latest values, by their times.

    Args:
        span_ms: of the longest window that is asked for.
        is_cut: there are earlier values, which are not added.
    """

    __slots__ = ("is_cut", "span_ms", "times", "values")

    def __init__(self, span_ms: int, *, is_cut: bool = False) -> None:
        self.span_ms = span_ms
        self.is_cut = is_cut
        self.times: list[int] = []
        self.values: list[Scalar] = []

    def add(self, ts: int, value: Scalar) -> None:
        """One more, in its place; of equal times the later one stands behind. Those that are too old go."""
        place = bisect_right(self.times, ts)
        self.times.insert(place, ts)
        self.values.insert(place, value)
        old = bisect_right(self.times, self.times[-1] - self.span_ms) - 1  # one from before is kept: it holds
        if (gone := max(old, len(self.times) - MAX_SAMPLES)) > 0:
            del self.times[:gone], self.values[:gone]
            self.is_cut = True

    def value_of(self, window: Window, at: int) -> float | None:
        """What a window that ends with the time comes to; None: that is not known."""
        since = at - window.span_ms
        if self.is_cut and self.times and since < self.times[0]:
            return None  # of a part of it nothing would be counted
        first, end = bisect_right(self.times, since), bisect_right(self.times, at)
        return KINDS[window.kind](self, window, first, end, since, at)

    def numbers(self, first: int, end: int) -> list[tuple[int, float]]:
        """Those that are numbers, with their times."""
        pairs = zip(self.times[first:end], self.values[first:end], strict=True)
        return [(ts, value) for ts, value in pairs if isinstance(value, int | float) and not isinstance(value, bool)]

    def held(self, first: int, end: int, since: int, at: int) -> list[tuple[int, Scalar]]:
        """How long each value held within the window, in ms."""
        begin = max(0, first - 1)
        starts = [max(since, ts) for ts in self.times[begin:end]]
        return [
            (stop - start, value)
            for start, stop, value in zip(starts, [*starts[1:], at], self.values[begin:end], strict=False)
        ]


def _mean(samples: Samples, _window: Window, first: int, end: int, _since: int, _at: int) -> float | None:
    found = samples.numbers(first, end)
    return sum(value for _, value in found) / len(found) if found else None


def _least(samples: Samples, _window: Window, first: int, end: int, _since: int, _at: int) -> float | None:
    return min((value for _, value in samples.numbers(first, end)), default=None)


def _greatest(samples: Samples, _window: Window, first: int, end: int, _since: int, _at: int) -> float | None:
    return max((value for _, value in samples.numbers(first, end)), default=None)


def _rate(samples: Samples, _window: Window, first: int, end: int, _since: int, _at: int) -> float | None:
    """A second, from the first to the last value."""
    found = samples.numbers(first, end)
    if len(found) < 2 or found[-1][0] == found[0][0]:
        return None
    return (found[-1][1] - found[0][1]) * 1000 / (found[-1][0] - found[0][0])


def _integral(samples: Samples, _window: Window, first: int, end: int, since: int, at: int) -> float | None:
    """Times hours: of watts, watt-hours."""
    held = [(ms, value) for ms, value in samples.held(first, end, since, at) if not isinstance(value, bool | str)]
    found = [ms * value for ms, value in held if value is not None]
    return sum(found) / _HOUR_MS if found else None


def _duty(samples: Samples, window: Window, first: int, end: int, since: int, at: int) -> float | None:
    """The part of the time of which anything is known, from 0 to 1."""
    held = [(ms, value) for ms, value in samples.held(first, end, since, at) if value is not None]
    known_ms = sum(ms for ms, _ in held)
    return sum(ms for ms, value in held if same(value, window.equals)) / known_ms if known_ms else None


KINDS: Final[dict[str, Callable[[Samples, Window, int, int, int, int], float | None]]] = {
    "mean": _mean, "min": _least, "max": _greatest, "rate": _rate, "integral": _integral, "duty": _duty
}  # fmt: skip
