"""What a transaction does to one device, one operation after the other, each guarded.

An operation that raises is a bug of ours: it is set aside (a delivery goes to quarantine as ``internal_error``), the
device's twin is read again, and the other operations of the device are carried out without it.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from msgspec import Struct, json

from bridge.json_limits import MAX_PAYLOAD_BYTES
from bridge.messages import Delivery
from bridge.observations import (
    CommandAck,
    Decoded,
    StatusReported,
)
from devices.models import Quarantined
from devices.rules.presence import Evidence, evaluate
from devices.rules.reducer import Arrival, Limits, NewEvent, NewReading, Outcome, reduce
from devices.rules.requested import Refused, set_desired, set_tags
from devices.worker.effects.replays import Replay, Replayed
from devices.worker.memory.shard import Member
from runtime.outages import SampledLog

log = structlog.get_logger(__name__)
_samples = SampledLog(log, "rejected", time.monotonic)

UNKNOWN_PAYLOAD: Final = "?"  # TwinState.desired_published of a key used before: its old topic may still be retained
_MAX_DETAIL_CHARS: Final = 200  # Quarantined.detail
_FAILED: Final = Outcome("quarantined", "internal_error")
_encode = json.Encoder().encode


class Registered(Struct, frozen=True):
    """The device was made in this transaction. ``asked``: by a request, which is a change that clients see."""

    asked: bool = False


class Uplink(Struct, frozen=True):
    """What a delivery says of the device, to apply."""

    delivery: Delivery
    gateway: str  # MQTT client id; who received it
    said: Decoded | None  # None: nobody knows, as its dialect has failed
    counts: bool = True  # for the ledger; False: it counts as what comes of another device that it speaks of


class RequestOperation(Struct, frozen=True):
    """A request (devices.models.Request) to carry out."""

    request_id: int
    kind: str
    body: Any


class PresenceCheck(Struct, frozen=True):
    """Time to see what has become of the device's presence."""

    evidence: Evidence


class DesiredConfirmed(Struct, frozen=True):
    """The broker holds ``payload`` under the device's desired topic."""

    payload: bytes


Operation = Registered | Uplink | Replay | RequestOperation | PresenceCheck | DesiredConfirmed


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
    replayed: list[Replayed] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # deliveries by outcome and reason
    acks: list[Acknowledged] = field(default_factory=list)
    results: dict[int, bytes] = field(default_factory=dict)  # JSON by request id; what it was then, not what it becomes
    came_online: bool = False
    gone: bool = False  # to be deleted

    def add(self, later: "Effects") -> None:
        """Take over what further operations on the same device came to."""
        self.readings += later.readings
        self.events += later.events
        self.quarantined += later.quarantined
        self.replayed += later.replayed
        self.counts += later.counts
        self.acks += later.acks
        self.results |= later.results
        self.came_online |= later.came_online
        self.gone |= later.gone


@dataclass(frozen=True, slots=True)
class Rules:
    """What operations need to know of the installation and of the transaction."""

    limits: Limits
    knows_command: Callable[[str, int], bool]  # whether a command id (text) is one of the device's (its pk)


def carry_out(member: Member, operations: Sequence[Operation], rules: Rules) -> Effects:
    """Apply the operations in order to the device's twin. Never raises on account of one of them.

    Raises:
        django.db.Error: the twin could not be read again.
    """
    bad: set[int] = set()
    while True:
        effects = Effects(member, member.twin.rev)
        for index, operation in enumerate(operations):
            if index in bad:
                set_aside(effects, operation, "internal_error")
                continue
            try:
                _apply(operation, effects, rules)
            except Exception:
                log.exception("an operation failed: a bug", device=member.key, operation=type(operation).__name__)
                bad.add(index)
                break
        else:
            return effects
        member.reload()


def set_aside(effects: Effects, operation: Operation, reason: str) -> None:
    """Instead of an operation that can't be carried out: a delivery goes to quarantine, a request is refused."""
    match operation:
        case Replay():
            _replayed(effects, operation, Outcome("quarantined", reason))
        case Uplink(delivery, counts=counts):
            _quarantine(effects, delivery, reason, "", counts=counts)
        case RequestOperation(request_id):
            effects.results[request_id] = _encode(refusal(Refused("unavailable", "the change could not be made")))


