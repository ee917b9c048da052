"""What a gateway counts, for ever: kept in its row by the beat, loaded by the next process."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """The part of the ledger that no worker sees. Own downlink topics aren't counted at all."""

    rejected: Counter[str] = field(default_factory=Counter)  # deliveries by TopicReason
    dropped: int = 0  # QoS 0 only

    @classmethod
    def load(cls, stored: dict[str, Any]) -> "Counters":
        """From :meth:`dump`'s dict."""
        return cls(rejected=Counter(stored.get("rejected", {})), dropped=stored.get("dropped", 0))

    def dump(self) -> dict[str, Any]:
        """For the row's JSON column."""
        return {"rejected": dict(self.rejected), "dropped": self.dropped}

    def copy(self) -> "Counters":
        """As they are now."""
        return Counters(self.rejected.copy(), self.dropped)

    def since(self, before: "Counters") -> "Counters":
        """What was counted since then."""
        return Counters(self.rejected - before.rejected, self.dropped - before.dropped)

    def add(self, other: "Counters") -> None:
        """Count all that."""
        self.rejected += other.rejected
        self.dropped += other.dropped
