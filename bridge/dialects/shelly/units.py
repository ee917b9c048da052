"""What a Shelly's values are measured in, by their names (shelly-api-docs.shelly.cloud: Components; Gen1 MQTT)."""

from typing import Final

from bridge.descriptions import Property
from bridge.dialects.forms.seen import Kind
from bridge.dialects.shelly.model import Shelly

_TEMPERATURE: Final = ("°C", "temperature", "measurement")
_HUMIDITY: Final = ("%", "humidity", "measurement")
_ENERGY: Final = ("Wh", "energy", "total_increasing")
_POWER: Final = ("W", "power", "measurement")
_BATTERY: Final = ("%", "battery", "measurement")
_LUX: Final = ("lx", "illuminance", "measurement")
_VOLTAGE: Final = ("V", "voltage", "measurement")
_PERCENT: Final = ("%", "", "")
# The end of a name → unit, class, state class. The longest that fits counts.
_ENDS: Final[dict[str, tuple[str, str, str]]] = {
    # Gen2 and later
    "apower": _POWER,
    "act_power": _POWER,
    "aprtpower": ("VA", "apparent_power", "measurement"),
    "aprt_power": ("VA", "apparent_power", "measurement"),
    "voltage": _VOLTAGE,
    "current": ("A", "current", "measurement"),
    "freq": ("Hz", "frequency", "measurement"),
    "pf": ("", "power_factor", "measurement"),
    "aenergy.total": _ENERGY,
    "ret_aenergy.total": _ENERGY,
    "total_act": _ENERGY,
    "total_act_ret": _ENERGY,
    "total_act_energy": _ENERGY,
    "total_act_ret_energy": _ENERGY,
    "tC": _TEMPERATURE,
    "rh": _HUMIDITY,
    "lux": _LUX,
    "battery.percent": _BATTERY,
    "battery.V": _VOLTAGE,
    "rssi": ("dBm", "signal_strength", "measurement"),
    "uptime": ("s", "duration", ""),
    "current_pos": _PERCENT,
    "target_pos": _PERCENT,
    "brightness": _PERCENT,
    "ct": ("K", "", ""),
    # Gen1
    "temperature": _TEMPERATURE,
    "ext_temperature": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "ext_humidity": _HUMIDITY,
    "power": _POWER,
    "reactive_power": ("var", "reactive_power", "measurement"),
    "energy": _ENERGY,
    "returned_energy": _ENERGY,
    "total": _ENERGY,
    "total_returned": _ENERGY,
    "overpower_value": ("W", "power", ""),
    "battery": _BATTERY,
    "illuminance": _LUX,
    "tilt": ("°", "", "measurement"),
    "adc": _VOLTAGE,
    "pos": _PERCENT,
    "gain": _PERCENT,
    "temp": ("K", "", ""),
    "bat.value": _BATTERY,
    "bat.voltage": _VOLTAGE,
    "tmp.value": _TEMPERATURE,
    "target_t.value": _TEMPERATURE,
}
_LONGEST: Final = max(map(len, _ENDS))
# BTHome's object ids (bthome.io/format), as a sensor behind a gateway names its value.
_BTHOME: Final[dict[int, tuple[str, str, str]]] = {
    0x01: _BATTERY,
    0x02: _TEMPERATURE,
    0x03: _HUMIDITY,
    0x04: ("hPa", "atmospheric_pressure", "measurement"),
    0x05: _LUX,
    0x0A: ("kWh", "energy", "total_increasing"),
    0x0B: _POWER,
    0x0C: _VOLTAGE,
    0x12: ("ppm", "carbon_dioxide", "measurement"),
    0x2E: _HUMIDITY,
    0x3F: ("°", "", "measurement"),
    0x40: ("mm", "distance", "measurement"),
    0x41: ("m", "distance", "measurement"),
    0x44: ("m/s", "wind_speed", "measurement"),
    0x45: _TEMPERATURE,
    0x5F: ("mm", "precipitation", "total_increasing"),
}
_DIAGNOSTIC: Final = (
    "wifi.",
    "sys.",
    "overpower_value",
    "uptime",
    "has_update",
    "temperature_status",
    "overtemperature",
)


def described(metric: str, kind: Kind, device: Shelly) -> Property:
    """A metric of a device, as far as its name tells what it is."""
    label = _label(metric, device.labels)
    diagnostic = metric.startswith(_DIAGNOSTIC[:2]) or metric.endswith(_DIAGNOSTIC[2:])
    if kind != "n":
        return Property(metric, label, "boolean" if kind == "b" else "text", diagnostic=diagnostic)
    unit, device_class, state_class = _quantity(metric, device)
    return Property(metric, label, "number", unit, device_class, state_class, diagnostic=diagnostic)


def _quantity(metric: str, device: Shelly) -> tuple[str, str, str]:
    component, _, field = metric.partition(".")
    if field == "value" and component in device.sensors:
        return _BTHOME.get(device.sensors[component], ("", "", "measurement"))
    levels = metric.split(".")
    while len(levels) > 1 and levels[-1].isdecimal():  # ext_temperature.0
        levels.pop()
    name = ".".join(levels)
    for chars in range(min(len(name), _LONGEST), 0, -1):
        before = name[-chars - 1 : -chars] if chars < len(name) else "."
        if before in {".", "_", ":"} and name[-chars:] in _ENDS:
            return _ENDS[name[-chars:]]
    return ("", "", "measurement")


def _label(metric: str, labels: dict[str, str]) -> str:
    """``Office Light``, and for what is beside its main value ``Office Light apower``."""
    component, _, field = metric.partition(".")
    if component not in labels:
        return ""
    return labels[component] if field in {"output", "state", "value", "current_pos"} else f"{labels[component]} {field}"
