"""Payload codecs of the native dialect. Bytes in, values out; bad input is a value too.

Every decoder returns what the payload says or :class:`Malformed` with a reason; none raises, whatever the bytes.
JSON is RFC 8259 within bridge.json_limits; merge patches are RFC 7396.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, get_args

from bridge.dialects.native.topics import MAX_METRIC_CHARS, Kind
from bridge.json_limits import MAX_PAYLOAD_BYTES, MalformedError, check_text, decode_json, decode_utf8, json_type
from bridge.observations import (
    AckStatus,
    Cleared,
    CommandAck,
    Decoded,
    EventReported,
    Malformed,
    RawReading,
    Scalar,
    StatePatch,
    StatusReported,
    Telemetry,
)

YEAR_2000_MS = 946_684_800_000
_ACK_STATUSES: dict[str, AckStatus] = {status: status for status in get_args(AckStatus)}


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
    except MalformedError as bad:
        return bad.malformed


def _telemetry(_detail: str, payload: bytes) -> Telemetry:
    value = decode_json(payload)
    objects = value if isinstance(value, list) else [value]
    readings = (_reading(one) for one in objects)
    return Telemetry(tuple(reading for reading in readings if reading.metrics))


def _reading(value: Any) -> RawReading:
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"telemetry is {json_type(value)}")
    ts_ms = _timestamp_ms(value["ts"]) if "ts" in value else None
    metrics: dict[str, Scalar] = {}
    for name, scalar in _flatten(value, ""):
        if name in metrics:
            raise MalformedError("name_collision", name)
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
            raise MalformedError("array_in_telemetry", name[:MAX_METRIC_CHARS])
        elif not 0 < len(name) <= MAX_METRIC_CHARS:
            raise MalformedError("bad_metric_name", name[:MAX_METRIC_CHARS])
        else:
            yield name, inner


def _timestamp_ms(value: Any) -> int:
    ts_ms = _iso_ms(value) if isinstance(value, str) else value
    if isinstance(ts_ms, bool) or not isinstance(ts_ms, int | float):
        raise MalformedError("bad_ts", f"ts is {json_type(value)}")
    if ts_ms < YEAR_2000_MS:
        raise MalformedError("ts_before_2000", str(value))
    return int(ts_ms)


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedError("bad_ts", text[:64]) from None
    if moment.tzinfo is None:
        raise MalformedError("bad_ts", f"{text[:64]} has no zone")
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise MalformedError("bad_ts", text[:64]) from None


def _metric(detail: str, payload: bytes) -> Telemetry:
    value = _scalar(payload)
    if isinstance(value, dict | list):
        raise MalformedError("not_a_scalar", f"{detail} is {json_type(value)}")
    return Telemetry((RawReading(None, {detail: value}),))


def _scalar(payload: bytes) -> Any:
    try:
        return decode_json(payload)
    except MalformedError as bad:
        if bad.malformed.reason != "bad_json":
            raise
    text = payload.decode().strip()
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise MalformedError("not_finite", text)
    check_text(text)
    return text


def _state(_detail: str, payload: bytes) -> StatePatch:
    value = decode_json(payload)
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"state is {json_type(value)}")
    return StatePatch(value)


def _status(_detail: str, payload: bytes) -> StatusReported:
    said: Any = decode_utf8(payload).strip()
    if said[:1] in ("{", '"'):
        said = decode_json(payload)
        said = said.get("status") if isinstance(said, dict) else said
    if said not in ("online", "offline"):
        raise MalformedError("bad_status", str(said)[:64])
    return StatusReported(said == "online")


def _event(detail: str, payload: bytes) -> EventReported:
    return EventReported(detail, decode_json(payload))


def _ack(detail: str, payload: bytes) -> CommandAck:
    value = decode_json(payload)
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"ack is {json_type(value)}")
    status, reason = _ACK_STATUSES.get(str(value.get("status"))), value.get("reason")
    if status is None:
        raise MalformedError("bad_ack", f"status is {str(value.get('status'))[:64]!r}")
    if reason is not None and not isinstance(reason, str):
        raise MalformedError("bad_ack", f"reason is {json_type(reason)}")
    return CommandAck(detail, status, value.get("result"), reason)


_DECODERS: dict[Kind, Callable[[str, bytes], Decoded]] = {
    "telemetry": _telemetry,
    "metric": _metric,
    "state": _state,
    "status": _status,
    "event": _event,
    "ack": _ack,
}
