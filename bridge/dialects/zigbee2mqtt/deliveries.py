"""What a delivery says: of the bridge, or of whoever has the name in its topic."""

from typing import Any, Final

from msgspec import structs

from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.zigbee2mqtt import bridge, described, network, values
from bridge.dialects.zigbee2mqtt.model import Member, Model
from bridge.json_limits import MAX_PAYLOAD_BYTES, MalformedError, decode_json, json_type
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    CommandFailed,
    Decoded,
    Described,
    Doubted,
    EventReported,
    Malformed,
    StatusReported,
    Telemetry,
)

UNKNOWN: Final = "unknown_entity"
IGNORED: Final = "ignored"
_MOST_SLASHES: Final = 32  # in a friendly name


def read(state: State, delivery: Delivery) -> Reading:
    """See the protocol."""
    if delivery.kind == "bridge":
        return _of_bridge(state, delivery)
    return _of_member(state, delivery)


# The bridge ----------------------------------------------------------------------------------------------------------


def _of_bridge(state: State, delivery: Delivery) -> Reading:
    source, topic = delivery.source, delivery.detail
    if not delivery.payload:
        return Reading((Said(source, Cleared()),))
    if topic == "state":
        return _state(state.model, delivery)
    if topic not in ("devices", "groups", "info", "event", "logging", "health") and not topic.startswith("response/"):
        return Reading(rejected=IGNORED)
    if topic not in ("devices", "groups") and len(delivery.payload) > MAX_PAYLOAD_BYTES:
        return Reading(malformed=Malformed("too_large", f"{len(delivery.payload)} bytes"))
    if topic == "devices" and (after := network.with_devices_in(state.model, delivery.payload)) is not None:
        return _changed(state, delivery, after, None)
    try:
        value = decode_json(delivery.payload)
        listed = _listed(state, delivery, value) or _renamed(state, delivery, value)
        return listed or _happened(state.model, delivery, value)
    except MalformedError as bad:
        return Reading(malformed=bad.malformed)


def _state(model: Model, delivery: Delivery) -> Reading:
    """Its will says nothing of the devices: they may be there, but nobody speaks for them."""
    status = bridge.status(delivery.payload)
    if status is None:
        return Reading(malformed=Malformed("bad_status", "neither online nor offline", speaks=False))
    said = [Said(delivery.source, status)]
    if not status.online and not delivery.retain:
        why = Doubted("its Zigbee2MQTT is offline")
        said += [Said(f"{delivery.source}~{one.child}", why) for one in model.members.values()]
    return Reading(tuple(said))


def _listed(state: State, delivery: Delivery, value: Any) -> Reading | None:
    """Lists and information change the model; None: it is neither."""
    before = state.model
    match delivery.detail:
        case "devices":
            after = network.with_devices(before, value)
        case "groups":
            after = network.with_groups(before, value)
        case "info":
            after = bridge.with_info(before, value)
        case _:
            return None
    if after is None:
        return Reading(malformed=Malformed("not_an_array", f"the list is {json_type(value)}"))
    return _changed(state, delivery, after, value)


def _changed(state: State, delivery: Delivery, after: Model, value: Any) -> Reading:
    """What a list, or information (``value``), has changed."""
    before, source = state.model, delivery.source
    said = [Said(source, Described(described.bridge(after)))]
    if delivery.detail == "info":
        said += [Said(source, one) for one in [bridge.permit_join(value)] if one]
    if delivery.detail != "info" or after.availability != before.availability or after.version != before.version:
        said += _described(source, before, after)
    return Reading(tuple(said), state=_next(state, after))


def _renamed(state: State, delivery: Delivery, value: Any) -> Reading | None:
    """An answer that renames somebody counts at once: the list with the new name comes a moment later."""
    after = network.renamed(state.model, value) if delivery.detail.endswith("/rename") else None
    if after is None:
        return None
    answer = bridge.answer(value, delivery.payload)
    said = [*_described(delivery.source, state.model, after), *([Said(delivery.source, answer)] if answer else [])]
    return Reading(tuple(said), state=_next(state, after))


