"""Payload codecs of the native dialect. Bytes in, values out; bad input is a value too.

Every decoder returns what the payload says or :class:`Malformed` with a reason; none raises, whatever the bytes.
JSON is RFC 8259 within bridge.json_limits; merge patches are RFC 7396.
"""

import json
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from bridge.dialects.forms.description_words import MAX_PROPERTIES, description_of, good_words_of
from bridge.dialects.native.topics import Kind
from bridge.json_limits import (
    MAX_ELEMENT_LEAVES,
    MAX_MESSAGE_LEAVES,
    MAX_PAYLOAD_BYTES,
    MalformedError,
    bare,
    check_leaves,
    check_size,
    decode_json,
    decode_utf8,
    json_type,
)
from bridge.json_values import Sieve
from bridge.observations import (
    AckStatus,
    BadElements,
    Cleared,
    CommandAck,
    Decoded,
    Described,
    EventReported,
    Malformed,
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)
from bridge.timestamps import timestamp_ms

_ACK_STATUSES: dict[str, AckStatus] = {status: status for status in get_args(AckStatus)}
_SHORT_BYTES: Final = 2 * MAX_ELEMENT_LEAVES  # a shorter payload has no room for too many leaves
# What firmware says for it, in lower case, without blanks, "-" and "_".
_ONLINE: Final = {
    **dict.fromkeys(("online", "connected", "available", "alive", "up", "true", "1"), True),
    **dict.fromkeys(("offline", "disconnected", "disconnect", "lost", "connectionlost", "lostconnection"), False),
    **dict.fromkeys(("unavailable", "notavailable", "unreachable", "gone", "dead", "down", "false", "0"), False),
}
_STATUS_MEMBERS: Final = ("status", "state", "online", "connected", "availability", "available")  # the first counts
_SEPARATORS: Final = str.maketrans("", "", " -_\0\t\r\n")


def decode(kind: Kind, detail: str, payload: bytes) -> Decoded:
    """Decode one uplink payload.

    Args:
        kind: from the topic.
        detail: the metric, event name or command id in the topic, else "".
        payload: as received.
    """
    if not payload:
        return Cleared()
    try:
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise MalformedError("too_large", f"{len(payload)} bytes")  # noqa: TRY301  one place for what is malformed
        return _DECODERS[kind](detail, payload)
    except MalformedError as bad:
        return _of_bad(kind, payload, bad.malformed)


def _of_bad(kind: Kind, payload: bytes, malformed: Malformed) -> Decoded:
    if not bare(payload):
        return Cleared()
    if kind == "status":  # there the broker speaks for a dead device
        return msgspec.structs.replace(malformed, speaks=False)
    return malformed


# Telemetry --------------------------------------------------------------------------------------------------------


def _telemetry(_detail: str, payload: bytes) -> Telemetry:
    is_short = len(payload) < _SHORT_BYTES
    if not is_short and payload[:1] == b"{":
        check_leaves(payload)
    value, sieve = decode_json(payload), Sieve(len(payload))
    if isinstance(value, list):
        return _batch(value, sieve, is_short=is_short)
    if not is_short:
        check_size(value)
    reading = _reading(value, sieve)
    return Telemetry((reading,) if reading.metrics else (), sieve.notes)


def _reading(value: Any, sieve: Sieve) -> RawReading:
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"telemetry is {json_type(value)}")
    ts_ms = timestamp_ms(value["ts"]) if "ts" in value else None
    return RawReading(ts_ms, sieve.flattened(value))


def _batch(elements: list[Any], sieve: Sieve, *, is_short: bool) -> Telemetry:
    """Each element stands for itself."""
    readings: list[RawReading] = []
    bad: dict[int, Malformed] = {}
    leaves = 0
    for index, element in enumerate(elements):
        try:
            if not is_short:
                leaves += check_size(element)
            reading = _reading(element, sieve)
        except MalformedError as error:
            bad[index] = error.malformed
            leaves += MAX_ELEMENT_LEAVES if error.malformed.reason == "too_many_leaves" else 0
        else:
            if reading.metrics:
                readings.append(reading)
        if leaves > MAX_MESSAGE_LEAVES:
            raise MalformedError("too_many_leaves", f"over {MAX_MESSAGE_LEAVES}")
    return Telemetry(tuple(readings), sieve.notes, _bad_elements(elements, bad) if bad else None)