def _apply(operation: Operation, effects: Effects, rules: Rules) -> None:
    twin = effects.member.twin
    match operation:
        case Uplink():
            _uplink(operation, effects, rules)
        case Replay(delivery=delivery, said=said):
            arrival = Arrival(delivery.received_ms, delivery.retain, replayed=True)
            outcomes = [_reduced(one, arrival, effects, rules) for one in said]
            bad = (one for one in outcomes if one.outcome != "applied")
            _replayed(effects, operation, next(bad, outcomes[0]) if outcomes else _FAILED)
        case Registered(asked):
            if twin.rev:
                twin.desired_published = UNKNOWN_PAYLOAD
            twin.rev += asked
        case RequestOperation():
            effects.results[operation.request_id] = _encode(_asked(operation, effects))
        case PresenceCheck(evidence):
            evaluate(twin, evidence)
        case DesiredConfirmed(payload):
            twin.desired_published = payload.decode()


# Deliveries ------------------------------------------------------------------------------------------------------


def _uplink(uplink: Uplink, effects: Effects, rules: Rules) -> None:
    member, delivery = effects.member, uplink.delivery
    was_online = member.twin.presence.status == "online"
    said = uplink.said
    if said is None:
        set_aside(effects, uplink, "internal_error")
        return
    arrival = Arrival(delivery.received_ms, delivery.retain, delivery.late, uplink.gateway)
    outcome = _reduced(said, arrival, effects, rules)
    if outcome.outcome == "quarantined":
        _quarantine(effects, delivery, outcome.reason, outcome.detail, counts=uplink.counts)
    else:
        effects.counts[outcome.outcome, outcome.reason] += uplink.counts
        if outcome.outcome == "rejected":
            _samples.add(outcome.reason, delivery.topic)
    birth = isinstance(said, StatusReported) and said.online and not delivery.retain
    effects.came_online |= birth or (not was_online and member.twin.presence.status == "online")


def _reduced(said: Decoded, arrival: Arrival, effects: Effects, rules: Rules) -> Outcome:
    """Apply what a message says to the twin; what it brings goes into the effects."""
    member = effects.member
    outcome = reduce(member.twin, said, arrival, rules.limits)
    if outcome.ack and not rules.knows_command(outcome.ack.command_id, member.id):
        outcome = Outcome("quarantined", "unknown_command", outcome.ack.command_id)
    effects.readings += outcome.readings
    effects.events += outcome.events
    if outcome.ack:
        effects.acks.append(Acknowledged(outcome.ack, arrival.received_ms))
    return outcome


def _replayed(effects: Effects, replay: Replay, outcome: Outcome) -> None:
    """It counts as received, and as what became of it: no gateway's batch counts it."""
    effects.counts["received", ""] += 1
    effects.counts[outcome.outcome, outcome.reason] += 1
    detail = _storable(outcome.detail)[:_MAX_DETAIL_CHARS]
    effects.replayed.append(Replayed(replay.entry_id, outcome.outcome, outcome.reason, detail))
    told = {"outcome": outcome.outcome, "reason": outcome.reason, "detail": detail}
    effects.results[replay.request_id] = _encode(told)


def _quarantine(effects: Effects, delivery: Delivery, reason: str, detail: str, *, counts: bool) -> None:
    effects.counts["quarantined", reason] += counts
    effects.quarantined.append(
        Quarantined(
            device_id=effects.member.id,
            topic=delivery.topic,
            payload=delivery.payload[:MAX_PAYLOAD_BYTES],
            truncated=len(delivery.payload) > MAX_PAYLOAD_BYTES,
            qos=delivery.qos,
            retain=delivery.retain,
            received_ms=delivery.received_ms,
            reason=reason,
            detail=_storable(detail)[:_MAX_DETAIL_CHARS],
        )
    )


def _storable(text: str) -> str:
    """What PostgreSQL takes as text: details may quote what was wrong."""
    return text.replace("\0", "\\0").encode(errors="replace").decode()


# Requests --------------------------------------------------------------------------------------------------------


def _asked(asked: RequestOperation, effects: Effects) -> Any:
    twin, body = effects.member.twin, asked.body if isinstance(asked.body, dict) else {}
    match asked.kind:
        case "desired":
            refused = set_desired(twin, body.get("patch"), body.get("if_version"))
            return refusal(refused) or {"version": twin.desired_version, "desired": twin.desired.value}
        case "tags":
            return refusal(set_tags(twin, body.get("tags"))) or {"tags": twin.tags}
        case "delete":
            effects.gone = True
            return {}
        case "register":
            return {}
        case _:
            return refusal(Refused("bad_request", f"unknown kind of request {asked.kind!r}"))


def refusal(refused: Refused | None) -> dict[str, str] | None:
    """A request's result when it was refused."""
    return {"error": refused.code, "message": refused.message} if refused else None
