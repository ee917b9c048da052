"""What all LoRaWAN devices have: the radio link's values, units, and downlinks with their arguments."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from bridge.descriptions import Action, Property
from bridge.dialects.dialect import Refused
from bridge.dialects.forms.cayenne import UNITS
from bridge.json_limits import json_error

SILENT_S: Final = 24 * 3600  # before that a device that says nothing is not missed
REMEMBERED: Final = 16  # of the last messages: a server may deliver one again
_MOST_DATA: Final = 242  # bytes of a downlink
_MOST_METRICS: Final = 200

_UNITS: Final = {
    "lora.rssi": "dBm",
    "lora.snr": "dB",
    "lora.margin": "dB",
    "lora.battery": "%",
    "location.accuracy": "m",
    "location.altitude": "m",
    "location.latitude": "°",
    "location.longitude": "°",
}
_NORMALIZED: Final = {  # The Things Stack's normalized payload
    "air.temperature": "°C",
    "air.relativeHumidity": "%",
    "air.pressure": "hPa",
    "air.co2": "ppm",
    "air.lightIntensity": "lx",
    "soil.temperature": "°C",
    "soil.moisture": "%",
    "soil.depth": "cm",
    "soil.ec": "dS/m",
    "wind.speed": "m/s",
    "wind.direction": "°",
    "water.temperature.current": "°C",
    "battery": "V",
}
_GUESSED: Final = {"temperature": "°C", "temp": "°C", "humidity": "%", "hum": "%", "pressure": "hPa"}


class Args(Struct, frozen=True):
    """The arguments of a downlink."""

    f_port: int
    data: str = ""  # base64
    object: dict[str, Any] | None = None  # for the server's codec, in place of data
    confirmed: bool = False


def args_of(args: Any) -> Args | Refused:
    """A downlink's arguments."""
    if not isinstance(args, dict):
        return Refused("bad_args", "it takes an object")
    f_port, data, what, confirmed = (args.get(name) for name in ("f_port", "data", "object", "confirmed"))
    if isinstance(f_port, bool) or not isinstance(f_port, int):
        return Refused("bad_args", "f_port is a number")
    if not 1 <= f_port <= 223:
        return Refused("out_of_range", "f_port is 1 … 223")
    if confirmed is not None and not isinstance(confirmed, bool):
        return Refused("bad_args", "confirmed is true or false")
    if (data is None) == (what is None):
        return Refused("bad_args", "it takes either data, in base64, or an object")
    if what is not None:
        good = isinstance(what, dict) and json_error(what) is None
        return Args(f_port, object=what, confirmed=bool(confirmed)) if good else Refused("bad_args", "object is none")
    return _with_data(f_port, data, confirmed=bool(confirmed))


def _with_data(f_port: int, data: Any, *, confirmed: bool) -> Args | Refused:
    try:
        size = len(base64.b64decode(data, validate=True)) if isinstance(data, str) else -1
    except (binascii.Error, ValueError):
        size = -1
    if size < 0:
        return Refused("bad_args", "data is not base64")
    return Args(f_port, data, confirmed=confirmed) if size <= _MOST_DATA else Refused("out_of_range", "data: too long")


DOWNLINK: Final = Action(
    "downlink",
    "Downlink",
    (
        Property("f_port", "Port", "number", low=1, high=223, step=1),
        Property("data", "Payload, base64"),
        Property("object", "Object for the codec", "json"),
        Property("confirmed", "Confirmed", "boolean"),
    ),
    retry="once",
    ack="exact",
)


def described(metrics: Iterable[str]) -> tuple[Property, ...]:
    """The properties of which more is known than their values."""
    return tuple(one for name in metrics if (one := _property(name)))


def _property(name: str) -> Property | None:
    if name in _UNITS or name.startswith("lora."):
        return Property(name, kind="number", unit=_UNITS.get(name, ""), diagnostic=name.startswith("lora."))
    if name in _NORMALIZED:
        return Property(name, kind="number", unit=_NORMALIZED[name])
    of_lpp = UNITS.get(name.rsplit(".", maxsplit=1)[-1] if name.startswith("lpp.") else name.rpartition("_")[0])
    if of_lpp:
        return Property(name, kind="number", unit=of_lpp)
    guessed = _GUESSED.get(name.rpartition(".")[2].lower())
    return Property(name, kind="number", unit=guessed, note="unit guessed by the name") if guessed else None


def known(before: tuple[str, ...], metrics: Iterable[str]) -> tuple[str, ...]:
    """The names of metrics of which something is known, the first ones, in the order in which they came."""
    new = [name for name in metrics if name not in before and _property(name)]
    return (*before, *new)[:_MOST_METRICS] if new else before


def number(value: Any) -> float | None:
    """A number in JSON; None: it is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def best(gateways: Any) -> dict[str, Any]:
    """Of the gateways that heard a message, what the best one says of it."""
    heard = [one for one in gateways if isinstance(one, dict)] if isinstance(gateways, list) else []
    strongest = max(heard, key=lambda one: number(one.get("rssi")) or -1_000, default={})
    found = {f"lora.{name}": number(strongest.get(name)) for name in ("rssi", "snr")}
    return {name: value for name, value in found.items() if value is not None}


def place(location: Any) -> dict[str, Any]:
    """A location as metrics."""
    if not isinstance(location, dict):
        return {}
    names = ("latitude", "longitude", "altitude", "accuracy")
    return {f"location.{name}": location[name] for name in names if number(location.get(name)) is not None}


def within(value: Any, *path: str) -> Any:
    """A member of objects in objects; None: there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *path: str) -> str:
    """A text within; empty: there is none."""
    found = within(value, *path)
    return found.replace("\0", "")[:300] if isinstance(found, str) else ""
