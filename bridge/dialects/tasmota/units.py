"""What Tasmota's values are measured in: implied by their keys, a few said beside them (TempUnit, PressureUnit, …).

Keys as in the firmware's ``tasmota_template``/``i18n.h`` and in Home Assistant's client for it (hatasmota sensor.py).
"""

from typing import Final

from bridge.descriptions import Property
from bridge.dialects.forms.seen import Kind
from bridge.dialects.tasmota.model import Thing

UNIT_KEYS: Final = frozenset({"TempUnit", "PressureUnit", "SpeedUnit"})
# Key → unit, class, state class.
_QUANTITIES: Final[dict[str, tuple[str, str, str]]] = {
    "Temperature": ("TempUnit", "temperature", "measurement"),
    "DewPoint": ("TempUnit", "temperature", "measurement"),
    "Pressure": ("PressureUnit", "atmospheric_pressure", "measurement"),
    "SeaPressure": ("PressureUnit", "atmospheric_pressure", "measurement"),
    "Speed": ("SpeedUnit", "wind_speed", "measurement"),
    "Dir": ("°", "", "measurement"),
    "Deg": ("°", "", "measurement"),
    "Power": ("W", "power", "measurement"),
    "ActivePower": ("W", "power", "measurement"),
    "ApparentPower": ("VA", "apparent_power", "measurement"),
    "ReactivePower": ("var", "reactive_power", "measurement"),
    "Factor": ("", "power_factor", "measurement"),
    "Voltage": ("V", "voltage", "measurement"),
    "Current": ("A", "current", "measurement"),
    "CurrentNeutral": ("A", "current", "measurement"),
    "Frequency": ("Hz", "frequency", "measurement"),
    "PhaseAngle": ("°", "", "measurement"),
    "Total": ("kWh", "energy", "total_increasing"),
    "TotalTariff": ("kWh", "energy", "total_increasing"),
    "Today": ("kWh", "energy", "total_increasing"),
    "Yesterday": ("kWh", "energy", ""),
    "Energy": ("kWh", "energy", "total_increasing"),
    "ImportActive": ("kWh", "energy", "total_increasing"),
    "ExportActive": ("kWh", "energy", "total_increasing"),
    "ExportTariff": ("kWh", "energy", "total_increasing"),
    "ImportReactive": ("kvarh", "", "total_increasing"),
    "ExportReactive": ("kvarh", "", "total_increasing"),
    "Period": ("Wh", "energy", ""),
    "Humidity": ("%", "humidity", "measurement"),
    "Moisture": ("%", "moisture", "measurement"),
    "Battery": ("%", "battery", "measurement"),
    "BatteryPercentage": ("%", "battery", "measurement"),
    "BatteryVoltage": ("V", "voltage", "measurement"),
    "CarbonDioxide": ("ppm", "carbon_dioxide", "measurement"),
    "eCO2": ("ppm", "carbon_dioxide", "measurement"),
    "TVOC": ("ppb", "volatile_organic_compounds_parts", "measurement"),
    "Illuminance": ("lx", "illuminance", "measurement"),
    "Ambient": ("lx", "illuminance", "measurement"),
    "Distance": ("cm", "distance", "measurement"),
    "Weight": ("kg", "weight", "measurement"),
    "CCT": ("K", "", "measurement"),
    **{f"PM{size}": ("µg/m³", f"pm{size.replace('.', '')}", "measurement") for size in ("1", "2.5", "10")},
    **{f"CF{size}": ("µg/m³", "", "measurement") for size in ("1", "2.5", "10")},
    **{f"PB{size}": ("/dl", "", "measurement") for size in ("0.3", "0.5", "1", "2.5", "5", "10")},
    "Signal": ("dBm", "signal_strength", "measurement"),
    "UptimeSec": ("s", "duration", ""),
    "Heap": ("KiB", "data_size", "measurement"),
    "Dimmer": ("%", "", ""),
    "White": ("%", "", ""),
    "Channel": ("%", "", ""),
    "CT": ("mired", "", ""),
    "Position": ("%", "", ""),
}
# Of these sensors "Energy" is none, or not in kWh.
_OWN_ENERGY: Final = frozenset({"LD2410", "AS3935"})
_WORDS: Final = {"C": "°C", "F": "°F", "K": "K"}
_USUAL: Final = {"TempUnit": "C", "PressureUnit": "hPa", "SpeedUnit": "km/h"}
_DIAGNOSTIC: Final = frozenset(
    {"Wifi", "UptimeSec", "Heap", "LoadAvg", "MqttCount", "LinkQuality", "BatteryVoltage", "Endpoint"}
)
_KINDS: Final = {"n": "number", "b": "boolean", "t": "text"}


def described(metric: str, kind: Kind, thing: Thing) -> Property:
    """A metric of a device, as far as its name tells what it is."""
    levels = metric.split(".")
    diagnostic = levels[0] in _DIAGNOSTIC
    if kind == "b":
        return Property(metric, kind="boolean", diagnostic=diagnostic)
    if kind == "t":
        return Property(metric, diagnostic=diagnostic)
    unit, device_class, state_class = _quantity(levels)
    if unit in UNIT_KEYS:
        said = thing.units.get(unit, _USUAL[unit])
        unit = _WORDS.get(said, said)
    return Property(
        metric, kind="number", unit=unit, device_class=device_class, state_class=state_class, diagnostic=diagnostic
    )


def _quantity(levels: list[str]) -> tuple[str, str, str]:
    """By the last level that is known; keys may have a dot themselves (PM2.5), and an index behind them (Power.0)."""
    nothing = ("", "", "measurement")
    sensor = levels[0].partition("-")[0]
    if sensor in _OWN_ENERGY and levels[-1].startswith("Energy"):
        return nothing
    for size in (2, 1):
        for end in range(len(levels), size - 1, -1):
            key = ".".join(levels[end - size : end])
            found = _QUANTITIES.get(key) or _QUANTITIES.get(key.rstrip("0123456789"))
            if found:
                return found
    return nothing
