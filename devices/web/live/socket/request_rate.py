"""Limits how fast one client may ask. Pure."""

from typing import Final

REQUESTS_PER_S: Final = 50.0
BURST: Final = 100.0


class Bucket:
    """A token bucket: full at first, refilled steadily."""

    def __init__(self, now: float) -> None:
        self._tokens = BURST
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more may be done at ``now`` (s, monotonic)."""
        self._tokens = min(BURST, self._tokens + (now - self._at) * REQUESTS_PER_S)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
