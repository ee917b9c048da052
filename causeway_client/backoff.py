"""How long to wait before the next attempt to connect. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles with each attempt, and is jittered so that thousands of programs don't return in step."""

    first_s: float = 0.5
    most_s: float = 15.0
    settled_s: float = 5.0  # a connection that held for so long was none of a row of failures

    def delay_s(self, attempt: int, random: float) -> float:
        """Before attempt ``attempt`` (from 0); ``random`` is in [0, 1). Half to all of the doubled time."""
        return min(self.most_s, self.first_s * 2.0 ** min(attempt, 30)) * (0.5 + random / 2)
