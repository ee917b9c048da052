"""Descriptions of devices from what was announced of their entities."""

from collections.abc import Iterator
from typing import Final

from bridge.descriptions import Ack, Action, Description, Kind, Property
from bridge.dialects.homeassistant.availability import Heard, available
from bridge.dialects.homeassistant.model import Entity, Feature, Model, Told

NAME: Final = "homeassistant"
MOST_PROPERTIES: Final = 300
_SILENT_S: Final = 26 * 3600  # where neither an availability nor an interval is known: battery devices speak once a day


def entities_of(model: Model, child: str) -> list[Entity]:
    """A device's entities, always in one order."""
    return [model.entities[at] for at in model.devices[child].entities] if child in model.devices else []


def description(model: Model, source: str, child: str, heard: Heard) -> Description | None:
    """What a device is; None: nothing is known of it."""
    known = model.devices.get(child)
    if known is None:
        return None
    entities = entities_of(model, child)
    via = model.aliases.get(f"i:{known.via}", "") if known.via else ""
    return Description(
        name=known.name,
        manufacturer=known.manufacturer,
        model=known.model,
        hardware=known.hardware,
        firmware=known.firmware,
        serial=known.serial,
        area=known.area,
        via=f"{source}~{via}" if via and via != child else "",
        properties=tuple(one for entity in entities for one in _properties(entity, heard))[:MOST_PROPERTIES],
        actions=tuple(_action(entity, one) for entity in entities for one in entity.actions)[:MOST_PROPERTIES],
        stale_after_s=_silent_s(entities),
        origin=known.origin,
        dialect=NAME,
        withdrawn=not entities,
    )


def _silent_s(entities: list[Entity]) -> int | None:
    """How long a device may be silent: for ever, where it says itself whether it is there."""
    if any(one.availability for one in entities) or not any(one.features for one in entities):
        return None
    return max((one.expire_s for one in entities), default=0) or _SILENT_S


def _properties(entity: Entity, heard: Heard) -> Iterator[Property]:
    is_available = available(entity, heard) is not False
    for one in entity.features:
        if one.form in ("", "object") and not (one.form == "object" and not one.name):
            yield property_of(entity, one, is_available=is_available)


def property_of(entity: Entity, one: Feature, *, is_available: bool = True) -> Property:
    """One value of an entity as a property."""
    is_main = not one.name
    label = entity.label if is_main else f"{entity.label} {one.name.replace('_', ' ')}".strip()
    return Property(
        metric=entity.name_of(one.name),
        label=label,
        kind=_kind(one),
        unit=one.unit,
        device_class=entity.device_class if is_main else "",
        state_class=entity.state_class if is_main else "",
        low=one.low,
        high=one.high,
        step=one.step,
        values=one.values if one.kind == "enum" else (),
        settable=one.order is not None,
        diagnostic=entity.diagnostic,
        available=is_available,
        note=one.note,
    )


def _kind(one: Feature) -> Kind:
    """An enum whose values aren't said is a text."""
    return "text" if one.kind == "enum" and not one.values else one.kind


def _action(entity: Entity, told: Told) -> Action:
    ack: Ack = "echo" if reported(entity, told.shown_by) else "none"
    label = f"{entity.label} {told.name.replace('_', ' ')}".strip()
    args = (Property(told.argument, kind="text"),) if told.argument else ()
    return Action(entity.name_of(told.name), label, args, "once", ack)


def reported(entity: Entity, name: str) -> bool:
    """Whether a feature is reported: by its own topic, or in an object."""
    by_object = any(one.form == "object" and one.topic and not one.name for one in entity.features)
    found = next((one for one in entity.features if one.name == name and one.form == ""), None)
    return found is not None and bool(found.topic or by_object)
