"""What a Homie message says of which device, and what is known of the base's devices after it."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from bridge.descriptions import Description
from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.forms.names import key_part
from bridge.dialects.homie import commands
from bridge.dialects.homie.described import from_json, with_attribute
from bridge.dialects.homie.model import NEW, Device, Live, Model, Property, metric_of
from bridge.dialects.homie.topics import NAME
from bridge.dialects.homie.values import UNFIT, described, value_of
from bridge.json_limits import MAX_PAYLOAD_BYTES, MalformedError
from bridge.json_values import MAX_NAME_CHARS, Sieve
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    Described,
    Echo,
    EventReported,
    Malformed,
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)

_ONLINE: Final = frozenset({"init", "ready", "sleeping", "alert"})
_OFFLINE: Final = frozenset({"disconnected", "lost"})
_UNSETTLED: Final = frozenset({"", "init"})  # the description may be about to change
_MOST_DEVICES: Final = 2_000


def read(state: State, delivery: Delivery) -> Reading:
    """Read one message."""
    _version, name, *levels = delivery.detail.split("/")
    if len(delivery.payload) > MAX_PAYLOAD_BYTES:
        return Reading(malformed=Malformed("too_large", f"{len(delivery.payload)} bytes"))
    if name not in state.model and len(state.model) >= _MOST_DEVICES:
        return Reading(rejected="too_many_devices")
    match delivery.kind:
        case "state":
            return _state(state, delivery, name)
        case "description":
            return _description(state, delivery, name)
        case "attribute":
            return _attribute(state, delivery, name, "/".join(levels))
        case "log" | "alert":
            return _told(state, delivery, name, levels[1])
    return _value(state, delivery, name, f"{levels[0]}/{levels[1]}")


# The model --------------------------------------------------------------------------------------------------------


def _description(state: State, delivery: Delivery, name: str) -> Reading:
    if not delivery.payload:
        return _removed(state, delivery, name)
    try:
        found = from_json(delivery.payload)
    except MalformedError as bad:
        return Reading(malformed=bad.malformed)
    return _known(state, delivery, name, found)


def _attribute(state: State, delivery: Delivery, name: str, attribute: str) -> Reading:
    before = state.model.get(name, NEW)
    found = with_attribute(before, attribute, delivery.payload.decode(errors="replace").replace("\0", "").strip())
    if found is before:
        return Reading()
    if before.is_known and not found.complete and not delivery.payload:
        return _removed(state, delivery, name)
    return _known(state, delivery, name, found)


def _known(state: State, delivery: Delivery, name: str, found: Device) -> Reading:
    """The device is this from now on."""
    before = state.model.get(name, NEW)
    model = state.model if found == before else {**state.model, name: found}
    live: Live = state.live
    if found.complete and not before.is_known:
        live = replace(live, described_ms=delivery.received_ms)
    after = State(model, live)
    settled = found.complete and live.states.get(name, "") not in _UNSETTLED
    return Reading(tuple(_introduced(after, delivery.source, name)) if settled else (), state=after)


def _introduced(state: State, source: str, name: str) -> Iterator[Said]:
    """What is to be said of a device when its description counts."""
    device = _key(source, name)
    yield Said(device, Described(description(source, name, state.model[name])))
    yield Said(device, StatusReported(_is_online(state, name)))


def description(source: str, name: str, device: Device) -> Description:
    """A device as all dialects describe it."""
    return Description(
        name=device.name or name,
        model=device.model,
        firmware=device.firmware,
        serial=device.serial,
        via=_key(source, device.parent or device.root) if device.parent or device.root else "",
        properties=tuple(described(path, one) for path, one in device.properties.items() if one.retained),
        actions=commands.actions(device),
        stale_after_s=None,  # the broker tells of its end
        origin=f"homie {device.homie}",
        dialect=NAME,
        withdrawn=device.withdrawn,
    )


# Presence ---------------------------------------------------------------------------------------------------------


def _state(state: State, delivery: Delivery, name: str) -> Reading:
    """``$state``: of the device, and of those for which it has the connection."""
    live: Live = state.live
    word = delivery.payload.decode(errors="replace").strip().lower()
    if not word:
        return _removed(state, delivery, name)
    if word not in _ONLINE | _OFFLINE:
        return Reading(malformed=Malformed("bad_status", word[:64].replace("\0", "\\0"), speaks=False))
    before = live.states.get(name, "")
    after = State(state.model, live if word == before else replace(live, states={**live.states, name: word}))
    said = list(_states(after, delivery.source, name, was_unsettled=before in _UNSETTLED))
    if word == "alert" and name in state.model:
        said.append(Said(_key(delivery.source, name), EventReported("alert", {"state": "alert"})))
    return Reading(tuple(said), state=after)


def _states(state: State, source: str, name: str, *, was_unsettled: bool) -> Iterator[Said]:
    model: Model = state.model
    if model.get(name, NEW).is_known:
        if was_unsettled and state.live.states[name] not in _UNSETTLED:
            yield from _introduced(state, source, name)
        else:
            yield Said(_key(source, name), StatusReported(_is_online(state, name)))
    for child, device in model.items():
        speaks_for = name in (device.root, device.parent) and child != name
        if speaks_for and child in state.live.states and device.is_known:
            yield Said(_key(source, child), StatusReported(_is_online(state, child)))


def _is_online(state: State, name: str) -> bool:
    """By its own word, and by that of the device that has the connection."""
    states, device = state.live.states, state.model.get(name, NEW)
    own = states.get(name, "ready") in _ONLINE
    return own and not any(states.get(above) in _OFFLINE for above in (device.root, device.parent) if above)


def _removed(state: State, delivery: Delivery, name: str) -> Reading:
    """It is to be forgotten: what it was stays, as withdrawn."""
    device = state.model.get(name, NEW)
    states = {one: word for one, word in state.live.states.items() if one != name}
    live = replace(state.live, states=states)
    if not device.is_known:
        return Reading(state=State(state.model, live))
    last = replace(device, withdrawn=True, attributes={})  # it has to announce all of them again
    said = (
        Said(_key(delivery.source, name), StatusReported(online=False)),
        Said(_key(delivery.source, name), Described(description(delivery.source, name, last))),
    )
    return Reading(said, state=State({**state.model, name: last}, live))


# What they say ----------------------------------------------------------------------------------------------------


def _told(state: State, delivery: Delivery, name: str, what: str) -> Reading:
    """``$log/{level}`` and ``$alert/{id}``."""
    if not state.model.get(name, NEW).is_known:
        return Reading(rejected="unknown_entity")
    if not delivery.payload:
        return Reading((Said(_key(delivery.source, name), Cleared()),))
    sieve = Sieve(len(delivery.payload))
    text = sieve.scalar(delivery.payload.decode(errors="replace"), delivery.kind)
    data = {"level" if delivery.kind == "log" else "id": what, "message": text}
    return Reading((Said(_key(delivery.source, name), EventReported(delivery.kind, data, sieve.notes)),))


def _value(state: State, delivery: Delivery, name: str, path: str) -> Reading:
    device: Device = state.model.get(name, NEW)
    one = device.properties.get(path)
    if one is None or not device.is_known:
        return Reading(rejected="unknown_entity")
    key = _key(delivery.source, name)
    if not delivery.payload:
        return Reading((Said(key, Cleared()),))
    value = value_of(one, delivery.payload)
    if value is UNFIT:
        return Reading(rejected="wrong_datatype")
    sieve, metric = Sieve(len(delivery.payload)), metric_of(path)
    value = sieve.storable(value, metric)
    if delivery.kind == "target":
        return Reading((Said(key, Echo({} if isinstance(value, dict | list) else {metric: value}, "accepted")),))
    return Reading(tuple(Said(key, what) for what in _observed(one, metric, value, sieve)))


def _observed(one: Property, metric: str, value: Any, sieve: Sieve) -> Iterator[Any]:
    if not one.retained:
        yield EventReported(key_part(metric), {"value": value}, sieve.notes)
    elif isinstance(value, dict | list):
        if isinstance(value, dict):  # a patch would leave the members that are gone
            yield StatePatch({metric: None})
        yield StatePatch({metric: value}, sieve.notes)
    elif len(metric) > MAX_NAME_CHARS:
        sieve.note("bad_metric_name", metric, value)
        yield Telemetry((), sieve.notes)
    else:
        yield Telemetry((RawReading(None, {metric: value}),), sieve.notes)


def _key(source: str, name: str) -> str:
    return f"{source}~{key_part(name)}"
