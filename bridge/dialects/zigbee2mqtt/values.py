"""A member's payloads: one object with all that is known of it, or (``output: attribute``) a topic for each value.

The object is a cache: a message repeats what others said, and all of it comes again when the bridge starts. When the
device itself was heard last, ``last_seen`` says.
"""

from typing import Any, Final

from bridge.dialects.forms.numbers import number_in
from bridge.dialects.zigbee2mqtt.described import EVENTS
from bridge.dialects.zigbee2mqtt.model import Member
from bridge.json_limits import MAX_ELEMENT_LEAVES, MalformedError, check_leaves, check_size, decode_json, json_type
from bridge.json_values import Sieve
from bridge.observations import Decoded, EventReported, Malformed, RawReading, Scalar, Telemetry
from bridge.timestamps import timestamp_ms

_SHORT_BYTES: Final = 2 * MAX_ELEMENT_LEAVES
_LEFT_OUT: Final = ("last_seen", "elapsed", "device", *EVENTS)  # of the payload's first level
_LONG: Final = ("latest_release_notes", "latest_source")  # of ``update``
_WORDS: Final = {"true": True, "false": False, "null": None, "": None}


def values(member: Member, payload: bytes) -> list[Decoded]:
    """What a member's own topic says: a reading, an event."""
    try:
        return _values(member, payload)
    except MalformedError as bad:
        return [bad.malformed]


def _values(member: Member, payload: bytes) -> list[Decoded]:
    is_short = len(payload) < _SHORT_BYTES
    if not is_short:
        check_leaves(payload)
    value, sieve = decode_json(payload), Sieve(len(payload))
    if not isinstance(value, dict):
        return [Malformed("not_an_object", f"its values are {json_type(value)}")]
    if not is_short:
        check_size(value)
    seen_ms, events = _seen_ms(value), _events(value, sieve)
    for name in _LEFT_OUT:
        value.pop(name, None)
    if isinstance(update := value.get("update"), dict):
        for name in _LONG:
            update.pop(name, None)
    metrics = sieve.flattened(_without_actions(value) if events else value)
    _say_booleans(member, metrics)
    telemetry = Telemetry((RawReading(seen_ms, metrics),) if metrics else (), sieve.notes)
    return [telemetry, *events]


def _seen_ms(value: dict[str, Any]) -> int | None:
    """When the device was heard last; None: it isn't said, or in no way that is understood."""
    if "last_seen" not in value:
        return None
    try:
        return timestamp_ms(value["last_seen"])
    except MalformedError:
        return None


def _events(value: dict[str, Any], sieve: Sieve) -> list[Decoded]:
    """What happened at the device, with what belongs to it; 1.x says the empty text after each."""
    found: list[Decoded] = []
    for name in EVENTS:
        happened = value.get(name)
        if happened is not None and happened != "":
            beside = {key: one for key, one in value.items() if key.startswith(f"{name}_")}
            data = sieve.storable({"value": happened, **beside}, name)
            found.append(EventReported(name, data))
    return found


def _without_actions(value: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if not key.startswith("action_")}


def _say_booleans(member: Member, metrics: dict[str, Scalar]) -> None:
    for name, on, off in member.booleans:
        if name in metrics:
            metrics[name] = _boolean(metrics[name], on, off)


def _boolean(value: Scalar, on: Any, off: Any) -> Scalar:
    """True or false for the words of it; a boolean, and what is neither word, stays what it is."""
    if isinstance(value, bool) or value is None:
        return value
    if value == on:
        return True
    return False if value == off else value


def attribute(member: Member, name: str, payload: bytes) -> Decoded:
    """What the topic of one value says; inner names are joined by ``-`` there."""
    try:
        text = payload.decode().strip("\0 \t\r\n")
    except UnicodeDecodeError as error:
        return Malformed("bad_utf8", f"byte {error.start}")
    sieve = Sieve(len(payload))
    metric = name if name in member.by_metric else name.replace("-", ".")
    if metric in EVENTS:
        return EventReported(metric, sieve.storable({"value": text}, metric)) if text else Telemetry(())
    if metric in _LEFT_OUT:
        return Telemetry(())
    metrics = sieve.flattened({metric: _said(member, metric, text)})
    _say_booleans(member, metrics)
    return Telemetry((RawReading(None, metrics),) if metrics else (), sieve.notes)


def _said(member: Member, metric: str, text: str) -> Scalar:
    feature = member.by_metric.get(metric)
    if feature is not None and feature.kind in ("enum", "text"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = number_in(text)
    return text if number is None else number
