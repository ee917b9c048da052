"""How a native device is announced to Home Assistant: a discovery message of the device form (home-assistant.io, MQTT).

Its entities read the device's own topics: telemetry as objects, and its status. Nothing is published twice. What is
described as a number, boolean or text becomes a sensor with its unit; a telemetry message without a metric leaves the
entity as it was. Controls are not announced: a command needs an id of its own, which Home Assistant can't make.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2s
from typing import Any, Final

import msgspec

from bridge.dialects.native.topics import NativeTopics

ORIGIN: Final = "Causeway"  # by this the import knows its own export (bridge.dialects.homeassistant)
MOST_ENTITIES: Final = 300
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
_STATUS: Final = (  # docs/mqtt.md has the words; the first character of an object is its brace
    "{% set v = value | lower %}{{ 'offline' if v in ['offline', 'disconnected', 'lost', 'unavailable', 'down', 'dead',"
    " 'gone', 'false', '0'] or '\"offline\"' in v or ': false' in v or ':false' in v else 'online' }}"
)
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
    return f"{prefix}/device/{_id(device)}/config"


def announcement(
    topics: NativeTopics, device: str, description: Mapping[str, Any], metrics: Iterable[str], *, has_status: bool
) -> bytes:
    """The message; empty: there is nothing that could be shown.

    Args:
        topics: of Causeway's own dialect.
        device: its key.
        description: what is known of it, as JSON (bridge.dialects.forms.description_words).
        metrics: the names of those that it has sent.
        has_status: it has said that it is there, or gone.
    """
    described = {one["metric"]: one for one in description.get("properties", ())}
    names = [*described, *(name for name in metrics if name not in described)]
    entities = {_id(name): _entity(device, name, described.get(name, {})) for name in names[:MOST_ENTITIES]}
    if not entities:
        return b""
    block = {theirs: description[ours] for ours, theirs in _DEVICE.items() if description.get(ours)}
    message: dict[str, Any] = {
        "dev": {"ids": [_unique(device)], "name": description.get("name") or device, **block},
        "o": {"name": ORIGIN},
        "stat_t": topics.uplink(device, "telemetry"),
        "qos": 1,
        "cmps": entities,
    }
    if has_status:
        message |= {"avty_t": topics.uplink(device, "status"), "avty_tpl": _STATUS}
    return msgspec.json.encode(message)


def _entity(device: str, name: str, described: Mapping[str, Any]) -> dict[str, Any]:
    kind = described.get("kind", "number" if not described else "text")
    is_boolean = kind == "boolean"
    entity = {
        "p": "binary_sensor" if is_boolean else "sensor",
        "uniq_id": f"{_unique(device)}_{_id(name)}",
        "name": described.get("label") or name,
        "val_tpl": _boolean(name)
        if is_boolean
        else _value(name, is_text=kind not in ("number", "boolean") or not described),
    }
    if described.get("diagnostic"):
        entity["ent_cat"] = "diagnostic"
    return entity | (_boolean_class(described) if is_boolean else _measured(described, kind))


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
    return f"causeway_{_id(device)}"


def _id(text: str) -> str:
    """An id of the letters that Home Assistant takes; with a hash where others stood."""
    plain = _NO_ID.sub("_", text)
    return plain if plain == text else f"{plain[:48]}_{blake2s(text.encode(), digest_size=4).hexdigest()}"
