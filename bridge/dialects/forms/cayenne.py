"""Cayenne LPP: channel, type and value after each other, in big-endian integers with a fixed scale."""

from typing import Final

# Type: name, bytes, divisor, signed; what has several values, the names of each.
_TYPES: Final[dict[int, tuple[str, int, float, bool]]] = {
    0x00: ("digital_in", 1, 1, False),
    0x01: ("digital_out", 1, 1, False),
    0x02: ("analog_in", 2, 100, True),
    0x03: ("analog_out", 2, 100, True),
    0x65: ("illuminance", 2, 1, False),
    0x66: ("presence", 1, 1, False),
    0x67: ("temperature", 2, 10, True),
    0x68: ("humidity", 1, 2, False),
    0x73: ("pressure", 2, 10, False),
    0x74: ("voltage", 2, 100, False),
    0x75: ("current", 2, 1000, False),
    0x78: ("percentage", 1, 1, False),
    0x79: ("altitude", 2, 1, True),
    0x80: ("power", 2, 1, False),
    0x82: ("distance", 4, 1000, False),
    0x83: ("energy", 4, 1000, False),
    0x84: ("direction", 2, 1, False),
    0x8E: ("switch", 1, 1, False),
}
_SEVERAL: Final[dict[int, tuple[str, tuple[str, ...], int, tuple[float, ...]]]] = {
    0x71: ("accelerometer", ("x", "y", "z"), 2, (1000, 1000, 1000)),
    0x86: ("gyrometer", ("x", "y", "z"), 2, (100, 100, 100)),
    0x88: ("gps", ("latitude", "longitude", "altitude"), 3, (10_000, 10_000, 100)),
}
UNITS: Final = {
    "temperature": "°C",
    "humidity": "%",
    "relative_humidity": "%",
    "pressure": "hPa",
    "barometric_pressure": "hPa",
    "illuminance": "lx",
    "luminosity": "lx",
    "voltage": "V",
    "current": "A",
    "percentage": "%",
    "altitude": "m",
    "power": "W",
    "distance": "m",
    "energy": "kWh",
    "direction": "°",
}


def decode(payload: bytes) -> dict[str, float]:
    """Values by ``{channel}.{name}``, up to the first type that isn't known: how long it is isn't known either."""
    found: dict[str, float] = {}
    at = 0
    while at + 2 <= len(payload):
        channel, kind = payload[at], payload[at + 1]
        at += 2
        if kind in _TYPES:
            name, size, divisor, signed = _TYPES[kind]
            parts: tuple[tuple[str, float], ...] = ((name, divisor),)
        elif kind in _SEVERAL:
            name, names, size, divisors = _SEVERAL[kind]
            parts, signed = tuple((f"{name}.{one}", each) for one, each in zip(names, divisors, strict=True)), True
        else:
            break
        if at + size * len(parts) > len(payload):
            break
        for part, each in parts:
            raw = int.from_bytes(payload[at : at + size], "big", signed=signed)
            found[f"{channel}.{part}"] = raw if each == 1 else raw / each
            at += size
    return found
