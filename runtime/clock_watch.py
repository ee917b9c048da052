"""Says when this machine's clock is off: in the log at both ends, and as reports for whoever keeps incidents.

Nothing goes by that clock (runtime.database_clock); people should mend it all the same.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from msgspec import Struct

from runtime.database_clock import DatabaseClock

OFF_MS: Final = 2_000  # TLS and logs bear less than nobody notices
_AGAIN_S: Final = 10.0  # while it lasts


class Log(Protocol):
    """A structlog logger."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Log a warning."""


class ClockReport(Struct, frozen=True):
    """A clock was off, or was set, between two times (Unix ms, by the database's clock)."""

    kind: str  # clock_off: the machine's; clock_set: the database's
    since_ms: int
    until_ms: int
    count: int  # 0: one told of before goes on, or ends
    detail: str


class ClockWatch:
    """Of one process; asked about every second.

    Args:
        clock: has been told by the database meanwhile.
        log: where it is logged.
        seconds: a monotonic clock.
    """

    def __init__(self, clock: DatabaseClock, log: Log, seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._log, self._seconds = clock, log, seconds
        self._since_ms = 0  # 0: it is right
        self._said = ""  # by how much it was off
        self._next_s = 0.0
        self._leaps = clock.leaps

    def look(self) -> list[ClockReport]:
        """What is to be reported now; mostly nothing."""
        return [*self._of_leaps(), *self._of_machine()]

    def _of_leaps(self) -> list[ClockReport]:
        clock = self._clock
        if clock.leaps == self._leaps:
            return []
        self._leaps = clock.leaps
        way = "forward" if clock.leap_ms > 0 else "back"
        detail = f"the database's clock was set {way} by {_seconds(clock.leap_ms)}, or this machine stood still"
        self._log.warning(detail)
        return [ClockReport("clock_set", clock.now_ms(), clock.now_ms(), 1, detail)]

    def _of_machine(self) -> list[ClockReport]:
        clock = self._clock
        if abs(clock.ahead_ms) <= OFF_MS:
            return [self._right_again()] if self._since_ms else []
        said = f"{_seconds(clock.ahead_ms)} {'ahead of' if clock.ahead_ms > 0 else 'behind'} the database's"
        is_news = not self._since_ms
        if is_news:
            self._since_ms = clock.now_ms()
            self._log.warning(f"this machine's clock is {said}: corrected")
        elif self._seconds() < self._next_s:
            return []
        self._said, self._next_s = said, self._seconds() + _AGAIN_S
        detail = f"its clock is {said}: corrected"
        return [ClockReport("clock_off", self._since_ms, clock.now_ms(), int(is_news), detail)]

    def _right_again(self) -> ClockReport:
        self._log.warning(f"this machine's clock is right again; it was {self._said}")
        detail = f"its clock was {self._said}: corrected, and right again"
        report = ClockReport("clock_off", self._since_ms, self._clock.now_ms(), 0, detail)
        self._since_ms = 0
        return report


def _seconds(ms: int) -> str:
    return f"{abs(ms) / 1000:,.0f} s"
