"""How fast can it go for long: what a trial must show, and the search for the highest rate that shows it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench.measure.results import UNWELCOME, Usage, total_cpu_s

MOST_P99_MS: Final = 250.0
_KEPT_UP: Final = 0.97  # of the rate that was asked for, by the generator
_LOWEST, _HIGHEST = 4.0, 200_000.0  # messages a second


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A load of one rate for some seconds, and what of it reached the browser."""

    rate: float  # asked for, messages a second
    sent: int
    seconds: float  # from the first message to the broker's last PUBACK
    received: int
    lost: int
    repeated: int
    disordered: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    early_p50_ms: float
    late_p50_ms: float
    usage: Mapping[str, Usage]

    @property
    def per_s(self) -> float:
        """Messages a second that were sent."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def problem(self) -> str:
        """Why this rate cannot be sustained; "": it can."""
        if self.per_s < _KEPT_UP * self.rate:
            return f"only {self.per_s:.0f} of {self.rate:.0f} messages/s came into the broker"
        if self.lost:
            return f"{self.lost} messages lost"
        if self.p99_ms > MOST_P99_MS:
            return f"p99 {self.p99_ms:.0f} ms"
        if self.late_p50_ms > 1.5 * self.early_p50_ms + 25:  # it runs away: by more than chance
            return f"p50 from {self.early_p50_ms:.0f} to {self.late_p50_ms:.0f} ms"
        return ""

    @property
    def is_close(self) -> bool:
        """It failed by so little that chance may have been it."""
        return not self.lost and self.p99_ms <= 3 * MOST_P99_MS

    def figures(self) -> dict[str, float]:
        """As a scenario reports them."""
        cpu_s = total_cpu_s(self.usage)
        figures = {name: float(getattr(self, name)) for name in ("p50_ms", "p99_ms", "max_ms", *UNWELCOME)}
        cpu = {"cpu_us_per_message": cpu_s / self.sent * 1e6} if self.sent and cpu_s else {}
        return {"messages_per_s": self.per_s, **figures, **cpu}


def highest(attempt: Callable[[float], Trial], start: float, *, step: float = 2.0, resolution: float = 0.08) -> float:
    """The highest rate found whose trial has no problem; 0.0: none has.

    Up by ``step`` from the start while it goes, or down until it goes; then halfway between until what goes and what
    does not are within the resolution. A rate that fails closely is tried once more.

    Args:
        attempt: makes a trial of a rate.
        start: messages a second.
        step: factor; closer to 1 when the start is a good guess.
        resolution: part of the rate.
    """

    def goes(rate: float) -> bool:
        first = attempt(rate)
        return not first.problem or (first.is_close and not attempt(rate).problem)

    low, high = 0.0, start
    while goes(high) and high < _HIGHEST:
        low, high = high, high * step
    if not low:  # down from the start
        while high > _LOWEST and not goes(low := high / step):
            high, step = low, min(step * step, 2.0)  # a guess that was far off
        low = low if high > _LOWEST else 0.0
    while low and high / low > 1 + resolution:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if goes(middle) else (low, middle)
    return low
