"""What is logged of trouble, by every process alike: an outage once at each end, frequent trouble by samples.

Pure: the log and the clock are handed in.
"""

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol

_EVERY_S: Final = 60
_MAX_REASONS: Final = 1_000  # beyond, all begin anew
_MAX_EXAMPLE_CHARS: Final = 200


class Log(Protocol):
    """A structlog logger."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Log a warning."""


class Outage:
    """The state of one thing that we depend on. Safe to call from any thread.

    Args:
        log: where it is told.
        of: what it is, in words.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, log: Log, of: str, clock: Callable[[], float]) -> None:
        self._log, self._of, self._clock = log, of, clock
        self._since_s: dict[str, list[float]] = {}  # at most one entry: a dictionary's setdefault and pop are atomic

    @property
    def lasts(self) -> bool:
        """Whether it is down."""
        return bool(self._since_s)

    def begins(self, reason: object) -> bool:
        """It failed. Only the first time in a row is logged; whether this was it."""
        since_s = [self._clock()]
        first = self._since_s.setdefault("", since_s) is since_s
        if first:
            text = str(reason).strip() or (type(reason).__name__ if isinstance(reason, Exception) else "unknown")
            self._log.warning(f"{self._of} down", reason=text.splitlines()[0])
        return first

    def ends(self, asked_s: float = inf) -> bool:
        """It works; or so it seems: whether this tells that it does.

        Args:
            asked_s: when what has succeeded was begun, by the clock. If that was before the outage, it tells nothing:
                another use of the same thing may have failed meanwhile.
        """
        since_s = self._since_s.get("")
        if since_s is None:
            return True
        if asked_s < since_s[0]:
            return False
        if self._since_s.pop("", None) is since_s:
            self._log.warning(f"{self._of} up again", after_s=round(self._clock() - since_s[0], 1))
        return True


class Samples:
    """Logs one line a reason and minute, with an example and how many there were since the last one.

    Args:
        log: where it is told.
        event: the line's event name.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, log: Log, event: str, clock: Callable[[], float]) -> None:
        self._log, self._event, self._clock = log, event, clock
        self._next_s: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def add(self, reason: str, example: str) -> None:
        """It happened. ``example`` is cut to 200 characters and made printable."""
        self._unlogged[reason] += 1
        now_s = self._clock()
        if now_s < self._next_s.get(reason, 0):
            return
        if len(self._next_s) >= _MAX_REASONS:
            self._next_s.clear()
        self._next_s[reason] = now_s + _EVERY_S
        printable = example[:_MAX_EXAMPLE_CHARS].encode("unicode_escape").decode()  # anybody may publish terminal codes
        self._log.warning(self._event, reason=reason, example=printable, count=self._unlogged.pop(reason))
