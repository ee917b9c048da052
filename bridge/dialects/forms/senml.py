"""SenML (RFC 8428, units RFC 8798): a pack of records with base values, in JSON or CBOR, as readings."""

from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.cbor import CborError, decode, is_cbor
from bridge.dialects.forms.numbers import within
from bridge.json_limits import MalformedError, check_leaves, check_size, decode_json
from bridge.json_values import Sieve
from bridge.observations import RawReading, Scalar
from bridge.timestamps import YEAR_2000_MS

_LABELS: Final = {  # of CBOR
    "-1": "bver", "-2": "bn", "-3": "bt", "-4": "bu", "-5": "bv", "-6": "bs",
    "0": "n", "1": "u", "2": "v", "3": "vs", "4": "vb", "5": "s", "6": "t", "7": "ut", "8": "vd",
}  # fmt: skip
_VERSION: Final = 10
_RELATIVE_S: Final = 2**28  # a smaller time is one from now
_MOST_RECORDS: Final = 2_000
_LAST_MS: Final = 253_402_300_799_999
_UNITS: Final = {"Cel": "°C", "%RH": "%", "%EL": "%", "/": "", "lat": "°", "lon": "°", "deg": "°", "degC": "°C"}
_NAMELESS: Final = "value"  # the metric of a record whose name is the device's alone


class Pack(Struct, frozen=True):
    """What a pack says."""

    readings: tuple[RawReading, ...]
    units: dict[str, str]  # by metric


def read(payload: bytes, received_ms: int, sieve: Sieve) -> Pack:
    """The readings in a pack, one for each time.

    Raises:
        MalformedError: it is none, or something in it must be understood and isn't.
    """
    base: dict[str, Any] = {}
    by_time: dict[int | None, dict[str, Scalar]] = {}
    units: dict[str, str] = {}
    for record in _records(payload):
        base |= {key: value for key, value in record.items() if key in _LABELS.values() and key.startswith("b")}
        _check(record)
        value = _value(record, base)
        if value is None:
            continue
        name = _metric(str(base.get("bn") or ""), str(record.get("n") or ""))
        unit = record.get("u", base.get("bu"))
        if isinstance(unit, str) and unit:
            units[name] = _UNITS.get(unit, unit)[:32]
        ts_ms = _time_ms(record, base, received_ms)
        by_time.setdefault(ts_ms, {}).update(sieve.flattened({name: value}))
    ordered = sorted(by_time.items(), key=lambda one: (one[0] is None, one[0] or 0))
    return Pack(tuple(RawReading(ts_ms, metrics) for ts_ms, metrics in ordered if metrics), units)


def _records(payload: bytes) -> list[dict[str, Any]]:
    if is_cbor(payload):
        try:
            value = decode(payload)
        except CborError as error:
            raise MalformedError("bad_cbor", str(error)) from None
    else:
        check_leaves(payload, 10 * _MOST_RECORDS)
        value = decode_json(payload)
    check_size(value, 10 * _MOST_RECORDS)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value) or len(value) > _MOST_RECORDS:
        raise MalformedError("bad_senml", f"it is no array of at most {_MOST_RECORDS} objects")
    return [{_LABELS.get(key, key): one for key, one in record.items()} for record in value]


def _check(record: dict[str, Any]) -> None:
    for key in record:
        if key.endswith("_"):
            raise MalformedError("bad_senml", f"{key[:64]!r} must be understood, and isn't")
    version = record.get("bver", _VERSION)
    if not isinstance(version, int) or version > _VERSION:
        raise MalformedError("bad_senml", f"bver is {str(version)[:32]}")


def _value(record: dict[str, Any], base: dict[str, Any]) -> Any:
    for key in ("vs", "vb", "vd"):
        if key in record:
            return record[key] if isinstance(record[key], str | bool) else None
    value, bv = _number(record.get("v")), _number(base.get("bv"))
    if value is not None or bv is not None:
        return (value or 0) + (bv or 0) if bv else value
    total, bs = _number(record.get("s")), _number(base.get("bs"))
    return None if total is None and bs is None else (total or 0) + (bs or 0)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _metric(base: str, name: str) -> str:
    """What is measured: a name of its own under a base, else what follows the device in one name."""
    if base:
        return name or _NAMELESS
    return _NAMELESS if name.startswith("urn:") and "/" not in name else name.rpartition("/")[2] or _NAMELESS


def _time_ms(record: dict[str, Any], base: dict[str, Any], received_ms: int) -> int | None:
    """Unix ms; None: now."""
    seconds = (_number(base.get("bt")) or 0) + (_number(record.get("t")) or 0)
    if not seconds or not within(seconds, None, None):
        return None
    ts_ms = round(seconds * 1000) + (received_ms if seconds < _RELATIVE_S else 0)
    return ts_ms if YEAR_2000_MS <= ts_ms <= _LAST_MS else None
