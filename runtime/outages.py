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
_MAX_LOGGED: Final = 10  # reasons of one outage


class Log(Protocol):
    """A structlog logger."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Log a warning."""


class Outage:
    """The state of one thing that we depend on, logged when it changes. Safe to call from any thread.

    Args:
        log: where it is logged.
        of: what it is, in words.
        clock: seconds of a monotonic clock.
        fields: of each line.
    """

    def __init__(self, log: Log, of: str, clock: Callable[[], float], **fields: Any) -> None:
        self._log, self._of, self._clock, self._fields = log, of, clock, fields
        self._present: dict[str, _Present] = {}  # at most one entry: a dictionary's setdefault and pop are atomic
        self._ended_s = -inf  # when the last one did, by the clock

    @property
    def lasts(self) -> bool:
        """Whether it is down."""
        return bool(self._present)

    @property
    def reason(self) -> str:
        """Why it is down, as heard last, in one line; empty: it is not."""
        present = self._present.get("")
        return present.latest if present else ""

    def begins(self, reason: object, *, is_news: bool = False, asked_s: float = inf) -> bool:
        """It failed. Only the first failure in a row is logged; whether this one was.

        Args:
            reason: an exception, or words; its first line is logged.
            is_news: log it, too, unless it was logged for the same reason already (or for very many).
            asked_s: when what has failed was begun, by the clock. If that was before the end of the last outage, it
                says nothing: another use of the same thing has succeeded meanwhile.
        """
        if asked_s < self._ended_s:
            return False
        text = _first_line(reason)
        present = _Present(self._clock())
        known = self._present.setdefault("", present)
        known.latest = text
        if known is not present and not (is_news and known.is_new(text)):
            return False
        known.reasons.add(text)
        self._log.warning(f"{self._of} down", reason=text, **self._fields)
        return True

    def ends(self, asked_s: float = inf) -> bool:
        """Something was done with it: whether that shows that it works.

        Args:
            asked_s: when what has succeeded was begun, by the clock. If that was before the outage, it says nothing:
                another use of the same thing may have failed meanwhile.
        """
        present = self._present.get("")
        if present is None:
            return True
        if asked_s < present.since_s:
            return False
        if self._present.pop("", None) is present:
            self._ended_s = self._clock()
            self._log.warning(f"{self._of} up again", after_s=self._lasted_s(present), **self._fields)
        return True

    def clear(self) -> float:
        """It works, which the caller logs: after how many seconds without it; 0, if it worked before."""
        present = self._present.pop("", None)
        return self._lasted_s(present) if present else 0.0

    def _lasted_s(self, present: "_Present") -> float:
        return round(self._clock() - present.since_s, 1)


class _Present:
    """An outage that lasts."""

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.latest = ""
        self.reasons: set[str] = set()  # those that were logged

    def is_new(self, reason: str) -> bool:
        """Whether there is still something to say."""
        return reason not in self.reasons and len(self.reasons) < _MAX_LOGGED


def _first_line(reason: object) -> str:
    unnamed = type(reason).__name__ if isinstance(reason, Exception) else "unknown"
    return (str(reason).strip() or unnamed).splitlines()[0]


class SampledLog:
    """Logs one line a reason and minute, with an example and how many there were since the last one.

    Args:
        log: where it is logged.
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
