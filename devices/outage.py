"""Logs an outage once when it starts and once when it ends."""

import threading
import time
from typing import Any


class Outage:
    """The state of one thing that we depend on. Safe to call from any thread.

    Args:
        log: a structlog logger.
        of: what it is, in words.
    """

    def __init__(self, log: Any, of: str) -> None:
        self._log, self._of = log, of
        self._since_s: float | None = None
        self._lock = threading.Lock()

    def begins(self, reason: str) -> None:
        """It failed; only the first time in a row is logged."""
        with self._lock:
            if self._since_s is None:
                self._since_s = time.monotonic()
                self._log.warning(f"{self._of} down", reason=(reason.strip() or "unknown").splitlines()[0])

    def ends(self) -> None:
        """It works."""
        if self._since_s is None:
            return
        with self._lock:
            if self._since_s is not None:
                self._log.warning(f"{self._of} up again", after_s=round(time.monotonic() - self._since_s, 1))
                self._since_s = None
