"""ChirpStack's events as Protocol Buffers, made the same as its JSON (api/proto/integration/integration.proto)."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.dialects.forms.protobuf import (
    Value,
    WireError,
    as_bytes,
    as_double,
    as_float,
    as_int,
    as_signed,
    as_text,
    fields,
)

_MOST_DEPTH: Final = 16
_LEVELS: Final = ("INFO", "WARNING", "ERROR")
_CODES: Final = (
    *("UNKNOWN", "DOWNLINK_PAYLOAD_SIZE", "UPLINK_CODEC", "DOWNLINK_CODEC", "OTAA"),
    *("UPLINK_F_CNT_RESET", "UPLINK_MIC", "UPLINK_F_CNT_RETRANSMISSION", "DOWNLINK_GATEWAY"),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Field number: name in JSON, how it is read; a table stands for a message, a list with one for several.
Table = dict[int, tuple[str, Any]]
_INFO: Final[Table] = {
    3: ("applicationId", as_text),
    6: ("deviceProfileName", as_text),
    7: ("deviceName", as_text),
    8: ("devEui", as_text),
    9: ("tags", "map"),
}
_HEAD: Final[Table] = {1: ("deduplicationId", as_text), 2: ("time", "time"), 3: ("deviceInfo", _INFO)}
_RX: Final[Table] = {6: ("rssi", as_signed), 7: ("snr", as_float)}
_LOCATION: Final[Table] = {
    1: ("latitude", as_double),
    2: ("longitude", as_double),
    3: ("altitude", as_double),
    5: ("accuracy", as_float),
}
_EVENTS: Final[dict[str, Table]] = {
    "up": {
        **_HEAD,
        7: ("fCnt", as_int),
        8: ("fPort", as_int),
        10: ("data", "bytes"),
        11: ("object", "struct"),
        12: ("rxInfo", [_RX]),
    },
    "join": {**_HEAD, 4: ("devAddr", as_text)},
    "status": {
        **_HEAD,
        5: ("margin", as_signed),
        6: ("externalPowerSource", "bool"),
        7: ("batteryLevelUnavailable", "bool"),
        8: ("batteryLevel", as_float),
    },
    "location": {**_HEAD, 4: ("location", _LOCATION)},
    "txack": {2: _HEAD[2], 3: _HEAD[3], 4: ("queueItemId", as_text)},
    "ack": {**_HEAD, 4: ("queueItemId", as_text), 5: ("acknowledged", "bool")},
    "log": {
        1: ("time", "time"),
        2: ("deviceInfo", _INFO),
        3: ("level", _LEVELS),
        4: ("code", _CODES),
        5: ("description", as_text),
    },
}


def decode(kind: str, message: bytes) -> dict[str, Any]:
    """An event of a kind as the object that it is in JSON.

    Raises:
        WireError: it is no such message.
    """
    return _object(_EVENTS[kind], message)


def _object(table: Table, message: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in fields(message):
        name, how = table.get(number, ("", None))
        if isinstance(how, list):
            found.setdefault(name, []).append(_object(how[0], as_bytes(value)))
        elif how == "map":
            key, one = _entry(as_bytes(value))
            found.setdefault(name, {})[key] = as_text(one)
        elif name:
            found[name] = _value(how, value)
    return found


def _value(how: Any, value: Value) -> Any:
    if isinstance(how, dict):
        return _object(how, as_bytes(value))
    if isinstance(how, tuple):
        return how[as_int(value)] if as_int(value) < len(how) else str(as_int(value))
    match how:
        case "bool":
            return bool(as_int(value))
        case "bytes":
            return base64.b64encode(as_bytes(value)).decode()
        case "time":
            return _time(as_bytes(value))
        case "struct":
            return _struct(as_bytes(value), 1)
    return how(value)


def _time(message: bytes) -> str:
    parts = dict(fields(message))
    since = timedelta(seconds=as_int(parts.get(1, 0)) % 2**33, microseconds=as_int(parts.get(2, 0)) % 10**9 // 1000)
    return (_EPOCH + since).isoformat()


def _entry(message: bytes) -> tuple[str, Value]:
    parts = dict(fields(message))
    return as_text(parts.get(1, b"")), parts.get(2, b"")


def _struct(message: bytes, depth: int) -> dict[str, Any]:
    """google.protobuf.Struct."""
    if depth > _MOST_DEPTH:
        raise WireError(f"over {_MOST_DEPTH} levels")
    entries = (_entry(as_bytes(value)) for number, value in fields(message) if number == 1)
    return {key: _any(as_bytes(one), depth) for key, one in entries}


def _any(message: bytes, depth: int) -> Any:
    """google.protobuf.Value: 1 null, 2 number, 3 text, 4 boolean, 5 object, 6 array."""
    found: Any = None
    for number, value in fields(message):
        if number == 2:
            double = as_double(value)
            found = int(double) if double.is_integer() and abs(double) < 2**53 else double
        elif number == 3:
            found = as_text(value)
        elif number == 4:
            found = bool(as_int(value))
        elif number == 5:
            found = _struct(as_bytes(value), depth + 1)
        elif number == 6:
            if depth > _MOST_DEPTH:
                raise WireError(f"over {_MOST_DEPTH} levels")
            found = [_any(as_bytes(one), depth + 1) for inner, one in fields(as_bytes(value)) if inner == 1]
    return found
