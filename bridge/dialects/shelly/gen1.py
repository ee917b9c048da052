"""What Gen1 publishes below ``shellies/<id>/``: plain texts, here and there JSON (shelly-api-docs.shelly.cloud/gen1).

Watt-minutes become Wh; 999 (a fault) and −1 (not calibrated) become null; °F stays away, as °C stands beside it.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.forms.numbers import number_in
from bridge.json_limits import MAX_INTEGER, MalformedError, bare, decode_json, decode_utf8
from bridge.json_values import Sieve
from bridge.names import is_name
from bridge.observations import EventReported, Malformed, Note, Scalar

_FAULT: Final = 999
_BOOLEANS: Final = {"on": True, "off": False, "true": True, "false": False, "1": True, "0": False}
_LEFT_OUT: Final = frozenset(
    {"temperature_f", "ext_temperature_f", "ext_temperatures", "ext_humidities", "settings", "status"}
)
_STATUS: Final = re.compile(r"(light|white|color)/(\d{1,2})/status\Z")
_OVERPOWER: Final = re.compile(r"relay/\d{1,2}\Z")
_MAX_CHARS: Final = 256


class Said1(Struct, frozen=True):
    """What a topic of Gen1 says."""

    metrics: dict[str, Scalar] = {}
    events: tuple[EventReported, ...] = ()
    notes: tuple[Note, ...] = ()
    sleeps: bool = False


def _number(text: str) -> Scalar:
    value = number_in(text)
    return None if value in {None, _FAULT} else value


def _position(text: str) -> Scalar:
    value = number_in(text)
    return value if isinstance(value, int) and 0 <= value <= 100 else None


def _watt_hours(text: str) -> Scalar:
    value = number_in(text)
    return value if value is None or abs(value) > MAX_INTEGER else round(value / 60, 3)


def _boolean(text: str) -> Scalar:
    return _BOOLEANS.get(text.lower())


def _relay(text: str) -> Scalar:
    return False if text == "overpower" else _boolean(text)


def _text(text: str) -> Scalar:
    return text[:_MAX_CHARS]


_Reader = Callable[[str], Scalar]
# The levels behind the id, N for a number → how the text is read.
_PLAIN: Final[dict[str, _Reader]] = {
    "relay/N": _relay,
    **{f"{kind}/N": _boolean for kind in ("light", "white", "input", "longpush", "ext_switch")},
    **{f"{kind}/N/power": _number for kind in ("relay", "roller", "light", "white", "color", "emeter")},
    **{f"{kind}/N/energy": _watt_hours for kind in ("relay", "roller", "light", "white", "color", "emeter")},
    "relay/N/overpower_value": _number,
    "emeter/N/returned_energy": _watt_hours,
    **{f"emeter/N/{name}": _number for name in ("reactive_power", "voltage", "current", "pf")},
    **{f"emeter/N/{name}": _number for name in ("total", "total_returned")},
    "roller/N": _text,
    "roller/N/pos": _position,
    "roller/N/stop_reason": _text,
    "temperature": _number,
    "temperature_status": _text,
    "overtemperature": _boolean,
    "voltage": _number,
    "loaderror": _boolean,
    "adc/N": _number,
    "ext_temperature/N": _number,
    "ext_humidity/N": _number,
    **{f"sensor/{name}": _number for name in ("temperature", "humidity", "battery", "lux", "concentration")},
    **{
        f"sensor/{name}": _boolean
        for name in ("flood", "motion", "vibration", "charger", "smoke", "active", "open", "low_battery")
    },
    **{f"sensor/{name}": _text for name in ("state", "illumination", "gas", "alarm_state", "self_test", "operation")},
}  # fmt: skip


def read_gen1(what: str, payload: bytes) -> Said1 | Malformed | None:
    """What a payload says.

    Args:
        what: the levels behind the id, ``relay/0/power``.
        payload: not empty.

    Returns:
        None: nothing that is known.
    """
    if what in _LEFT_OUT:
        return None
    if what == "info":
        return _info(payload)
    if what.startswith("input_event/"):
        return _input_event(what, payload)
    if what == "sensor/act_reasons":
        return _reasons(payload)
    if found := _STATUS.match(what):
        return _light(f"{found[1]}.{found[2]}", payload)
    return _plain(what, payload)


def _plain(what: str, payload: bytes) -> Said1 | Malformed | None:
    try:
        text = decode_utf8(bare(payload)).strip()
    except MalformedError as bad:
        return bad.malformed
    if what == "sensor/tilt":  # −1: not calibrated
        tilt = number_in(text)
        return Said1({"sensor.tilt": None if tilt is None or tilt < 0 else tilt})
    read = _PLAIN.get(re.sub(r"(?<=/)\d{1,2}(?=/|\Z)", "N", what))
    if read is None:
        return None
    name = what.replace("/", ".")
    value = read(text)
    if value is None and number_in(text) is None:
        return Malformed("not_a_scalar", f"{name} is {text[:64]!r}")
    sieve = Sieve(len(payload))
    tripped = (EventReported(f"{name}.overpower", None),) if text == "overpower" and _OVERPOWER.match(what) else ()
    return Said1({name: sieve.scalar(value, name)}, tripped, sieve.notes)


def _input_event(what: str, payload: bytes) -> Said1 | Malformed | None:
    """``{"event":"S","event_cnt":73}``; at boot the event is empty: nothing happened."""
    found = read_object(payload)
    if isinstance(found, Malformed):
        return found
    name = f"{what.replace('input_event/', 'input.')}.{found.get('event')}"
    if not found.get("event") or not is_name(name):
        return Said1()
    sieve = Sieve(len(payload))
    return Said1(events=(EventReported(name, {"event_cnt": sieve.storable(found.get("event_cnt"))}, sieve.notes),))


def _reasons(payload: bytes) -> Said1 | Malformed:
    """Why a sleeping device woke: ``["sensor"]``."""
    try:
        reasons = decode_json(payload)
    except MalformedError as bad:
        return bad.malformed
    if not isinstance(reasons, list):
        return Malformed("not_an_object", "act_reasons is no list")
    sieve = Sieve(len(payload))
    texts = [sieve.scalar(one, "act_reasons") for one in reasons[:20] if isinstance(one, str)]
    return Said1(events=(EventReported("act_reasons", texts, sieve.notes),), sleeps=True)


def _light(name: str, payload: bytes) -> Said1 | Malformed:
    found = read_object(payload)
    if isinstance(found, Malformed):
        return found
    sieve = Sieve(len(payload))
    kept = {key: value for key, value in found.items() if not key.startswith(("timer_", "has_timer", "source"))}
    return Said1(sieve.flattened({name: kept}), notes=sieve.notes)


def _info(payload: bytes) -> Said1 | Malformed:
    """The whole HTTP status. Its values have topics of their own; a TRV alone has none."""
    found: Any = read_object(payload)
    if isinstance(found, Malformed):
        return found
    sieve = Sieve(len(payload))
    kept = {name: found[name] for name in ("uptime", "has_update") if isinstance(found.get(name), int)}
    if isinstance(found.get("wifi_sta"), dict) and type(found["wifi_sta"].get("rssi")) is int:
        kept["wifi"] = {"rssi": found["wifi_sta"]["rssi"]}
    if isinstance(found.get("thermostats"), list):
        kept |= {name: found[name] for name in ("bat", "charger", "calibrated") if name in found}
        kept["thermostats"] = [_thermostat(one) for one in found["thermostats"][:4]]
    return Said1(sieve.flattened(kept), notes=sieve.notes)


def _thermostat(one: Any) -> Any:
    if not isinstance(one, dict):
        return None
    inner = {name: value for name, value in one.items() if name not in {"target_t", "tmp"}}
    for name in ("target_t", "tmp"):
        if isinstance(one.get(name), dict):
            inner[name] = {"value": one[name].get("value")}
    return inner
