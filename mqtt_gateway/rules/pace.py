"""When batches leave: at once, as long as that costs no more than a share of the machine; else together with others.

Pure: times are passed in, in seconds. All shards leave together: that is one round for each worker.
"""

from typing import Final, Literal

from msgspec import Struct

Word = Literal["latency", "balanced", "economy"]
WORDS: Final[tuple[Word, ...]] = ("latency", "balanced", "economy")

_AT_ONCE_S: Final = 0.1  # what a quiet time saves of the budget: so long a stretch of it may be spent at once
_SMOOTHED: Final = 8  # departures over which the cost of one is smoothed
_RECENT_S: Final = 0.05  # what the process did since an earlier departure than that had other reasons
_LATE: Final = 0.9  # of the longest wait: it came to nearly that
_EMPTY: Final = 0.75  # of a wait without anything new: it was in vain
_IN_VAIN: Final = 2  # waits in a row, and others seem to wait for us
_FIRST_SPREE, _LONGEST_SPREE = 8, 256  # then nothing waits: for so many times the longest wait


class Budget(Struct, frozen=True):
    """What departures may cost, against how long a message may wait for others."""

    share: float  # of the machine's processors; what gateway and workers measure of theirs counts
    longest_s: float  # no message waits longer for others
    apart_s: float = 0.0  # so far apart are departures in the long run, whatever they cost; a few may follow at once
    few: int = 4


BALANCED: Final = Budget(share=0.15, longest_s=0.006)
_BUDGETS: Final[dict[Word, Budget]] = {
    "latency": Budget(share=0.5, longest_s=0.004),
    "balanced": BALANCED,
    "economy": Budget(share=0.04, longest_s=0.100),
}
# A commit rewrites some ten pages of an SQLite file, however little it holds: on an SD card those are what counts.
_SQLITE_BUDGETS: Final[dict[Word, Budget]] = {
    "latency": _BUDGETS["latency"],
    "balanced": Budget(share=0.1, longest_s=0.250, apart_s=0.250),
    "economy": Budget(share=0.04, longest_s=0.250, apart_s=0.250, few=1),
}


def budget(word: Word, *, sqlite: bool = False) -> Budget:
    """What BRIDGE_PACE means."""
    return (_SQLITE_BUDGETS if sqlite else _BUDGETS)[word]


class Pace:
    """A token bucket of CPU seconds: a departure takes what departures were measured to cost lately.

    Whoever sends less than the budget allows never waits; beyond, the same budget is spent on larger batches. The debt
    is bounded, so the next departure is never further than ``longest_s`` from the one before. Waits that bring nothing
    (a broker that lets only so many be unconfirmed waits for us meanwhile) are left out for a while.

    Args:
        budget: what it may cost.
        processors: of the machine.
    """

    def __init__(self, budget: Budget, processors: int = 1) -> None:
        self._rate = budget.share * processors
        self._longest_s = budget.longest_s
        self._least = self._rate * budget.apart_s
        self._most = max(self._rate * _AT_ONCE_S, budget.few * self._least)
        self._tokens = self._most
        self._at_s = self._left_s = float("-inf")
        self._since_s: float | None = None  # it has waited
        self.cost_s = self._least  # of a departure, smoothed
        self._told = 0.0  # CPU seconds that workers told of since the last departure
        self._cpu_s = 0.0  # of the process, at the last departure
        self._vain = self._spree = 0
        self._free_until_s = float("-inf")

    def told(self, cpu_s: float) -> None:
        """A worker has spent this on what left."""
        self._told += cpu_s

    def take(self, now_s: float, cpu_s: float, quiet_s: float = 0.0, *, pressing: bool = False) -> bool:
        """Whether what is there may leave now; if so, it counts as a departure.

        Args:
            now_s: of a monotonic clock.
            cpu_s: of the process, up to now.
            quiet_s: since the last message came.
            pressing: there is more than should wait.
        """
        self._refill(now_s)
        if self._tokens < self._needed and not (pressing or now_s < self._free_until_s or self._is_late(now_s)):
            if self._since_s is None:
                self._since_s = now_s
            return False
        self._judge_wait(now_s, quiet_s)
        self._measure(now_s, cpu_s)
        self._tokens = max(self._needed - self._rate * self._longest_s, self._tokens - max(self.cost_s, self._least))
        self._left_s, self._cpu_s, self._since_s, self._told = now_s, cpu_s, None, 0.0
        return True

    def next_s(self) -> float:
        """When what is refused now may leave."""
        by_tokens = self._at_s + max(0.0, self._needed - self._tokens) / self._rate
        return by_tokens if self._since_s is None else min(by_tokens, self._since_s + self._longest_s)

    @property
    def _needed(self) -> float:
        return min(self._most, max(self.cost_s, self._least))

    def _refill(self, now_s: float) -> None:
        if now_s > self._at_s:
            self._tokens = min(self._most, self._tokens + (now_s - self._at_s) * self._rate)
            self._at_s = now_s

    def _is_late(self, now_s: float) -> bool:
        return self._since_s is not None and now_s >= self._since_s + self._longest_s

    def _measure(self, now_s: float, cpu_s: float) -> None:
        """The cost of the departure before; after a quiet time, our own part in it can't be told from other work."""
        if now_s - self._left_s <= max(_RECENT_S, self._longest_s):
            spent = self._told + max(0.0, cpu_s - self._cpu_s)
            self.cost_s += (spent - self.cost_s) / _SMOOTHED

    def _judge_wait(self, now_s: float, quiet_s: float) -> None:
        waited_s = 0.0 if self._since_s is None else now_s - self._since_s
        if waited_s < _LATE * self._longest_s:
            return
        if quiet_s < _EMPTY * waited_s:
            self._vain = self._spree = 0
            return
        self._vain += 1
        if self._vain >= _IN_VAIN:
            self._spree = min(_LONGEST_SPREE, 2 * self._spree or _FIRST_SPREE)
            self._free_until_s = now_s + self._spree * self._longest_s
