"""What one decoded uplink message changes in a twin. docs/mqtt.md: time, retained, limits.

``reduce`` checks first and changes then, so a refused message leaves the twin as it was (but for presence: a device
that sends rubbish is there). It may be repeated only by the link, which applies each delivery once.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct, field

from bridge.observations import (
    BadElements,
    Cleared,
    CommandAck,
    CommandFailed,
    Decoded,
    Described,
    Doubted,
    EventReported,
    Malformed,
    Note,
    RawReading,
    Scalar,
    StatePatch,
    StatusReported,
    Telemetry,
)
from devices.rules import clocks, documents, metrics
from devices.rules.described import notes
from devices.rules.documents import MAX_DOCUMENT_BYTES
from devices.rules.presence import doubted, seen, set_back, status_kept, status_replayed, status_reported
from devices.rules.twin import Metric, TwinState

_LONG_CHARS: Final = 256

_encode = msgspec.json.Encoder().encode


class Limits(Struct, frozen=True):
    """Bounds of one device."""

    max_metrics: int = 200
    keep_ms: int = 30 * 86_400_000  # as long as history is kept: a metric that was silent for longer gives way


class Arrival(Struct, frozen=True):
    """How a message came."""

    received_ms: int  # Unix ms at the gateway
    retain: bool = False  # as delivered: state from before, not news
    late: bool = False  # across an outage: it may be old
    gateway: str = ""  # MQTT client id
    replayed: bool = False  # from quarantine: it tells nothing about whether the device is there now
    latest_ms: int = 2**62  # Unix ms; beyond it, a stamp is ahead of now


class NewReading(Struct, frozen=True):
    """A reading to store and to send."""

    rev: int
    ts: int  # Unix ms, by the time rule
    received_ms: int
    metrics: bytes  # JSON object
    clamped: bool = False
    imported: bool = False  # from a file: no news to alerts and handlers


class NewEvent(Struct, frozen=True):
    """An event to store and to send."""

    rev: int
    name: str
    data: bytes  # JSON
    ts: int  # Unix ms


class Outcome(Struct):
    """What became of a message. Exactly one of the three; ``reason`` for the latter two."""

    outcome: Literal["applied", "quarantined", "rejected"] = "applied"
    reason: str = ""
    detail: str = ""
    readings: list[NewReading] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    ack: CommandAck | None = None  # for the command's lifecycle: devices.rules.commands
    notes: tuple[Note, ...] = ()  # of what was applied: values that were not taken as they came
    bad: bytes | None = None  # the part of the payload that is quarantined, if not all of it; empty: it can't be told


def reduce(twin: TwinState, decoded: Decoded, arrival: Arrival, limits: Limits) -> Outcome:
    """Apply one message to its device's twin."""
    if twin.last_seen_ms > arrival.latest_ms or twin.presence.since > arrival.latest_ms:  # the clock was set back since
        set_back(twin, arrival.latest_ms - clocks.AHEAD_MS)
    outcome = _reduce(twin, decoded, arrival, limits)
    if outcome.notes:
        notes.keep(twin, outcome.notes, arrival.received_ms)
    if not (arrival.retain or arrival.replayed) and is_from_device(decoded):
        seen(twin, arrival.received_ms, late=arrival.late)
    return outcome


def is_from_device(decoded: Decoded) -> bool:
    """Whether a live message shows that its device is there: it has content, and the broker can't have sent it.

    Statuses are judged apart (devices.rules.presence): the broker speaks there, too.
    """
    match decoded:
        case Telemetry():
            return True
        case StatusReported() | Cleared() | Doubted() | CommandFailed():
            return False
        case Described():
            return decoded.own
        case Malformed():
            return decoded.speaks
    return True


def _reduce(twin: TwinState, decoded: Decoded, arrival: Arrival, limits: Limits) -> Outcome:
    match decoded:
        case Telemetry():
            return _telemetry(twin, decoded, arrival, limits)
        case StatePatch():
            return _state(twin, decoded, live=not arrival.retain)
        case StatusReported():
            _status(twin, decoded, arrival)
            return Outcome()
        case EventReported():
            return Outcome() if arrival.retain else _event(twin, decoded, arrival)
        case CommandAck():
            return Outcome() if arrival.retain else Outcome(ack=decoded, notes=decoded.notes)
        case Malformed():
            return Outcome("quarantined", decoded.reason, decoded.detail)
        case Described(bad=BadElements() as bad):
            outcome = Outcome()
            _set_aside(outcome, bad)
            return outcome
        case Doubted():
            _doubted(twin, arrival)
            return Outcome()
        case _:
            return Outcome()


# Telemetry -------------------------------------------------------------------------------------------------------


def _telemetry(twin: TwinState, telemetry: Telemetry, arrival: Arrival, limits: Limits) -> Outcome:
    readings: Sequence[RawReading] = telemetry.readings
    noted, received_ms = telemetry.notes, arrival.received_ms
    for reading in readings:
        if reading.ts_ms is not None and reading.ts_ms > received_ms:
            readings, ahead = clocks.set_right(readings, received_ms)
            noted += ahead
            break
    if arrival.replayed:
        readings = _dated(readings, received_ms)
    new = {name for reading in readings for name in reading.metrics if name not in twin.metrics}
    over = len(twin.metrics) + len(new) - limits.max_metrics
    if over > 0:
        if not arrival.retain:
            metrics.make_room(twin, readings, over, received_ms, limits.keep_ms)
        readings, left_out = notes.within_limit(twin, readings, limits.max_metrics)
        noted += left_out.notes
    if _is_too_large(twin, readings):
        return Outcome("rejected", "metrics_too_large", f"over {MAX_DOCUMENT_BYTES} bytes")
    outcome = Outcome(notes=noted)
    for reading in readings:
        if arrival.retain:
            _fill_metrics(twin, reading, received_ms)
        else:
            outcome.readings.append(_add_reading(twin, reading, received_ms, arrival.latest_ms))
    if telemetry.bad is not None:
        _set_aside(outcome, telemetry.bad)
    return outcome


