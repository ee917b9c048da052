"""What a delivery says: discovery, Home Assistant's own birth, a topic that an entity named."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import structs

from bridge.dialects.dialect import TOPIC, Reading, Said, State
from bridge.dialects.homeassistant.availability import MOST_CHARS, available, device_available, with_heard
from bridge.dialects.homeassistant.configs import Announced, announced
from bridge.dialects.homeassistant.described import description, entities_of
from bridge.dialects.homeassistant.devices import with_announced, with_made, without
from bridge.dialects.homeassistant.model import Entity, Live, Model
from bridge.dialects.homeassistant.states import Payload, event, metrics
from bridge.dialects.homeassistant.topics import Guard
from bridge.json_limits import MAX_PAYLOAD_BYTES, MalformedError, check_leaves, check_size, decode_json
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.observations import Cleared, Decoded, Described, Malformed, RawReading, StatusReported, Telemetry
from bridge.topic_filters import matches

OWN_ORIGIN: Final = "Causeway"  # of what is exported to Home Assistant: never taken back
_OTHERS: Final = "Zigbee2MQTT"  # its export is the same devices once more
_OTHERS_IDENTIFIER: Final = "i:zigbee2mqtt_"
_MOST_HEARD: Final = 2_000
_CONFIG_LEAVES: Final = 10_000
_MOST_VALUES: Final = 2_000  # that a message has for all entities on its topic


def read(state: State, delivery: Delivery, guard: Guard) -> Reading:
    """See the protocol."""
    if len(delivery.payload) > MAX_PAYLOAD_BYTES:
        return Reading(malformed=Malformed("too_large", f"{len(delivery.payload)} bytes"))
    match delivery.kind:
        case "config":
            return _discovery(state, delivery, guard)
        case "status":
            return _home_assistant(state, delivery)
        case kind if kind == TOPIC:
            return _topic(state, delivery)
    return Reading(rejected="ignored")


def _home_assistant(state: State, delivery: Delivery) -> Reading:
    is_there = delivery.payload == b"online"
    live = structs.replace(state.live, is_there=is_there, birth_ms=0 if is_there else state.live.birth_ms)
    return Reading(rejected="ignored", state=None if live == state.live else State(state.model, live))


# Discovery -----------------------------------------------------------------------------------------------------------


def _discovery(state: State, delivery: Delivery, guard: Guard) -> Reading:
    if not delivery.payload:
        return _withdrawn(state, delivery)
    try:
        check_leaves(delivery.payload, _CONFIG_LEAVES)
        value = decode_json(delivery.payload)
        check_size(value, _CONFIG_LEAVES)
    except MalformedError as bad:
        return Reading(malformed=bad.malformed)
    if not isinstance(value, dict):
        return Reading(malformed=Malformed("not_an_object", "a discovery message"))
    if value.get("migrate_discovery") is True:
        return Reading(rejected="ignored")
    found = announced(delivery.detail, value)
    if refused := _refused(found, value):
        return refused
    after, child, reason = with_announced(state.model, delivery.detail, found, guard)
    return _announced(state, delivery, after, [child], reason)


def _refused(found: Announced, value: dict[str, Any]) -> Reading | None:
    """A message of which nothing is taken."""
    if found.origin == OWN_ORIGIN:
        return Reading(rejected="own_export")
    if found.origin == _OTHERS or any(one.startswith(_OTHERS_IDENTIFIER) for one in found.identifiers):
        return Reading(rejected="other_dialect")
    if not found.identifiers:
        if "device" in value or "dev" in value:
            return Reading(malformed=Malformed("bad_identifiers", "neither identifiers nor connections"))
        return Reading(rejected="discovery_without_device")
    return None


def _withdrawn(state: State, delivery: Delivery) -> Reading:
    """An empty message: what its topic announced is no more. The devices and their readings stay."""
    after, children = without(state.model, delivery.detail)
    if not children:
        return Reading((Said(delivery.source, Cleared()),))
    return _announced(state, delivery, after, children, "")


def _announced(state: State, delivery: Delivery, after: Model, children: list[str], reason: str) -> Reading:
    """The descriptions of those devices that were heard. The others may be long dead: they are made when heard."""
    kept = None if after is state.model else State(after, state.live)
    if reason or not children[0]:
        return Reading(rejected=reason, state=kept)
    said = _described(after, state.live, delivery.source, [one for one in children if after.devices[one].made])
    return Reading(tuple(said), state=kept)


def _described(model: Model, live: Live, source: str, children: Iterable[str]) -> list[Said]:
    found = ((child, description(model, source, child, live.heard)) for child in children)
    return [Said(f"{source}~{child}", Described(one)) for child, one in found if one is not None]


# What entities named -------------------------------------------------------------------------------------------------


def _topic(state: State, delivery: Delivery) -> Reading:
    model: Model = state.model
    topic = delivery.topic
    names = [topic, *(one for one in model.wildcards if matches(one, topic))]
    entities = [model.entities[at] for name in names for at in model.topics.get(name, ()) if at in model.entities]
    if not entities:
        return Reading(rejected="unknown_entity")
    if not delivery.payload:
        return Reading((Said(delivery.source, Cleared()),))
    live = _live(state.live, topic, delivery.payload, entities)
    said = _said(entities, names, delivery.payload)
    presence, changed = _presence(model, state.live, live, entities, topic)
    children = list(dict.fromkeys(one.device for one in entities))
    new = [child for child in children if not model.devices[child].made and (said.get(child) or child in presence)]
    after = with_made(model, new) if new else model
    described = _described(after, live, delivery.source, [*new, *(one for one in changed if one not in new)])
    described = [one for one in described if after.devices[one.device.partition("~")[2]].made]
    values = [
        Said(f"{delivery.source}~{child}", one)
        for child in children
        for one in [*presence.get(child, ()), *said.get(child, ())]
    ]
    kept = State(after, live) if new or live is not state.live else None
    return Reading((*described, *values), rejected="" if described or values else "ignored", state=kept)


def _live(live: Live, topic: str, content: bytes, entities: list[Entity]) -> Live:
    """What was heard of availability, remembered."""
    concerned = [one for one in entities if any(each.topic == topic for each in one.availability)]
    if not concerned or len(content) > MOST_CHARS or (topic not in live.heard and len(live.heard) >= _MOST_HEARD):
        return live
    text = content.decode(errors="replace")
    is_same = topic in live.heard and live.heard[topic][1] == text
    if is_same and not any(one.mode == "latest" and len(one.availability) > 1 for one in concerned):
        return live
    return structs.replace(live, heard=with_heard(live.heard, topic, text))


def _presence(
    model: Model, before: Live, after: Live, entities: list[Entity], topic: str
) -> tuple[dict[str, list[Decoded]], list[str]]:
    """The devices that are there or gone now, by this topic; those of which something became available, or isn't."""
    concerned = [one for one in entities if any(each.topic == topic for each in one.availability)]
    presence: dict[str, list[Decoded]] = {}
    for child in dict.fromkeys(one.device for one in concerned):
        is_there = device_available(entities_of(model, child), after.heard)
        own = [available(one, after.heard) for one in concerned if one.device == child]
        if is_there is not None and is_there in own:
            presence[child] = [StatusReported(is_there)]
    flags = [(one.device, available(one, before.heard), available(one, after.heard)) for one in concerned]
    changed = [child for child, was, now in flags if (was is False) != (now is False)]
    return presence, list(dict.fromkeys(changed))


def _said(entities: list[Entity], names: list[str], content: bytes) -> dict[str, list[Decoded]]:
    """Readings and events of each device."""
    payload, sieve, taken = Payload(content), Sieve(len(content)), 0
    values: dict[str, dict[str, Any]] = {}
    events: dict[str, list[Decoded]] = {}
    for entity in entities:
        for feature in entity.features:
            if feature.topic not in names:
                continue
            if feature.form in ("event", "trigger"):
                happened = event(entity, feature, payload)
                events.setdefault(entity.device, []).extend([happened] if happened else [])
            else:
                found = metrics(entity, feature, payload, _MOST_VALUES - taken)
                taken += len(found)
                values.setdefault(entity.device, {}).update(
                    {name: sieve.scalar(one, name) for name, one in found.items() if len(name) <= 128}
                )
    said: dict[str, list[Decoded]] = {child: [*listed] for child, listed in events.items()}
    for child, metrics_ in values.items():
        if metrics_:
            said.setdefault(child, []).insert(0, Telemetry((RawReading(None, metrics_),), sieve.notes))
    return said
