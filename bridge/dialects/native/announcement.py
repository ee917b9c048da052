"""How a native device is announced to Home Assistant: a discovery message of the device form (home-assistant.io, MQTT).

Its entities read the device's own telemetry, as objects; nothing of it is published twice. What is described as a
number, boolean or text becomes a sensor with its unit, or a control if it can be set (``controls``); a message without
a metric leaves the entity as it was. Whether the device is there is what Causeway says of its presence.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from bridge.dialects.native import controls
from bridge.dialects.native.control_topics import ControlTopics, identifier
from bridge.dialects.native.topics import NativeTopics

ORIGIN: Final = "Causeway"  # by this the import knows its own export (bridge.dialects.homeassistant)
MOST_ENTITIES: Final = 300
_DEVICE: Final = {
    "manufacturer": "manufacturer",
    "model": "model",
    "hardware": "hw_version",
    "firmware": "sw_version",
    "serial": "serial_number",
    "area": "suggested_area",
}
# Home Assistant refuses a class with a unit that is none of its: these go together.
_UNITS: Final = {
    "temperature": ("°C", "°F", "K"), "humidity": ("%",), "battery": ("%",), "moisture": ("%",), "illuminance": ("lx",),
    "pressure": ("hPa", "kPa", "Pa", "bar", "mbar", "psi"), "atmospheric_pressure": ("hPa", "kPa", "mbar"),
    "power": ("W", "kW", "MW"), "energy": ("Wh", "kWh", "MWh"), "voltage": ("V", "mV"), "current": ("A", "mA"),
    "frequency": ("Hz", "kHz", "MHz"), "carbon_dioxide": ("ppm",), "pm25": ("µg/m³",), "pm10": ("µg/m³",),
    "signal_strength": ("dB", "dBm"), "distance": ("mm", "cm", "m", "km"), "speed": ("m/s", "km/h"),
    "wind_speed": ("m/s", "km/h"), "weight": ("g", "kg"), "volume": ("L", "m³"), "water": ("L", "m³"), "gas": ("m³",),
    "duration": ("s", "min", "h", "d"), "apparent_power": ("VA",), "reactive_power": ("var",), "precipitation": ("mm",),
}  # fmt: skip
_OF_BOOLEANS: Final = frozenset({
    "battery", "cold", "connectivity", "door", "garage_door", "gas", "heat", "light", "lock", "moisture", "motion",
    "moving", "occupancy", "opening", "plug", "power", "presence", "problem", "running", "safety", "smoke", "sound",
    "tamper", "update", "vibration", "window",
})  # fmt: skip
_STATE_CLASSES: Final = frozenset({"measurement", "total", "total_increasing"})


def topic(prefix: str, device: str) -> str:
    """The discovery topic of a device (``site/device``)."""
    return f"{prefix}/device/{identifier(device)}/config"


class Announcer:
    """Says what native devices are.

    Args:
        topic_root: the first level of Causeway's own topics.
    """

    def __init__(self, topic_root: str) -> None:
        self._topics, self._controls = NativeTopics(topic_root), ControlTopics(topic_root)

    def announcement(self, device: str, description: Mapping[str, Any], metrics: Iterable[str]) -> bytes:
        """The message; empty: there is nothing that could be shown.

        Args:
            device: its key.
            description: what is known of it, as JSON (bridge.dialects.forms.description_words).
            metrics: the names of those that it has sent.
        """
        entities = dict(self._entities(device, description, metrics))
        if not entities:
            return b""
        block = {theirs: description[ours] for ours, theirs in _DEVICE.items() if description.get(ours)}
        message: dict[str, Any] = {
            "dev": {"ids": [_unique(device)], "name": description.get("name") or device, **block},
            "o": {"name": ORIGIN},
            "stat_t": self._topics.uplink(device, "telemetry"),
            "avty_t": self._controls.presence(device),
            "qos": 1,
            "cmps": {key: {"uniq_id": f"{_unique(device)}_{key}", **entity} for key, entity in entities.items()},
        }
        return msgspec.json.encode(message)

    def _entities(
        self, device: str, description: Mapping[str, Any], metrics: Iterable[str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        described = {one["metric"]: one for one in description.get("properties", ())}
        lights = {name: controls.brightness_of(one, described) for name, one in described.items() if _is_light(one)}
        within = {one["metric"] for one in lights.values() if one}
        names = [*described, *(name for name in metrics if name not in described)]
        for name in [name for name in names if name not in within][:MOST_ENTITIES]:
            entity = _entity(name, described.get(name, {}))
            if name in lights:
                entity |= self._light(device, entity, described[name], lights[name])
            elif controls.is_control(described.get(name, {})):
                entity |= controls.control(self._controls, device, described[name])
                entity.pop("stat_cla", None)
            yield identifier(name), entity
        yield from controls.buttons(self._controls, device, description.get("actions", ()))

    def _light(
        self, device: str, entity: dict[str, Any], described: Mapping[str, Any], brightness: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        found = controls.light(self._controls, device, described, brightness)
        found["stat_val_tpl"] = entity.pop("val_tpl")
        entity.pop("dev_cla", None)
        if brightness:
            where = {"bri_stat_t": self._topics.uplink(device, "telemetry")}
            found |= {**where, "bri_val_tpl": _value(brightness["metric"], is_text=False)}
        return found


def _is_light(described: Mapping[str, Any]) -> bool:
    is_boolean = described.get("kind") == "boolean" and described.get("class") == "light"
    return is_boolean and controls.is_control(described)


def _entity(name: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """A sensor, or what of it holds of a control as well."""
    kind = described.get("kind", "number" if not described else "text")
    is_boolean, can_be_set = kind == "boolean", controls.is_control(described)
    is_text = kind not in ("number", "boolean") or not described
    if can_be_set and kind == "enum":
        is_text = False  # a select takes nothing for no news
    entity = {
        "p": "binary_sensor" if is_boolean else "sensor",
        "name": described.get("label") or name,
        "val_tpl": _boolean(name) if is_boolean else _value(name, is_text=is_text),
    }
    if described.get("diagnostic"):
        entity["ent_cat"] = "config" if can_be_set else "diagnostic"
    if is_boolean:
        return entity if can_be_set else entity | _boolean_class(described)
    return entity | _measured(described, kind)


def _boolean_class(described: Mapping[str, Any]) -> dict[str, Any]:
    measured = described.get("class")
    return {"dev_cla": measured} if measured in _OF_BOOLEANS else {}


def _measured(described: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Unit and classes, where Home Assistant takes them together."""
    if kind != "number" or not described:
        return {}
    found: dict[str, Any] = {}
    unit, measured, state = (described.get(key) for key in ("unit", "class", "state_class"))
    if unit:
        found["unit_of_meas"] = unit
    if measured in _UNITS and unit in _UNITS[measured]:
        found["dev_cla"] = measured
    if state in _STATE_CLASSES:
        found["stat_cla"] = state
    elif not unit:
        found["stat_cla"] = "measurement"
    return found


def _path(name: str) -> tuple[str, str]:
    """The object in which a metric stands, and its name there, as parts of a template."""
    *outer, last = [part.replace("\\", "").replace("'", "\\'") for part in name.split(".")]
    where = "(value_json if value_json is mapping else {})"
    for part in outer:
        where = f"({where}.get('{part}') or {{}})"
    return where, last


def _value(name: str, *, is_text: bool) -> str:
    """The metric's value; a message without it says nothing of it."""
    where, last = _path(name)
    missing = "this.state" if is_text else "''"
    return f"{{{{ {where}.get('{last}', {missing}) }}}}"


def _boolean(name: str) -> str:
    where, last = _path(name)
    return f"{{% set v = {where}.get('{last}') %}}{{{{ '' if v is none else 'ON' if v else 'OFF' }}}}"


def _unique(device: str) -> str:
    return f"causeway_{identifier(device)}"
