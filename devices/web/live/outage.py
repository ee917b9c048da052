"""Says once that something is down, and once that it is back."""

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

    def begins(self, reason: object) -> None:
        """It failed."""
        if self._since_s is None:
            self._since_s = time.monotonic()
            text = str(reason).strip() or type(reason).__name__
            self._log.warning(f"{self._of} down", reason=text.splitlines()[0])

    def ends(self) -> None:
        """It works."""
        if self._since_s is not None:
            self._log.warning(f"{self._of} up again", after_s=round(time.monotonic() - self._since_s, 1))
            self._since_s = None
