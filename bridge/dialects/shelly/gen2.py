"""What Gen2 and later publish: notifications on ``events/rpc``, components on ``status/…``.

shelly-api-docs.shelly.cloud/gen2/General/Notifications: NotifyStatus says what changed (null: a member is gone),
NotifyFullStatus everything, at connect and at each waking; NotifyEvent says what happened. ``ts`` is Unix seconds.
"""

import re
from typing import Any, Final

from msgspec import Struct

from bridge.json_limits import MalformedError
from bridge.json_values import Sieve
from bridge.names import is_name
from bridge.observations import EventReported, Note, Scalar
from bridge.timestamps import timestamp_ms

_COMPONENT: Final = re.compile(r"[a-z0-9_]{1,32}(?::\d{1,4})?\Z")
# What tells nothing of the house: they are there, or not.
_SKIPPED: Final = frozenset(
    {"ble", "cloud", "mqtt", "ws", "ht_ui", "plugs_ui", "ui", "knx", "matter", "modbus", "bthome", "kvs", "eth", "ts"}
)
_SKIPPED_KINDS: Final = frozenset({"script", "schedule", "webhook"})
# Members that are noise, constant, or said elsewhere.
_NO_METRICS: Final = frozenset(
    {
        "id", "source", "tF", "by_minute", "minute_ts", "move_timeout", "move_started_at", "timer_started_at",
        "timer_duration", "transition", "last_updated_ts", "last_command_ts", "pos_control", "addr",
    }
)  # fmt: skip
_SYS: Final = frozenset({"restart_required", "uptime"})
_WIFI: Final = frozenset({"rssi"})
_MOST_EVENTS: Final = 64


class Status(Struct, frozen=True):
    """What a notification or a component says."""

    ts_ms: int | None
    metrics: dict[str, Scalar]
    notes: tuple[Note, ...]
    events: tuple[EventReported, ...] = ()  # errors that came up
    wakeup_s: int = 0  # it sleeps so long between


def is_component(key: str) -> bool:
    """Whether it is a component's key: ``switch:0``, ``sys``."""
    return _COMPONENT.match(key) is not None


def status(components: dict[str, Any], payload_bytes: int) -> Status:
    """The values of components by ``switch:0.output``.

    Args:
        components: by key; ``ts`` beside them is the device's time.
        payload_bytes: how long the message is.
    """
    sieve = Sieve(payload_bytes)
    kept: dict[str, Any] = {}
    events: list[EventReported] = []
    for key, one in components.items():
        if isinstance(one, dict) and _is_kept(key):
            errors = one.get("errors")
            if isinstance(errors, list) and errors:
                events.append(EventReported(f"{key}.error", {"errors": sieve.storable(errors[:20])}))
            kept[key] = _trimmed(key, one)
    wakeup_s = components["sys"].get("wakeup_period") if isinstance(components.get("sys"), dict) else None
    return Status(
        ts_ms=seconds_ms(components.get("ts")),
        metrics=sieve.flattened(kept),
        notes=sieve.notes,
        events=tuple(events[:_MOST_EVENTS]),
        wakeup_s=wakeup_s if type(wakeup_s) is int and 0 < wakeup_s < 10_000_000 else 0,
    )


def events(params: dict[str, Any], payload_bytes: int) -> tuple[EventReported, ...]:
    """What happened: ``input:0.single_push``, each with its own time."""
    sieve = Sieve(payload_bytes)
    found: list[EventReported] = []
    listed = params.get("events")
    for one in listed[:_MOST_EVENTS] if isinstance(listed, list) else ():
        if isinstance(one, dict) and is_name(name := f"{one.get('component')}.{one.get('event')}"):
            data = {key: value for key, value in one.items() if key not in {"component", "event", "id"}}
            found.append(EventReported(name, sieve.storable(data), sieve.notes))
    return tuple(found)


def seconds_ms(ts: Any) -> int | None:
    """Unix seconds as Unix ms; None: it is no such time (the clock of a device that has not reached a time server)."""
    try:
        return timestamp_ms(round(ts * 1000)) if isinstance(ts, int | float) and not isinstance(ts, bool) else None
    except (MalformedError, ValueError, OverflowError):
        return None


def _is_kept(key: str) -> bool:
    return is_component(key) and key not in _SKIPPED and key.partition(":")[0] not in _SKIPPED_KINDS


def _trimmed(key: str, one: dict[str, Any]) -> dict[str, Any]:
    if key == "sys":
        return {name: value for name, value in one.items() if name in _SYS}
    if key == "wifi":
        return {name: value for name, value in one.items() if name in _WIFI}
    trimmed = {name: _inner(value) for name, value in one.items() if name not in _NO_METRICS}
    if "errors" in trimmed:
        trimmed["errors"] = _joined(trimmed["errors"])
    return trimmed


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name not in _NO_METRICS}
    return value


def _joined(errors: Any) -> str | None:
    """Errors as one text; none: null."""
    return ", ".join(str(one)[:64] for one in errors[:20]) or None if isinstance(errors, list) else None
