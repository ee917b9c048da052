"""Logs an outage once when it starts and once when it ends."""

import time
from typing import Any


class Outage:
    """The state of one thing that we depend on.

    Args:
        log: a structlog logger.
        of: what it is, in words.
    """

    def __init__(self, log: Any, of: str) -> None:
        self._log, self._of = log, of
        self._since_s: float | None = None

    def begins(self, reason: str) -> bool:
        """It failed. Only the first time in a row is logged; whether this was it."""
        if self._since_s is not None:
            return False
        self._since_s = time.monotonic()
        self._log.warning(f"{self._of} down", reason=reason)
        return True

    def ends(self) -> None:
        """It works."""
        if self._since_s is not None:
            self._log.warning(f"{self._of} up again", after_s=round(time.monotonic() - self._since_s, 1))
            self._since_s = None