def _set_aside(outcome: Outcome, bad: BadElements) -> None:
    """The bad elements of a batch, or words of a model, go to quarantine, alone."""
    outcome.outcome, outcome.bad = "quarantined", bad.payload
    outcome.reason, outcome.detail = bad.malformed.reason, bad.malformed.detail


def _dated(readings: Sequence[RawReading], at_ms: int) -> list[RawReading]:
    """Readings without a time of their own are from ``at_ms``, not from whenever the metric was last set."""
    return [RawReading(at_ms, reading.metrics) if reading.ts_ms is None else reading for reading in readings]


def _is_too_large(twin: TwinState, readings: Sequence[RawReading]) -> bool:
    """Whether the latest values together would no longer fit into a frame. Only long texts can come to that."""
    new = {name: value for reading in readings for name, value in reading.metrics.items()}
    if not any(isinstance(value, str) and len(value) > _LONG_CHARS for value in new.values()):
        return False
    latest = {name: metric.value for name, metric in twin.metrics.items()} | new
    return sum(len(_encode(value)) for value in latest.values()) > MAX_DOCUMENT_BYTES


def _add_reading(twin: TwinState, reading: RawReading, received_ms: int, latest_ms: int) -> NewReading:
    """By the time rule: an older ts never overwrites a newer value; equal: the later rev wins.

    A stamp ahead of now (beyond ``latest_ms``) is no time at all: the metric is removed, and set anew.
    """
    ts = _time_of(twin, reading, received_ms)
    ahead = ts > latest_ms  # by a metric's last stamp: the reading's own is never ahead
    rev = twin.rev = twin.rev + 1
    for name, value in reading.metrics.items():
        current = twin.metrics.get(name)
        if current is None or ts >= current.ts:
            twin.metrics[name] = Metric(value, ts, rev)
        elif current.ts > latest_ms:
            ahead = True
    if ahead:
        return _add_in_place_of_ahead(twin, reading, received_ms, latest_ms)
    return NewReading(twin.rev, ts, received_ms, _encode(reading.metrics), reading.ahead_ms > clocks.CLOCK_TOLERANCE_MS)


def _add_in_place_of_ahead(twin: TwinState, reading: RawReading, received_ms: int, latest_ms: int) -> NewReading:
    twin.rev -= 1  # what was set is set again
    metrics.remove(twin, [name for name in reading.metrics if twin.metrics[name].ts > latest_ms])
    return _add_reading(twin, reading, received_ms, latest_ms)


def _time_of(twin: TwinState, reading: RawReading, received_ms: int) -> int:
    """A reading's time by the time rule."""
    if reading.ts_ms is not None:
        return reading.ts_ms
    known = (twin.metrics[name].ts for name in reading.metrics if name in twin.metrics)
    return max(received_ms, *known, 0)


def _set_metric(twin: TwinState, name: str, metric: Metric) -> None:
    """An older ts never overwrites a newer value; equal: the later rev wins."""
    current = twin.metrics.get(name)
    if current is None or metric.ts >= current.ts:
        twin.metrics[name] = metric


def _fill_metrics(twin: TwinState, reading: RawReading, received_ms: int) -> None:
    ts = _time_of(twin, reading, received_ms)
    filled = {name: value for name, value in reading.metrics.items() if _fillable(twin, name, value, ts)}
    if filled:
        twin.rev += 1
        before = metrics.as_json(twin, filled)
        for name, value in filled.items():
            _set_metric(twin, name, Metric(value, ts, twin.rev, live=False))
        twin.record("metrics", metrics.as_json(twin, filled), before)


def _fillable(twin: TwinState, name: str, value: Scalar, ts: int) -> bool:
    """Whether a retained value may fill a metric. A null never does: no merge patch could say it (RFC 7396)."""
    current = twin.metrics.get(name)
    if value is None or name in twin.removed or (current is not None and current.live):
        return False
    return current is None or (ts >= current.ts and not documents.same(current.value, value))


# State and events ------------------------------------------------------------------------------------------------


def _state(twin: TwinState, state: StatePatch, *, live: bool) -> Outcome:
    patch = state.patch
    changed = documents.changes(twin.reported, patch) if live else documents.fills(twin.reported, patch)
    if changed:
        if limit := documents.too_large(twin.reported, patch, changed):
            return Outcome("rejected", "state_too_large", limit)
        twin.rev += 1
        twin.record("reported", *documents.as_patches(twin.reported, changed))
        documents.apply(twin.reported, changed, twin.rev, live=live)
    if live:
        documents.confirm(twin.reported, patch)
    return Outcome(notes=state.notes)


def _status(twin: TwinState, status: StatusReported, arrival: Arrival) -> None:
    if arrival.replayed:
        return
    if arrival.retain:
        status_kept(twin, arrival.received_ms)
    elif arrival.late:
        status_replayed(twin, arrival.received_ms, online=status.online)
    else:
        status_reported(twin, arrival.received_ms, online=status.online, gateway=arrival.gateway)


def _doubted(twin: TwinState, arrival: Arrival) -> None:
    if not arrival.replayed:
        doubted(twin, arrival.received_ms)


def _event(twin: TwinState, event: EventReported, arrival: Arrival) -> Outcome:
    twin.rev += 1
    new = NewEvent(twin.rev, event.name, _encode(event.data), arrival.received_ms)
    twin.record("event", {"name": new.name, "data": msgspec.Raw(new.data), "ts": new.ts}, None)
    return Outcome(events=[new], notes=event.notes)
