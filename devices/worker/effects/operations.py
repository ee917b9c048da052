"""What a transaction does to one device, one operation after the other, each guarded.

An operation that raises is a bug of ours: it is set aside (a delivery goes to quarantine as ``internal_error``), the
device's twin is read again, and the other operations of the device are carried out without it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

import structlog
from msgspec import Struct

from bridge.observations import CommandAck
from devices.models import Quarantined
from devices.options import DevicesOptions
from devices.rules.commands import By
from devices.rules.reducer import NewEvent, NewReading
from devices.worker.memory.shard import Member

log = structlog.get_logger(__name__)

CHANGES: Final = "changes"  # in Effects.noted: each a TwinChange and an actor
UNKNOWN_PAYLOAD: Final = "?"  # TwinState.desired_published of a key used before: its old topic may still be retained


class Acknowledged(Struct, frozen=True):
    """A device's answer to one of its commands."""

    ack: CommandAck
    at_ms: int  # Unix ms; when the gateway received it
    replayed: bool = False  # the broker had it before, nobody knows since when
    by: By = "device"  # or an echo: no answer, but what the device reported


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
    is_unseen: bool = False  # it holds what is no news: browsers that show the device read it from the database

    def note(self, feature: str, what: Any) -> None:
        """Keep what a feature's operation came to, for the same feature to store."""
        self.noted.setdefault(feature, []).append(what)

    def take_changes(self, actor: str) -> None:
        """Keep what an operation has changed in the twin, and who asked for it."""
        self.noted.setdefault(CHANGES, []).extend((one, actor) for one in self.member.twin.take_changes())

    @property
    def news(self) -> list[NewReading]:
        """Its readings, but for those that were imported."""
        return [one for one in self.readings if not one.imported] if self.is_unseen else self.readings

    @property
    def are_just_readings(self) -> bool:
        """Whether nothing else has come of it that anybody could see: every visible change takes a rev."""
        return not (self.gone or self.came_online or self.acks) and self.member.twin.rev == self.since + len(
            self.readings
        )

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
        self.is_unseen |= later.is_unseen


class Refusal(NamedTuple):
    """Why no device carries an operation out, and where it is said what becomes of it."""

    key: str  # the device's
    reason: str  # unknown_device, deleted, too_many_devices, too_many_new_devices, deleted, bad_name, wrong_shard
    options: DevicesOptions
    counts: Counter[tuple[str, str]]  # deliveries by outcome and reason
    results: dict[int, Any]  # by request id


class Operation(Struct, frozen=True):
    """One thing that a device undergoes in a transaction. A feature plans it, and applies it."""

    is_asked_for: ClassVar[bool] = False  # somebody asks for it: a device that is made with it is news to browsers

    def registers(self, options: DevicesOptions) -> bool:
        """Whether a device is made for it where there is none."""
        return False

    @property
    def revives(self) -> bool:
        """Whether it would also make one that was deleted."""
        return True

    @property
    def asked_by(self) -> str:
        """Who asks for it, as a devices.rules.actors.Actor is written; empty: nobody."""
        return ""

    def refuse(self, refusal: Refusal) -> None:
        """There is no such device, and there will be none; by default it is void then."""

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It can't be carried out: ``internal_error``, or ``storage_error``; by default it is dropped."""


Apply = Callable[[Any, Effects], None]  # an operation, and the effects to add to
Appliers = Mapping[type[Operation], Apply]


class Registered(Operation, frozen=True):
    """The device was made in this transaction. ``asked``: by a request, which is a change that clients see."""

    asked: bool = False
    by: str = ""

    @property
    def asked_by(self) -> str:
        """Who asks for the device."""
        return self.by


def apply_registered(operation: Registered, effects: Effects) -> None:
    """The device's first operation, if it is new."""
    twin = effects.member.twin
    if twin.rev:
        twin.desired_published = UNKNOWN_PAYLOAD
    twin.rev += operation.asked
    twin.record("registered", {}, None)


@dataclass(slots=True)
class DeviceWork:
    """Operations on one device and what they came to."""

    member: Member
    operations: Sequence[Operation]
    effects: Effects


def carry_out(member: Member, operations: Sequence[Operation], appliers: Appliers) -> DeviceWork:
    """Apply the operations in order to the device's twin. Never raises on account of one of them.

    Raises:
        django.db.Error: the twin could not be read again.
    """
    bad: set[int] = set()
    while True:
        twin = member.twin
        effects = Effects(member, twin.rev)
        for index, operation in enumerate(operations):
            if index in bad:
                operation.set_aside(effects, "internal_error")
                continue
            try:
                appliers[type(operation)](operation, effects)
            except Exception:
                log.exception("an operation failed: a bug", device=member.key, operation=type(operation).__name__)
                bad.add(index)
                break
            if twin.changes:
                effects.take_changes(operation.asked_by)
        else:
            return DeviceWork(member, operations, effects)
        member.reload()
