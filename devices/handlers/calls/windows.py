"""The readings of a device's last while, for handlers that ask for a mean or the like."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bridge.observations import Scalar
from devices import models

_SPAN: Final = re.compile(r"\A([1-9][0-9]{0,6})(s|m|h|d)\Z")
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_READINGS: Final = 100_000  # that a window may look at


class Window(Struct, frozen=True):
    """The values of one metric over a span of time, in the order of their time."""

    points: tuple[tuple[int, Scalar], ...]  # (Unix ms, value); gaps are left out

    @property
    def values(self) -> list[Scalar]:
        """All of them."""
        return [value for _, value in self.points]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.points)

    @property
    def last(self) -> Scalar:
        """The latest; None: there is none."""
        return self.points[-1][1] if self.points else None

    def _numbers(self) -> list[float]:
        return [value for _, value in self.points if isinstance(value, int | float) and not isinstance(value, bool)]

    def mean(self) -> float | None:
        """Of the numbers, each counting once; None: there are none."""
        numbers = self._numbers()
        return sum(numbers) / len(numbers) if numbers else None

    def min(self) -> float | None:
        """The least number; None: there are none."""
        return min(self._numbers(), default=None)

    def max(self) -> float | None:
        """The greatest number; None: there are none."""
        return max(self._numbers(), default=None)


def span_ms(text: str) -> int:
    """How long ``"90s"``, ``"5m"``, ``"2h"`` or ``"1d"`` is.

    Raises:
        ValueError: it is nothing like that.
    """
    match = _SPAN.match(str(text))
    if match is None:
        raise ValueError(f"a window's span is a number and s, m, h or d, like 5m, not {text!r}")
    return int(match[1]) * _UNIT_MS[match[2]]


def read(device: str, span: str, metric: str, until_ms: int, last_rev: int | None) -> Window:
    """The window that ends with ``until_ms``, which it holds; by the readings' own time. Two queries at most.

    Args:
        device: its key.
        span: as :func:`span_ms` takes it.
        metric: whose values.
        until_ms: Unix ms.
        last_rev: readings of later revs are left out, so that it is the same whenever it is asked for; None: none are.

    Raises:
        ValueError: there are more readings in it than MOST_READINGS.
    """
    rows = models.Reading.objects.filter(device__key=device, ts__gt=until_ms - span_ms(span), ts__lte=until_ms)
    if last_rev is not None:
        rows = rows.filter(rev__lte=last_rev)
    found = list(rows.order_by("ts", "rev").values_list("ts", "metrics")[: MOST_READINGS + 1])
    if len(found) > MOST_READINGS:
        raise ValueError(f"a window of {span} has more than {MOST_READINGS} readings of {device}")
    return Window(_points(found, metric))


def _points(rows: Sequence[tuple[int, dict[str, Scalar]]], metric: str) -> tuple[tuple[int, Scalar], ...]:
    return tuple((ts, value) for ts, metrics in rows if (value := metrics.get(metric)) is not None)
