"""Which device an entity belongs to, and what the model is once something was announced or withdrawn.

One device may be announced by many messages: those that share an identifier or a connection mean the same. Its key is
made of the first identifier, else of the first connection; of several, of the least, until the device was heard.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import structs

from bridge.dialects.forms.names import key_part
from bridge.dialects.forms.texts import label
from bridge.dialects.homeassistant.configs import Announced, Discovered, is_device
from bridge.dialects.homeassistant.entities import ForeignTopicError, entity
from bridge.dialects.homeassistant.model import MOST_ENTITIES, MOST_ON_A_TOPIC, MOST_TOPICS, Entity, Known, Model
from bridge.dialects.homeassistant.topics import Guard

_MOST_ALIASES: Final = 20_000

Changes = dict[str, Entity | None]  # by topic of discovery; None: it is withdrawn


def with_announced(model: Model, detail: str, found: Announced, guard: Guard) -> tuple[Model, str, str]:
    """The model with it; the device's child; why nothing of it was taken, else an empty text."""
    if len(model.aliases) + len(found.identifiers) > _MOST_ALIASES:
        return model, "", "too_many_devices"
    model, child = _with_device(model, found)
    changes: Changes = dict.fromkeys(found.withdrawn)
    refused = ""
    for one in found.entities:
        try:
            _put(model, changes, one, entity(one, child, guard))
        except ForeignTopicError:
            refused, changes[one.at] = "foreign_topic", None
    if not is_device(detail) and not found.entities:
        changes[detail] = None
    after = _with_entities(model, changes)
    is_taken = any(one.at in after.entities for one in found.entities) or found.withdrawn
    reason = refused or ("too_many_entities" if found.entities else "unknown_component")
    return _heard_never(after, child), child, "" if is_taken else reason


def without(model: Model, detail: str) -> tuple[Model, list[str]]:
    """The model without what a topic announced; the children of which something was."""
    gone = [at for at in model.entities if at == detail or at.startswith(f"{detail}#")]
    children = list(dict.fromkeys(model.entities[at].device for at in gone))
    return _with_entities(model, dict.fromkeys(gone)), children


def with_made(model: Model, children: Iterable[str]) -> Model:
    """The model with these devices as heard."""
    made = {child: structs.replace(model.devices[child], made=True) for child in children}
    return structs.replace(model, devices=model.devices | made)


def _put(model: Model, changes: Changes, one: Discovered, made: Entity) -> None:
    """Add an entity. Of two with one name in a device that with the greater topic has its node's name behind."""
    theirs = {at: model.entities[at] for at in model.devices[made.device].entities if at not in changes}
    theirs |= {at: new for at, new in changes.items() if new is not None}
    for at, other in theirs.items():
        if other.metric == made.metric and at != one.at:
            if at < one.at:
                made = _apart(one.at, made)
            else:
                changes[at] = _apart(at, other)
            break
    changes[one.at] = made


def _apart(at: str, one: Entity) -> Entity:
    levels = at.split("/")
    node = label(levels[1], 64) if len(levels) > 2 else levels[0]
    return structs.replace(one, metric=f"{one.metric}.{node}")


def _with_device(model: Model, found: Announced) -> tuple[Model, str]:
    """The model with what is known of a device, and its child."""
    children = {model.aliases[one] for one in found.identifiers if one in model.aliases}
    first = found.identifiers[0]
    own = key_part(first.partition(":")[2])
    ranks = {one: (model.devices[one].by_connection, one) for one in children}
    if own not in ranks:
        ranks[own] = (first.startswith("c:"), own)
    made = [one for one in children if model.devices[one].made]
    child = min(made or ranks, key=ranks.__getitem__)
    known = structs.replace(_merged(model, children), **_fields(found), by_connection=ranks[child][0])
    if children == {child} and known == model.devices[child] and all(one in model.aliases for one in found.identifiers):
        return model, child
    aliases = model.aliases | dict.fromkeys(found.identifiers, child)
    devices, entities = {**model.devices, child: known}, model.entities
    if others := children - {child}:
        aliases = {name: child if one in others else one for name, one in aliases.items()}
        devices = {one: its for one, its in devices.items() if one not in others}
        entities = entities | {at: structs.replace(entities[at], device=child) for at in known.entities}
    return structs.replace(model, devices=devices, aliases=aliases, entities=entities), child


def _merged(model: Model, children: Iterable[str]) -> Known:
    known, entities = Known(), set[str]()
    for child in sorted(children):
        one = model.devices[child]
        known = structs.replace(known, **{name: value for name, value in structs.asdict(one).items() if value})
        entities.update(one.entities)
    return structs.replace(known, entities=tuple(sorted(entities)))


def _fields(found: Announced) -> dict[str, Any]:
    """What a message says of its device; what it leaves out stays as it was."""
    device = found.device
    said = {
        "name": label(device.get("name")),
        "manufacturer": label(device.get("manufacturer")),
        "model": label(device.get("model")),
        "hardware": label(device.get("hw_version"), 64),
        "firmware": label(device.get("sw_version"), 64),
        "serial": label(device.get("serial_number")),
        "area": label(device.get("suggested_area")),
        "via": label(device.get("via_device")),
        "origin": f"{found.origin} {found.version}".strip(),
    }
    return {name: value for name, value in said.items() if value}


def _heard_never(model: Model, child: str) -> Model:
    """A device that names no topic to listen to is taken as it is: nothing else would ever be heard of it."""
    known = model.devices[child]
    if known.made or not known.entities or any(model.entities[at].topics() for at in known.entities):
        return model
    return with_made(model, [child])


def _with_entities(model: Model, changes: Changes) -> Model:
    """The model with these entities, without those that are None, and with their topics.

    Entities that would be too many, in all or on a topic, are left out.
    """
    entities, devices, topics = dict(model.entities), dict(model.devices), dict(model.topics)
    has_changed = False
    for at, new in changes.items():
        old = entities.get(at)
        if old == new:
            continue
        has_changed = True
        if old is not None:
            del entities[at]
            _unlink(devices, topics, at, old)
        if new is not None and _has_room(entities, topics, new):
            entities[at] = new
            _link(devices, topics, at, new)
    if not has_changed:
        return model
    wildcards = tuple(sorted(topic for topic in topics if "+" in topic))
    return structs.replace(model, entities=entities, devices=devices, topics=topics, wildcards=wildcards)


def _has_room(entities: dict[str, Entity], topics: dict[str, tuple[str, ...]], new: Entity) -> bool:
    named = new.topics()
    if len(entities) >= MOST_ENTITIES or len(topics) + len(named) > MOST_TOPICS:
        return False
    return all(len(topics.get(topic, ())) < MOST_ON_A_TOPIC for topic in named)


def _link(devices: dict[str, Known], topics: dict[str, tuple[str, ...]], at: str, one: Entity) -> None:
    known = devices[one.device]
    devices[one.device] = structs.replace(known, entities=tuple(sorted({*known.entities, at})))
    for topic in one.topics():
        topics[topic] = tuple(sorted({*topics.get(topic, ()), at}))


def _unlink(devices: dict[str, Known], topics: dict[str, tuple[str, ...]], at: str, one: Entity) -> None:
    known = devices[one.device]
    devices[one.device] = structs.replace(known, entities=tuple(each for each in known.entities if each != at))
    for topic in one.topics():
        rest = tuple(each for each in topics.get(topic, ()) if each != at)
        if rest:
            topics[topic] = rest
        else:
            topics.pop(topic, None)
