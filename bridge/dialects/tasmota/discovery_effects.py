"""What a discovery message changes in what is remembered, and what it says of which device."""

from collections.abc import Callable

from msgspec import structs

from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.tasmota.asking import SPREAD_MS, asking, asking_all
from bridge.dialects.tasmota.description import description_of
from bridge.dialects.tasmota.discovery import Config, read_config, read_sensors
from bridge.dialects.tasmota.keys import key_of
from bridge.dialects.tasmota.model import MOST_THINGS, Announced, Fleet, Now, Thing
from bridge.messages import Delivery
from bridge.observations import Cleared, Described, Malformed

Covered = Callable[[str, str, str], bool]  # from site, beginning of a topic, device topic
_SOON_MS = 2_000
_MOST_ANNOUNCED = 200  # sensors of devices whose config is not there yet


def read(state: State, delivery: Delivery, covered: Covered, root: str) -> Reading:
    """A config or sensors of the device with this MAC.

    Args:
        state: of the source.
        delivery: the message; its detail is the MAC.
        covered: whether a pattern brings a device's messages.
        root: beginning of topics on which no command may be published.
    """
    if not delivery.payload:
        return _cleared(state, delivery)
    if delivery.kind == "sensors":
        announced = read_sensors(delivery.payload)
        if isinstance(announced, Malformed):
            return Reading(malformed=announced)
        return _announced(state, delivery, announced)
    config = read_config(delivery.payload, delivery.detail)
    if isinstance(config, Malformed):
        return Reading(malformed=config)
    if any(stem.startswith((root, "$")) for stem in (config.thing.command_stem, *(stem for _, stem in config.stems))):
        return Reading(rejected="foreign_topic")
    return _configured(state, delivery, config, covered)


def _cleared(state: State, delivery: Delivery) -> Reading:
    """The discovery is withdrawn (SetOption19 1); the device may be there all the same."""
    fleet: Fleet = state.model
    topic = fleet.topics.get(delivery.detail)
    thing = fleet.things.get(topic) if topic else None
    if topic is None or thing is None:
        return Reading(rejected="unknown_device")
    if delivery.kind == "sensors" or thing.withdrawn:
        return Reading((Said(key_of(delivery.source, topic), Cleared()),))
    return _become(state, delivery, {topic: structs.replace(thing, withdrawn=True)}, state.live)


def _announced(state: State, delivery: Delivery, announced: Announced) -> Reading:
    fleet: Fleet = state.model
    topic = fleet.topics.get(delivery.detail)
    if topic is None or topic not in fleet.things:
        if len(fleet.announced) >= _MOST_ANNOUNCED and delivery.detail not in fleet.announced:
            return Reading(rejected="unknown_device")
        waiting = structs.replace(fleet, announced={**fleet.announced, delivery.detail: announced})
        return Reading(rejected="waits_for_config", state=State(waiting, state.live))
    thing = _with(fleet.things[topic], announced)
    return _become(state, delivery, {topic: thing}, state.live)


def _configured(state: State, delivery: Delivery, config: Config, covered: Covered) -> Reading:
    fleet: Fleet = state.model
    now: Now = state.live
    mac, topic, site = delivery.detail, config.topic, delivery.source.partition("/")[0]
    before = fleet.things.get(topic)
    if before is None and len(fleet.things) >= MOST_THINGS:
        return Reading(rejected="too_many_devices")
    things = {topic: _with(_merged(config.thing, before), fleet.announced.get(mac, Announced()))}
    former = fleet.topics.get(mac)
    if former is not None and former != topic and former in fleet.things:  # it has another topic now
        things[former] = structs.replace(fleet.things[former], withdrawn=True)
    foreign = {stem: (prefix, topic) for prefix, stem in config.stems if not covered(site, config.stems[0][1], topic)}
    stems = {stem: one for stem, one in fleet.stems.items() if one[1] not in {topic, former}}
    fleet = structs.replace(
        fleet,
        topics={**fleet.topics, mac: topic},
        announced={one: waiting for one, waiting in fleet.announced.items() if one != mac},
        stems=fleet.stems if {**stems, **foreign} == fleet.stems else {**stems, **foreign},
    )
    if before is None or not before.discovered:
        now = _to_ask(now, topic, delivery)
    if topic in now.unread:
        now = structs.replace(now, unread=tuple(one for one in now.unread if one != topic), refetch=True)
    return _become(State(fleet, now), delivery, things, now)


def _to_ask(now: Now, topic: str, delivery: Delivery) -> Now:
    if delivery.retain:
        return asking_all(now, [topic], delivery.received_ms)
    return asking(now, topic, delivery.received_ms + min(_SOON_MS, SPREAD_MS))


def _merged(new: Thing, before: Thing | None) -> Thing:
    """What was seen of it stays known."""
    if before is None:
        return new
    return structs.replace(
        new,
        metrics=before.metrics,
        units=before.units,
        sleep_s=new.sleep_s or before.sleep_s,
        model=new.model or before.model,
    )


def _with(thing: Thing, announced: Announced) -> Thing:
    return structs.replace(
        thing, metrics={**announced.metrics, **thing.metrics}, units={**announced.units, **thing.units}
    )


def _become(state: State, delivery: Delivery, things: dict[str, Thing], now: Now) -> Reading:
    """Remember these, and describe them."""
    fleet: Fleet = state.model
    said = tuple(
        Said(key_of(delivery.source, topic), Described(description_of(thing, ""))) for topic, thing in things.items()
    )
    if any(fleet.things.get(topic) != thing for topic, thing in things.items()):
        fleet = structs.replace(fleet, things={**fleet.things, **things})
    return Reading(said, state=State(fleet, now))
