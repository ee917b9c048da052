"""What a gateway counts, for ever: kept in its row by the beat, loaded at start, so that it goes on over restarts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """The gateway's side of the ledger. Own downlink topics aren't counted at all.

    ``received`` counts deliveries that take effect, are rejected or dropped here, or are in flight. One that a lost
    connection hands back to the broker is taken out again: its redelivery is the one that counts.
    """

    received: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # reason (bridge.native.TopicReason) → deliveries
    dropped: int = 0  # QoS 0 only
    sessions_lost: int = 0  # how often the broker had forgotten our session
    session_lost_ms: int = 0  # Unix ms of the last time; 0: never

    @classmethod
    def load(cls, stored: dict[str, Any]) -> "Counters":
        """From :meth:`dump`'s dict. What was in flight then went back to the broker."""
        return cls(
            received=stored.get("received", 0) - stored.get("in_flight", 0),
            rejected=Counter(stored.get("rejected", {})),
            dropped=stored.get("dropped", 0),
            sessions_lost=stored.get("sessions_lost", 0),
            session_lost_ms=stored.get("session_lost_ms", 0),
        )

    def dump(self, in_flight: int) -> dict[str, Any]:
        """For the row's JSON column."""
        return {
            "received": self.received,
            "rejected": dict(self.rejected),
            "dropped": self.dropped,
            "in_flight": in_flight,
            "sessions_lost": self.sessions_lost,
            "session_lost_ms": self.session_lost_ms,
        }
