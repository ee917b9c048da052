"""What Tasmota's payloads say: values by metric, events, answers. Bytes and JSON objects in, observations out."""

import re
from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.tasmota.model import Thing
from bridge.dialects.tasmota.units import UNIT_KEYS
from bridge.json_limits import MalformedError
from bridge.json_values import Sieve
from bridge.observations import EventReported, Malformed, Note, Scalar
from bridge.timestamps import timestamp_ms

# Constant, said twice, or no value.
_LEFT_OUT: Final = frozenset({"Time", "Epoch", "Uptime", "SleepMode", "Sleep", "DeepSleep", *UNIT_KEYS})
_WIFI: Final = frozenset({"RSSI", "Signal", "LinkCount"})
_ANSWER_METRIC: Final = re.compile(
    r"(?:POWER\d{0,2}|Dimmer\d?|Color\d?|HSBColor|White|CT|Channel\d{0,2}|Fade|Speed|Scheme|FanSpeed|Shutter\d{1,2}"
    r"|Switch\d{1,2}|Counter\d?|Temperature|Humidity)\Z"
)
_WORDED: Final = re.compile(r"(?:POWER\d{0,2}|Switch\d{1,2}|Fade)\Z")
_ACTION: Final = re.compile(r"(?:Button|Switch)\d{1,2}\Z")
_RECEIVED: Final = {"IrReceived": "ir_received", "RfReceived": "rf_received", "PN532": "pn532", "RDM6300": "rdm6300"}
ZIGBEE: Final = "ZbReceived"


class Values(Struct, frozen=True):
    """What a message with values says."""

    ts_ms: int | None  # the device's time, where it has a zone
    metrics: dict[str, Scalar]
    units: dict[str, str]
    notes: tuple[Note, ...]
    sleep_s: int = 0
    behind: dict[str, dict[str, Any]] = {}  # devices behind a Zigbee bridge, by what the message calls them
    events: tuple[EventReported, ...] = ()
    others: dict[str, Scalar] = {}  # of an answer: what is no metric, a command's own word


class Failed(Struct, frozen=True):
    """It did not know a command, or could not carry it out."""

    word: str  # Unknown, Error
    given: str  # the command, as far as it says it


def values(payload: bytes, thing: Thing, *, inner: str = "", answer: bool = False) -> Values | Failed | Malformed:
    """The values in a payload.

    Args:
        payload: a JSON object.
        thing: whose, for its words.
        inner: the member in which all stands (StatusSNS).
        answer: it answers a command: only what is known to be a metric is one.
    """
    found = read_object(payload)
    if isinstance(found, Malformed):
        return found
    if inner:
        member = found.get(inner)
        if not isinstance(member, dict):
            return Malformed("not_an_object", inner)
        found = member
    if answer and isinstance(found.get("Command"), str):
        return Failed(found["Command"][:64], str(found.get("Input", ""))[:64])
    return _values(found, thing, len(payload), answer=answer)


def plain_values(found: dict[str, Any], payload_bytes: int) -> tuple[dict[str, Scalar], tuple[Note, ...]]:
    """The values in an object, as they are."""
    sieve = Sieve(payload_bytes)
    return sieve.flattened(found), sieve.notes


def sensors(found: dict[str, Any], payload_bytes: int) -> Values:
    """The values in ``sensors`` of the discovery: like SENSOR's."""
    return _values(found, Thing(), payload_bytes, answer=False)


def _values(found: dict[str, Any], thing: Thing, payload_bytes: int, *, answer: bool) -> Values:
    sieve = Sieve(payload_bytes)
    events = tuple(_events(found, sieve))
    behind = _behind(found.get(ZIGBEE))
    plain = {key: value for key, value in found.items() if key not in _LEFT_OUT and not _is_event(key, value)}
    others: dict[str, Scalar] = {}
    if answer:
        others = {
            key: sieve.scalar(value, key)
            for key, value in plain.items()
            if not _ANSWER_METRIC.match(key) and isinstance(value, str | int | float)
        }
        plain = {key: value for key, value in plain.items() if _ANSWER_METRIC.match(key)}
    metrics = sieve.flattened(_trimmed(plain))
    for name in metrics:
        if _WORDED.match(name):
            metrics[name] = as_boolean(metrics[name], thing)
    units = {key: str(found[key])[:16] for key in UNIT_KEYS if isinstance(found.get(key), str)}
    sleep_s = found.get("DeepSleep")
    return Values(
        ts_ms=_time(found),
        metrics=metrics,
        units=units,
        notes=sieve.notes,
        sleep_s=sleep_s if type(sleep_s) is int and 0 < sleep_s < 10_000_000 else 0,
        behind=behind,
        events=events,
        others=others,
    )


def as_boolean(value: Scalar, thing: Thing) -> Scalar:
    """A state text as boolean; a text that is none of the device's stays."""
    text = value if isinstance(value, str) else ""
    if text in {thing.words[1], "ON"}:
        return True
    return False if text in {thing.words[0], "OFF"} else value


def _time(found: dict[str, Any]) -> int | None:
    """``Time`` without zone is no time (SetOption52 off); neither is one of a device whose clock isn't set."""
    epoch = found.get("Epoch")
    try:
        if type(epoch) is int:
            return timestamp_ms(epoch * 1000)
        return timestamp_ms(found["Time"]) if isinstance(found.get("Time"), str) else None
    except MalformedError:
        return None


def _trimmed(found: dict[str, Any]) -> dict[str, Any]:
    """Without since when a meter counts, and with the part of ``Wifi`` that changes."""
    return {
        key: {
            name: inner
            for name, inner in value.items()
            if name != "TotalStartTime" and (key != "Wifi" or name in _WIFI)
        }
        if isinstance(value, dict)
        else value
        for key, value in found.items()
    }


def _is_event(key: str, value: Any) -> bool:
    return key in _RECEIVED or key == ZIGBEE or (bool(_ACTION.match(key)) and isinstance(value, dict))


def _events(found: dict[str, Any], sieve: Sieve) -> "list[EventReported]":
    """Buttons (SetOption73), switches (SetOption114), what infrared, radio and card readers received."""
    events = []
    for key, value in found.items():
        if _ACTION.match(key) and isinstance(value, dict) and isinstance(value.get("Action"), str):
            action = sieve.storable(value["Action"])
            events.append(EventReported(key.lower(), {"action": action}, sieve.notes))
        elif key in _RECEIVED:
            events.append(EventReported(_RECEIVED[key], sieve.storable(value), sieve.notes))
    return events[:64]


def _behind(received: Any) -> dict[str, dict[str, Any]]:
    """``{"0x2916": {…}}``, or the inner object alone with its address as ``Device`` (SetOption119)."""
    if not isinstance(received, dict):
        return {}
    if isinstance(received.get("Device"), str):
        return {received["Device"]: received}
    return {key: value for key, value in received.items() if isinstance(value, dict)}
