"""What of devices' messages was not taken as it came, kept with the twin: the last few kinds, counted."""

from collections.abc import Collection, Iterable
from typing import Final

from bridge.json_values import Notes
from bridge.observations import Note, RawReading, Telemetry
from devices.rules.twin import KeptNote, TwinState

MAX_KEPT_NOTES: Final = 20


def keep(twin: TwinState, notes: Iterable[Note], at_ms: int) -> None:
    """Keep notes of a message received at ``at_ms`` (Unix ms): of each reason and metric the last sample."""
    for note in notes:
        count = note.count
        for kept in twin.notes:
            if kept.reason == note.reason and kept.metric == note.metric:
                twin.notes.remove(kept)
                count += kept.count
                break
        twin.notes.append(KeptNote(note.reason, note.metric, count, note.sample, at_ms))
    del twin.notes[:-MAX_KEPT_NOTES]


def without_calculated(said: Telemetry, twin: TwinState, calculated: Collection[str]) -> Telemetry:
    """Readings without the metrics that are calculated at the device: these are not its own to send.

    Args:
        said: what it has sent.
        twin: the device's; it knows what was calculated once. What is not any more, and the device sends, is its own.
        calculated: what is calculated now.
    """
    sent = {name for reading in said.readings for name in reading.metrics}
    if twin.calculated and (own := [name for name in twin.calculated if name in sent and name not in calculated]):
        twin.calculated = [name for name in twin.calculated if name not in own]
    if sent.isdisjoint(calculated):
        return said
    notes, left = Notes(), []
    for reading in said.readings:
        metrics = {name: value for name, value in reading.metrics.items() if name not in calculated}
        for name in reading.metrics.keys() - metrics.keys():
            notes.note("calculated", name, reading.metrics[name])
        if metrics:
            left.append(RawReading(reading.ts_ms, metrics, reading.ahead_ms))
    return Telemetry(tuple(left), said.notes + notes.notes, said.bad)


def within_limit(twin: TwinState, readings: Iterable[RawReading], most: int) -> tuple[list[RawReading], Notes]:
    """Readings without the new metrics that are too many; known ones go on.

    Args:
        twin: the device's.
        readings: of one message.
        most: how many metrics a device may have.
    """
    names, notes, within = set(twin.metrics), Notes(), []
    for reading in readings:
        metrics = {}
        for name, value in reading.metrics.items():
            if name in names or len(names) < most:
                names.add(name)
                metrics[name] = value
            else:
                notes.note("too_many_metrics", name, value)
        if metrics:
            within.append(RawReading(reading.ts_ms, metrics, reading.ahead_ms))
    return within, notes
