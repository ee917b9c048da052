"""Entities whose state is one JSON object (lights of the schema json, vacuums, updates), and those that are events."""

from typing import Any, Final

from bridge.dialects.forms.texts import choices, label, number
from bridge.dialects.homeassistant.configs import Discovered
from bridge.dialects.homeassistant.model import Feature, Order

_COLORS: Final = frozenset({"rgb", "rgbw", "rgbww", "hs", "xy"})
_TYPES_CHARS: Final = 4_001


def objects(one: Discovered) -> list[Feature] | None:
    """What such an entity reports; None: it is none of them."""
    match one.component:
        case "light" if one.options.get("schema") == "json":
            return _light(one.options)
        case "light" if one.options.get("schema") == "template":
            return [Feature("state", "text", "", _topic(one.options), note="the schema template is not understood")]
        case "vacuum":
            return _vacuum(one.options)
        case "update" if _topic(one.options):
            return _update(one.options)
        case "event":
            return [Feature("", "text", "event", _topic(one.options), _template(one.options))]
        case "device_automation":
            return _trigger(one.options)
        case "tag":
            return [Feature("tag", "text", "event", _topic(one.options, "topic"), _template(one.options))]
    return None


def _light(options: dict[str, Any]) -> list[Feature]:
    modes = set(choices(options.get("supported_color_modes")))
    topic = _topic(options, "command_topic")

    def order(member: str) -> Order | None:
        return Order(topic, on="ON", off="OFF", member=member) if topic else None

    found = [
        Feature("", "json", "object", _topic(options)),
        Feature("state", "boolean", on="ON", off="OFF", order=order("state")),
    ]
    if options.get("brightness") is True or modes - {"onoff"}:
        high = number(options.get("brightness_scale")) or 255
        found.append(Feature("brightness", "number", low=0, high=high, order=order("brightness")))
    if options.get("color_temp") is True or "color_temp" in modes:
        low, high = number(options.get("min_mireds")) or 153, number(options.get("max_mireds")) or 500
        found.append(Feature("color_temp", "number", low=low, high=high, unit="mired", order=order("color_temp")))
    if modes & _COLORS:
        found.append(Feature("color", "json", order=order("color")))
    if modes:
        found.append(Feature("color_mode", "text"))
    if options.get("effect") is True:
        found.append(Feature("effect", "enum", values=choices(options.get("effect_list")), order=order("effect")))
    return found


def _vacuum(options: dict[str, Any]) -> list[Feature]:
    topic, speeds = _topic(options, "set_fan_speed_topic"), choices(options.get("fan_speed_list"))
    return [
        Feature("", "json", "object", _topic(options)),
        Feature("state", "text"),
        Feature("battery_level", "number", unit="%", low=0, high=100),
        Feature("fan_speed", "enum" if speeds else "text", values=speeds, order=Order(topic) if topic else None),
    ]


def _update(options: dict[str, Any]) -> list[Feature]:
    latest = _topic(options, "latest_version_topic")
    template = options.get("latest_version_template")
    return [
        Feature("", "json", "object", _topic(options), _template(options)),
        Feature("installed_version", "text"),
        Feature("latest_version", "text", "", latest, template if isinstance(template, str) and latest else ""),
    ]


def _trigger(options: dict[str, Any]) -> list[Feature]:
    """An event when its topic brings its payload, any where it has none."""
    kind, subtype = label(options.get("type"), 64), label(options.get("subtype"), 64)
    if options.get("automation_type") != "trigger" or not kind:
        return []
    topic, payload = _topic(options, "topic"), label(options.get("payload"))
    return [
        Feature(kind, "text", "trigger", topic, _template(options), on=payload, values=(subtype,) if subtype else ())
    ]


def _topic(options: dict[str, Any], key: str = "state_topic") -> str:
    topic = options.get(key)
    return topic[:513] if isinstance(topic, str) else ""


def _template(options: dict[str, Any]) -> str:
    template = options.get("value_template")
    return template[:_TYPES_CHARS] if isinstance(template, str) else ""
