"""When things may happen: batches a second, waits between attempts. Pure: times are passed in, in seconds."""

from typing import Final

import msgspec

# All shards together: a batch costs up to 4.5 ms of CPU over all processes, whatever its size, less when a worker has
# several at once. 100 made messages wait for their turn (p50 at 200/s: 21 ms, here 3 ms); 500 costs half as much again
# at 1,000/s.
BATCHES_A_SECOND: Final = 250.0


class Pace(msgspec.Struct):
    """A token bucket: the first ones of a quiet period at once, then ``rate`` a second."""

    burst: float
    rate: float = BATCHES_A_SECOND
    tokens: float = 0.0
    at_s: float = float("-inf")

    def take(self, now_s: float) -> bool:
        """Whether one more may go now; if so, it counts."""
        if self.at_s < now_s:
            self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.rate)
            self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def next_s(self) -> float:
        """When the next may go, as far as is known."""
        return self.at_s + max(0.0, 1 - self.tokens) / self.rate
