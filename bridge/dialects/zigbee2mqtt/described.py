"""Descriptions of the members and of the bridge itself."""

from functools import lru_cache
from typing import Final

from bridge.descriptions import Action, Description, Property
from bridge.dialects.forms.caches import by_identity
from bridge.dialects.zigbee2mqtt.model import GET, PUBLISHED, SET, Feature, Member, Model

NAME: Final = "zigbee2mqtt"
EVENTS: Final = ("action", "click")  # values that are events; the second is 1.x's
ARGUMENT: Final = "value"  # of an action that has but one
PERMIT_JOIN_S: Final = 254  # the most that Zigbee can say
_MOST_KNOWN: Final = 128  # models
_SILENT_S: Final = 26 * 3600  # Zigbee2MQTT itself waits 25 hours for what is on battery
# Home Assistant's words for what Zigbee2MQTT's properties measure.
_CLASSES: Final = {
    **{name: name for name in ("temperature", "humidity", "battery", "power", "energy", "voltage", "current")},
    **{name: name for name in ("pressure", "occupancy", "smoke", "vibration", "pm25", "moisture")},
    "illuminance": "illuminance",
    "illuminance_lux": "illuminance",
    "co2": "carbon_dioxide",
    "water_leak": "moisture",
    "contact": "door",
    "local_temperature": "temperature",
    "device_temperature": "temperature",
    "battery_low": "battery",
}


def member(model: Model, source: str, one: Member) -> Description:
    """What a member is."""
    properties, actions = _of_model(one.features)
    return Description(
        name=one.name,
        manufacturer=one.manufacturer,
        model="group" if one.is_group else one.model,
        firmware=one.firmware,
        serial="" if one.is_group else one.child,
        via=source,
        properties=properties,
        actions=actions,
        stale_after_s=_silent_s(model, one),
        origin=origin(model),
        dialect=NAME,
    )


@by_identity(_MOST_KNOWN)
def _of_model(features: tuple[Feature, ...]) -> tuple[tuple[Property, ...], tuple[Action, ...]]:
    """Devices of one model have the same ones: mostly this very object."""
    return _told(features)


@lru_cache(maxsize=_MOST_KNOWN)
def _told(features: tuple[Feature, ...]) -> tuple[tuple[Property, ...], tuple[Action, ...]]:
    """What devices with these features report and can be told."""
    listed = [one for one in features if one.path[0] not in EVENTS]
    return tuple(_property(one) for one in listed if one.access & PUBLISHED), _actions(listed)


def _silent_s(model: Model, one: Member) -> int | None:
    """How long it may be silent. What is on mains is watched by the bridge, if that was switched on."""
    return None if one.is_group or (model.availability and not one.sleepy) else _SILENT_S


def origin(model: Model) -> str:
    """The software that describes."""
    return f"{NAME} {model.version}".strip()


def bridge(model: Model) -> Description:
    """What the bridge is."""
    argument = Property("time", "Seconds", "number", unit="s", low=0, high=PERMIT_JOIN_S, step=1)
    return Description(
        name="Zigbee2MQTT",
        manufacturer="Zigbee2MQTT",
        model=model.coordinator,
        firmware=model.version,
        serial=model.serial,
        properties=(Property("permit_join", "Devices may join", "boolean"),),
        actions=(
            Action("permit_join", "Let devices join", (argument,), "until_ack", "exact"),
            Action("health_check", "Health check", (), "until_ack", "exact"),
            Action("restart", "Restart Zigbee2MQTT", (), "once", "exact"),
        ),
        stale_after_s=None,
        origin=origin(model),
        dialect=NAME,
    )


def _property(feature: Feature) -> Property:
    name = feature.path[-1]
    return Property(
        metric=feature.metric,
        label=feature.label,
        kind=feature.kind,
        unit=feature.unit,
        device_class=_CLASSES.get(name, ""),
        state_class=_state_class(feature),
        low=feature.low,
        high=feature.high,
        step=feature.step,
        values=feature.values,
        settable=feature.is_settable,
        diagnostic=feature.diagnostic or name == "linkquality",
    )


def _state_class(feature: Feature) -> str:
    if feature.kind != "number" or feature.access & SET:
        return ""
    return "total_increasing" if feature.path[-1] == "energy" else "measurement"


def _actions(features: list[Feature]) -> tuple[Action, ...]:
    """What can only be set, a toggle, and what can be asked for."""
    found = [Action(name, args=args, ack="none") for name, args in _only_set(features).items()]
    if toggles := tuple(one.metric for one in features if one.toggle and one.access & SET):
        found.append(Action("toggle", "Toggle", (Property("metric", kind="enum", values=toggles),), "once", "echo"))
    if asked := tuple(one for one in features if one.access & GET):
        args = tuple(Property(one.metric, one.label) for one in asked)
        found.append(Action("refresh", "Ask for its values", args, "until_ack", "echo"))
    return tuple(found)


def _only_set(features: list[Feature]) -> dict[str, tuple[Property, ...]]:
    """Actions by their names, with their arguments: one, or a composite's."""
    found: dict[str, tuple[Property, ...]] = {}
    for one in features:
        if one.access & SET and not one.access & PUBLISHED:
            name = ".".join(one.path[1:]) or ARGUMENT
            argument = Property(
                name, one.label, one.kind, one.unit, low=one.low, high=one.high, step=one.step, values=one.values
            )
            found[one.path[0]] = (*found.get(one.path[0], ()), argument)
    return found
