"""Payload codecs of the native dialect, with their limits. Bytes in, values out; bad input is a value too.

Every decoder returns what the payload says or :class:`Malformed` with a reason; none raises, whatever the bytes.
JSON is RFC 8259 in UTF-8 without byte order mark; merge patches are RFC 7396.
"""

import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from bridge.dialects.native.topics import MAX_METRIC_CHARS, Kind

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**53
YEAR_2000_MS = 946_684_800_000

Scalar = str | int | float | bool | None
AckStatus = Literal["accepted", "done", "rejected", "failed"]
_ACK_STATUSES: dict[str, AckStatus] = {status: status for status in get_args(AckStatus)}
PayloadReason = Literal[
    "array_in_telemetry",
    "bad_ack",
    "bad_json",
    "bad_metric_name",
    "bad_status",
    "bad_text",
    "bad_ts",
    "bad_utf8",
    "integer_too_large",
    "name_collision",
    "not_a_scalar",
    "not_an_object",
    "not_finite",
    "too_deep",
    "too_large",
    "ts_before_2000",
]


class Malformed(Struct, frozen=True):
    """The content is wrong. ``detail`` says where or what, for people."""

    reason: PayloadReason
    detail: str = ""


class Cleared(Struct, frozen=True):
    """An empty payload: a retained message was cleared at the broker. No error, changes nothing.

    (Without Retain As Published the broker delivers it just as it delivers any empty payload: MQTT 5.0 3.8.3.1.)
    """


class RawReading(Struct, frozen=True):
    """One telemetry object, flattened. ``ts_ms``: the device's time in Unix ms, None when it gave none."""

    ts_ms: int | None
    metrics: dict[str, Scalar]


class Telemetry(Struct, frozen=True):
    """One payload's readings in their order; objects without a metric leave none."""

    readings: tuple[RawReading, ...]


class StatePatch(Struct, frozen=True):
    """A merge patch of the reported state."""

    patch: dict[str, Any]


class StatusReported(Struct, frozen=True):
    """A birth or a will."""

    online: bool


class EventReported(Struct, frozen=True):
    """Something that happened at a device; ``data`` is any JSON value."""

    name: str
    data: Any


class CommandAck(Struct, frozen=True):
    """A device's answer to a command."""

    command_id: str
    status: AckStatus
    result: Any = None
    reason: str | None = None


Decoded = Telemetry | StatePatch | StatusReported | EventReported | CommandAck | Cleared | Malformed


class _Bad(Exception):
    """Carries a :class:`Malformed` out of nested checks; never leaves this module."""

    def __init__(self, reason: PayloadReason, detail: str = "") -> None:
        super().__init__(reason)
        self.malformed = Malformed(reason, detail)


def decode(kind: Kind, detail: str, payload: bytes) -> Decoded:
    """Decode one uplink payload.

    Args:
        kind: from the topic.
        detail: the metric, event name or command id in the topic, else "".
        payload: as received.
    """
    if not payload:
        return Cleared()
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Malformed("too_large", f"{len(payload)} bytes")
    try:
        return _DECODERS[kind](detail, payload)
    except _Bad as bad:
        return bad.malformed


def _telemetry(_detail: str, payload: bytes) -> Telemetry:
    value = _json(payload)
    objects = value if isinstance(value, list) else [value]
    readings = (_reading(one) for one in objects)
    return Telemetry(tuple(reading for reading in readings if reading.metrics))


def _reading(value: Any) -> RawReading:
    if not isinstance(value, dict):
        raise _Bad("not_an_object", f"telemetry is {_json_type(value)}")
    ts_ms = _timestamp_ms(value["ts"]) if "ts" in value else None
    metrics: dict[str, Scalar] = {}
    for name, scalar in _flatten(value, ""):
        if name in metrics:
            raise _Bad("name_collision", name)
        metrics[name] = scalar
    return RawReading(ts_ms, metrics)


def _flatten(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Scalar]]:
    for key, inner in value.items():
        name = prefix + key
        if name == "ts":
            continue
        if isinstance(inner, dict):
            yield from _flatten(inner, name + ".")
        elif isinstance(inner, list):
            raise _Bad("array_in_telemetry", name[:MAX_METRIC_CHARS])
        elif not 0 < len(name) <= MAX_METRIC_CHARS:
            raise _Bad("bad_metric_name", name[:MAX_METRIC_CHARS])
        else:
            yield name, inner