def _bad_elements(elements: list[Any], bad: dict[int, Malformed]) -> BadElements:
    """What is kept of the bad elements of a batch.

    Raises:
        MalformedError: all of them are bad.
    """
    first = next(iter(bad.values()))
    where = ", ".join(str(index) for index in list(bad)[:40]) + (", …" if len(bad) > 40 else "")
    malformed = Malformed(first.reason, f"element{'s' * (len(bad) > 1)} {where}: {first.detail}")
    if len(bad) == len(elements):
        raise MalformedError(malformed.reason, malformed.detail)
    try:
        alone = json.dumps([elements[index] for index in bad], separators=(",", ":")).encode()
    except RecursionError:
        alone = b""
    return BadElements(malformed, alone)


def _metric(detail: str, payload: bytes) -> Telemetry:
    value, sieve = _scalar(payload), Sieve(len(payload))
    if isinstance(value, dict | list):
        raise MalformedError("not_a_scalar", f"{detail} is {json_type(value)}")
    reading = RawReading(None, {detail: sieve.scalar(value, detail)})
    return Telemetry((reading,), sieve.notes)


def _scalar(payload: bytes) -> Any:
    try:
        return decode_json(payload)
    except MalformedError as error:
        if error.malformed.reason != "bad_json":
            raise
        text = decode_utf8(bare(payload)).strip()
        if not text:
            raise
    return text


# The others -------------------------------------------------------------------------------------------------------


def _object(kind: str, payload: bytes, sieve: Sieve) -> dict[str, Any]:
    value = _any(payload, sieve)
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"{kind} is {json_type(value)}")
    return value


def _any(payload: bytes, sieve: Sieve) -> Any:
    check_leaves(payload)
    value = decode_json(payload)
    check_size(value)
    return sieve.storable(value)


def _state(_detail: str, payload: bytes) -> StatePatch:
    sieve = Sieve(len(payload))
    return StatePatch(_object("state", payload, sieve), sieve.notes)


def _status(_detail: str, payload: bytes) -> StatusReported:
    said: Any = decode_utf8(bare(payload)).strip()
    if said[:1] in ("{", '"'):
        said = decode_json(payload)
        if isinstance(said, dict):
            members = {key.lower(): member for key, member in said.items()}
            said = next((members[name] for name in _STATUS_MEMBERS if name in members), None)
    word = str(said).translate(_SEPARATORS).lower() if isinstance(said, str | int) else ""
    if word not in _ONLINE:
        raise MalformedError("bad_status", str(said)[:64])
    return StatusReported(_ONLINE[word])


def _event(detail: str, payload: bytes) -> EventReported:
    sieve = Sieve(len(payload))
    return EventReported(detail, _any(payload, sieve), sieve.notes)


def _ack(detail: str, payload: bytes) -> CommandAck:
    sieve = Sieve(len(payload))
    value = _object("ack", payload, sieve)
    status, reason = _ACK_STATUSES.get(str(value.get("status"))), value.get("reason")
    if status is None:
        raise MalformedError("bad_ack", f"status is {str(value.get('status'))[:64]!r}")
    if reason is not None and not isinstance(reason, str):
        reason = msgspec.json.encode(reason).decode()  # the answer counts, whatever it is told with
    return CommandAck(detail, status, value.get("result"), reason, sieve.notes)


def _model(_detail: str, payload: bytes) -> Described:
    words, wrong, bad = good_words_of(_object("model", payload, Sieve(len(payload))), MAX_PROPERTIES)
    malformed = Malformed("bad_model", str(wrong))
    if wrong and not words:
        raise MalformedError(malformed.reason, malformed.detail)
    for action in words.get("actions") or ():  # who says nothing of it acknowledges commands, as is usual here
        action |= {"retry": action.get("retry", "until_ack"), "ack": action.get("ack", "exact")}
    aside = BadElements(malformed, msgspec.json.encode(bad)) if wrong else None
    return Described(description_of(words), own=True, bad=aside)


_DECODERS: dict[Kind, Callable[[str, bytes], Decoded]] = {
    "telemetry": _telemetry,
    "metric": _metric,
    "state": _state,
    "model": _model,
    "status": _status,
    "event": _event,
    "ack": _ack,
}