def _described(source: str, before: Model, after: Model) -> list[Said]:
    """All members; those that left are withdrawn."""
    there = {one.child for one in after.members.values()}
    gone = [one for one in before.members.values() if one.child not in there]
    said = [
        Said(f"{source}~{one.child}", Described(described.member(after, source, one))) for one in after.members.values()
    ]
    for one in gone:
        description = structs.replace(described.member(after, source, one), withdrawn=True)
        said.append(Said(f"{source}~{one.child}", Described(description)))
    return said


def _next(state: State, after: Model) -> State | None:
    """The state with this model. New names are a reason to hear again what is retained, if something was missed."""
    live, is_new = state.live, bool(after.members.keys() - state.model.members.keys())
    if live.missed and is_new:
        live = structs.replace(live, missed=False, refetch=True)
    elif after == state.model:
        return None
    return State(after, live)


def _happened(model: Model, delivery: Delivery, value: Any) -> Reading:
    """Events, errors, answers, health."""
    source, topic, payload = delivery.source, delivery.detail, delivery.payload
    found: Decoded | None
    match topic:
        case "logging":
            return _logged(model, source, value)
        case "event":
            found = bridge.event(value, payload)
        case "health":
            found = bridge.health(value, payload)
        case _:
            found = bridge.answer(value, payload)
    return Reading((Said(source, found),)) if found else Reading(rejected=IGNORED)


def _logged(model: Model, source: str, value: Any) -> Reading:
    text = bridge.error_in(value)
    if not text:
        return Reading(rejected=IGNORED)
    said = [Said(source, EventReported("log_error", {"message": text}))]
    if failed := bridge.failed(text, model.members.values()):
        member, reason = failed
        said.append(Said(f"{source}~{member.child}", CommandFailed(reason)))
    return Reading(tuple(said))


# Members -------------------------------------------------------------------------------------------------------------


def _of_member(state: State, delivery: Delivery) -> Reading:
    found = _find(state.model, delivery.detail)
    if found is None and not delivery.payload:
        return Reading((Said(delivery.source, Cleared()),))  # a name that was given up
    if found is None:
        missed = None if state.live.missed else State(state.model, structs.replace(state.live, missed=True))
        return Reading(rejected=UNKNOWN, state=missed)
    member, rest = found
    said = _said(state.model, member, rest, delivery.payload)
    device = f"{delivery.source}~{member.child}"
    return Reading(tuple(Said(device, one) for one in said)) if said else Reading(rejected=IGNORED)


def _find(model: Model, name: str) -> tuple[Member, str] | None:
    """The longest friendly name that the rest of a topic begins with, and what follows it."""
    end = len(name)
    for _ in range(_MOST_SLASHES):
        member = model.members.get(name[:end])
        if member is not None:
            return member, name[end + 1 :]
        end = name.rfind("/", 0, end)
        if end < 0:
            break
    return None


def _said(model: Model, member: Member, rest: str, payload: bytes) -> list[Decoded]:
    """What a member's topic says; nothing: it says it elsewhere, too."""
    if not payload:
        return [Cleared()]
    if len(payload) > MAX_PAYLOAD_BYTES:
        return [Malformed("too_large", f"{len(payload)} bytes")]
    if not rest:
        return [one for one in values.values(member, payload) if one != Telemetry(())]
    if rest == "availability":
        return [_availability(payload)]
    if "json" in model.output:
        return []  # its own topic has it: 1.x published actions once more
    one = values.attribute(member, rest, payload)
    return [] if one == Telemetry(()) else [one]


def _availability(payload: bytes) -> StatusReported | Malformed:
    return bridge.status(payload) or Malformed("bad_status", "neither online nor offline", speaks=False)
