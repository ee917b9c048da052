"""A gate for what a round does only now and then."""

import time


class RateGate:
    """True at most once per interval."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next_s = seconds, 0.0

    def __call__(self) -> bool:
        """Whether it may happen now; if so, it counts."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._seconds
        return True
