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


def with_announced(model: Model, detail: str, found: Announced, guard: Guard) -> tuple[Model, str, str]:
    """The model with it; the device's child; why nothing of it was taken, else an empty text."""
    if len(model.aliases) + len(found.identifiers) > _MOST_ALIASES:
        return model, "", "too_many_devices"
    model, child = _with_device(model, found)
    entities, withdrawn, refused = dict(model.entities), list(found.withdrawn), ""
    for one in found.entities:
        try:
            made = entity(one, child, guard)
        except ForeignTopicError:
            refused = "foreign_topic"
            withdrawn.append(one.at)
            continue
        if len(entities) >= MOST_ENTITIES and one.at not in entities:
            refused = "too_many_entities"
            continue
        _put(entities, one, made)
    if not is_device(detail) and not found.entities:
        withdrawn.append(detail)
    for at in withdrawn:
        entities.pop(at, None)
    after = _indexed(model, entities)
    is_taken = any(one.at in after.entities for one in found.entities) or found.withdrawn
    return _heard_never(after, child), child, "" if is_taken else refused or "unknown_component"


def without(model: Model, detail: str) -> tuple[Model, list[str]]:
    """The model without what a topic announced; the children of which something was."""
    gone = [at for at in model.entities if at == detail or at.startswith(f"{detail}#")]
    children = list(dict.fromkeys(model.entities[at].device for at in gone))
    entities = {at: one for at, one in model.entities.items() if at not in set(gone)}
    return _indexed(model, entities) if gone else model, children


def with_made(model: Model, children: Iterable[str]) -> Model:
    """The model with these devices as heard."""
    made = {child: structs.replace(model.devices[child], made=True) for child in children}
    return structs.replace(model, devices=model.devices | made)


def _put(entities: dict[str, Entity], one: Discovered, made: Entity) -> None:
    """Add an entity. Of two with one name in a device that with the greater topic has its node's name behind."""
    for at, other in entities.items():
        if other.device == made.device and other.metric == made.metric and at != one.at:
            if at < one.at:
                made = _apart(one.at, made)
            else:
                entities[at] = _apart(at, other)
            break
    entities[one.at] = made


def _apart(at: str, one: Entity) -> Entity:
    levels = at.split("/")
    node = label(levels[1], 64) if len(levels) > 2 else levels[0]
    return structs.replace(one, metric=f"{one.metric}.{node}")


def _with_device(model: Model, found: Announced) -> tuple[Model, str]:
    """The model with what is known of a device, and its child."""
    children = {model.aliases[one] for one in found.identifiers if one in model.aliases}
    own = key_part(found.identifiers[0].partition(":")[2])
    child = min([*children, own], key=lambda one: _rank(model, one, found))
    if any(model.devices[one].made for one in children if one in model.devices):
        child = min(children, key=lambda one: (not model.devices[one].made, one))
    known = structs.replace(_merged(model, children), **_fields(found))
    devices = {one: it for one, it in model.devices.items() if one not in children} | {child: known}
    aliases = {name: child if one in children else one for name, one in model.aliases.items()}
    aliases |= dict.fromkeys(found.identifiers, child)
    entities = model.entities
    if children - {child}:
        entities = {
            at: structs.replace(one, device=child) if one.device in children else one
            for at, one in model.entities.items()
        }
    return structs.replace(model, devices=devices, aliases=aliases, entities=entities), child


def _rank(model: Model, child: str, found: Announced) -> tuple[bool, str]:
    """An identifier before a connection, then the least."""
    names = [*found.identifiers, *(name for name, one in model.aliases.items() if one == child)]
    is_identifier = any(name.startswith("i:") and key_part(name[2:]) == child for name in names)
    return not is_identifier, child


def _merged(model: Model, children: Iterable[str]) -> Known:
    known = Known()
    for child in sorted(children):
        one = model.devices.get(child, Known())
        known = structs.replace(known, **{name: value for name, value in structs.asdict(one).items() if value})
    return known


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
    own = [one for one in model.entities.values() if one.device == child]
    if not own or model.devices[child].made or any(one.topics() for one in own):
        return model
    return with_made(model, [child])


def _indexed(model: Model, entities: dict[str, Entity]) -> Model:
    """The model with these entities, and their topics; those that would be too many of a topic are left out."""
    topics: dict[str, list[str]] = {}
    kept: dict[str, Entity] = {}
    for at, one in entities.items():
        named = one.topics()
        if len(topics) + len(named) > MOST_TOPICS or any(
            len(topics.get(each, ())) >= MOST_ON_A_TOPIC for each in named
        ):
            continue
        kept[at] = one
        for each in named:
            topics.setdefault(each, []).append(at)
    return structs.replace(
        model,
        entities=kept,
        topics={topic: tuple(sorted(its)) for topic, its in topics.items()},
        wildcards=tuple(sorted(topic for topic in topics if "+" in topic)),
    )
