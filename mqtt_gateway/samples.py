"""Rate-limited logging of what may happen thousands of times a second."""

import time
from collections import Counter
from typing import Any, Final

_EVERY_S: Final = 60


class Samples:
    """Logs one line a reason and minute, with an example and how many there were since the last one.

    Args:
        log: a structlog logger.
        event: its event name.
    """

    def __init__(self, log: Any, event: str) -> None:
        self._log, self._event = log, event
        self._next_s: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def add(self, reason: str, example: str) -> None:
        """It happened. ``reason`` is one of a few; ``example`` is cut to 200 characters."""
        self._unlogged[reason] += 1
        now_s = time.monotonic()
        if now_s < self._next_s.get(reason, 0):
            return
        self._next_s[reason] = now_s + _EVERY_S
        printable = example[:200].encode("unicode_escape").decode()  # anybody may publish terminal codes
        self._log.warning(self._event, reason=reason, example=printable, count=self._unlogged.pop(reason))
