"""What the operations of one transaction come to for one device."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from bridge.observations import CommandAck
from devices.models import Quarantined
from devices.rules.reducer import NewEvent, NewReading
from devices.worker.memory.shard import Member


class Acknowledged(Struct, frozen=True):
    """A device's answer to one of its commands."""

    ack: CommandAck
    at_ms: int


@dataclass(slots=True)
class Effects:
    """What operations on one device came to, for storage and for the broadcast."""

    member: Member
    since: int  # the rev before
    readings: list[NewReading] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)  # not saved yet
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # deliveries by outcome and reason
    acks: list[Acknowledged] = field(default_factory=list)
    results: dict[int, bytes] = field(default_factory=dict)  # JSON by request id; what it was then, not what it becomes
    noted: dict[str, list[Any]] = field(default_factory=dict)  # what else came of it, by feature
    came_online: bool = False
    gone: bool = False  # to be deleted

    def note(self, feature: str, what: Any) -> None:
        """Keep what a feature's operation came to, for the same feature to store."""
        self.noted.setdefault(feature, []).append(what)

    def add(self, later: "Effects") -> None:
        """Take over what further operations on the same device came to."""
        self.readings += later.readings
        self.events += later.events
        self.quarantined += later.quarantined
        self.counts += later.counts
        self.acks += later.acks
        self.results |= later.results
        for feature, noted in later.noted.items():
            self.noted.setdefault(feature, []).extend(noted)
        self.came_online |= later.came_online
        self.gone |= later.gone
