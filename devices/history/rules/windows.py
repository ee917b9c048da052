"""Which time is looked at, and in how many pieces: widths of buckets are round, and begin at round times (UTC)."""

from typing import Final

from msgspec import Struct

_S: Final = 1_000
_MIN: Final = 60 * _S
_H: Final = 60 * _MIN
_DAY: Final = 24 * _H

WIDTHS_MS: Final = (
    100, 200, 500, _S, 2 * _S, 5 * _S, 10 * _S, 30 * _S, _MIN, 2 * _MIN, 5 * _MIN, 10 * _MIN, 30 * _MIN,
    _H, 2 * _H, 3 * _H, 6 * _H, 12 * _H, _DAY, 2 * _DAY, 7 * _DAY, 28 * _DAY,
)  # fmt: skip
"""The ladder, in ms. Each begins at multiples of itself since 1970 (UTC), so a bucket is the same whoever asks."""


class Window(Struct, frozen=True):
    """A time from ``since`` to before ``until`` (Unix ms), drawn with at most ``points`` values a series."""

    since: int
    until: int
    points: int
    least_ms: int = 0  # buckets are no narrower

    @property
    def bucket_ms(self) -> int:
        """The width of its buckets: the least by which no more than ``points`` of them meet the window."""
        fit = (one for one in WIDTHS_MS if one >= self.least_ms and self._buckets(one) <= self.points)
        width = next(fit, None)
        if width is None:
            width = WIDTHS_MS[-1]
            while self._buckets(width) > self.points and width < self.until - self.since:
                width *= 2
        return width

    def _buckets(self, width_ms: int) -> int:
        return -(-self.until // width_ms) - self.since // width_ms