def _timestamp_ms(value: Any) -> int:
    ts_ms = _iso_ms(value) if isinstance(value, str) else value
    if isinstance(ts_ms, bool) or not isinstance(ts_ms, int | float):
        raise _Bad("bad_ts", f"ts is {_json_type(value)}")
    if ts_ms < YEAR_2000_MS:
        raise _Bad("ts_before_2000", str(value))
    return int(ts_ms)


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Bad("bad_ts", text[:64]) from None
    if moment.tzinfo is None:
        raise _Bad("bad_ts", f"{text[:64]} has no zone")
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise _Bad("bad_ts", text[:64]) from None


def _metric(detail: str, payload: bytes) -> Telemetry:
    value = _scalar(payload)
    if isinstance(value, dict | list):
        raise _Bad("not_a_scalar", f"{detail} is {_json_type(value)}")
    return Telemetry((RawReading(None, {detail: value}),))


def _scalar(payload: bytes) -> Any:
    try:
        return _json(payload)
    except _Bad as bad:
        if bad.malformed.reason != "bad_json":
            raise
    text = payload.decode().strip()
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise _Bad("not_finite", text)
    _check_text(text)
    return text


def _state(_detail: str, payload: bytes) -> StatePatch:
    value = _json(payload)
    if not isinstance(value, dict):
        raise _Bad("not_an_object", f"state is {_json_type(value)}")
    return StatePatch(value)


def _status(_detail: str, payload: bytes) -> StatusReported:
    said: Any = _utf8(payload).strip()
    if said[:1] in ("{", '"'):
        said = _json(payload)
        said = said.get("status") if isinstance(said, dict) else said
    if said not in ("online", "offline"):
        raise _Bad("bad_status", str(said)[:64])
    return StatusReported(said == "online")


def _event(detail: str, payload: bytes) -> EventReported:
    return EventReported(detail, _json(payload))


def _ack(detail: str, payload: bytes) -> CommandAck:
    value = _json(payload)
    if not isinstance(value, dict):
        raise _Bad("not_an_object", f"ack is {_json_type(value)}")
    status, reason = _ACK_STATUSES.get(str(value.get("status"))), value.get("reason")
    if status is None:
        raise _Bad("bad_ack", f"status is {str(value.get('status'))[:64]!r}")
    if reason is not None and not isinstance(reason, str):
        raise _Bad("bad_ack", f"reason is {_json_type(reason)}")
    return CommandAck(detail, status, value.get("result"), reason)


_DECODERS: dict[Kind, Callable[[str, bytes], Decoded]] = {
    "telemetry": _telemetry,
    "metric": _metric,
    "state": _state,
    "status": _status,
    "event": _event,
    "ack": _ack,
}


# JSON with limits ------------------------------------------------------------------------------------------------


def json_error(value: Any) -> Malformed | None:
    """Why a decoded JSON value may not be stored (depth, integers, NUL, NaN), or None. For values from any source."""
    try:
        _check(value, 1)
    except _Bad as bad:
        return bad.malformed
    return None


def _json(payload: bytes) -> Any:
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _why_not_json(payload) from None
    _check(value, 1)
    return value


def _check(value: Any, depth: int) -> None:
    match value:
        case str():
            _check_text(value)
        case bool() | None:
            pass
        case int():
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise _Bad("integer_too_large")
        case float():
            if not math.isfinite(value):
                raise _Bad("not_finite")
        case dict() | list():
            _check_container(value, depth)


def _check_container(value: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Bad("too_deep", f"over {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key in value:
            _check_text(key)
        value = list(value.values())
    for inner in value:
        _check(inner, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Bad("bad_text", "NUL")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _Bad("bad_text", "lone surrogate")


def _utf8(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise _Bad("bad_utf8", f"byte {error.start}") from None


def _why_not_json(payload: bytes) -> _Bad:
    """The exact reason, found the slow way: only for payloads that the strict decoder refused."""
    try:
        value = json.loads(_utf8(payload))
        _check(value, 1)
    except _Bad as bad:
        return bad
    except RecursionError:
        return _Bad("too_deep", f"over {MAX_DEPTH} levels")
    except json.JSONDecodeError as error:
        return _Bad("bad_json", f"{error.msg} at {error.pos}")
    except ValueError:  # a number of more digits than Python converts
        return _Bad("integer_too_large")
    return _Bad("bad_json")


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
