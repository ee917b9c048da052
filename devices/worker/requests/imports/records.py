"""A device's records of a piece: they change its twin as late messages do, and say nothing of whether it is there."""

from collections import Counter
from typing import ClassVar, Final

import msgspec
from msgspec import Struct, structs

from bridge.observations import Note, RawReading, Telemetry
from devices.models import Quarantined
from devices.options import DevicesOptions
from devices.requests.imports import BadRecord, DeviceRecords, ImportedReading, Piece, Result
from devices.rules.reducer import Arrival, Limits, NewEvent, NewReading, reduce
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.link.quarantine import storable

NAME: Final = "imports"  # in Effects.noted
_KNOWN: Final = 1  # the rev of a device of which nothing is known but that it is one
_encode = msgspec.json.Encoder().encode


class Came(Struct, frozen=True):
    """What became of a device's records."""

    piece: int
    file: int
    since_rev: int
    upto: int
    result: Result


class ImportRecords(Operation, frozen=True):
    """Records to store. One piece's records of a device are one operation."""

    is_asked_for: ClassVar[bool] = True

    number: int  # ImportPiece.pk
    file: int  # Import.pk
    piece: Piece
    records: DeviceRecords
    since_rev: int  # the device's, before the import
    upto: int  # the last one's number, those left out included
    left_out: Result  # that the device has had before
    topic_root: str
    now_ms: int  # Unix ms; when they are received
    refused: dict[int, dict[str, str]]  # of the round, by piece

    def registers(self, options: DevicesOptions) -> bool:
        """If that was asked for."""
        return self.piece.creates

    @property
    def asked_by(self) -> str:
        """Who imports."""
        return self.piece.asked_by

    def refuse(self, refusal: Refusal) -> None:
        """Whoever imports hears of it."""
        self.refused.setdefault(self.number, {})[refusal.key] = refusal.reason

    def set_aside(self, effects: Effects, reason: str) -> None:
        """They go to quarantine, together."""
        records = self.records
        bad = [*records.bad, *(_bad(one, reason, "") for one in records.readings)]
        bad += [BadRecord(one.number, f"event/{one.name}", reason, "", one.data) for one in records.events]
        _quarantine(bad, self, effects)
        _take_down(self, effects, Result(quarantined=len(bad)))


def apply(operation: ImportRecords, effects: Effects, limits: Limits) -> None:
    """Change the twin by them; what is bad goes to quarantine."""
    records, twin, piece, now_ms = operation.records, effects.member.twin, operation.piece, operation.now_ms
    bad = list(records.bad)
    ahead = [one for one in records.readings if one.ts > now_ms]
    bad += [_bad(one, "bad_ts", f"{one.ts} is ahead of now") for one in ahead]
    readings = [one for one in records.readings if one.ts <= now_ms] if ahead else records.readings
    new, refused = _reduced(effects, readings, records.notes, limits, now_ms)
    bad += refused
    effects.readings += new if piece.as_news else [structs.replace(one, imported=True) for one in new]
    for event in records.events:
        twin.rev += 1
        effects.events.append(NewEvent(twin.rev, event.name, event.data, event.ts))
        if piece.as_news:
            patch = {"name": event.name, "data": msgspec.Raw(event.data), "ts": event.ts}
            twin.record("event", patch, None)
    twin.rev = twin.rev or _KNOWN
    effects.is_unseen |= not piece.as_news
    _quarantine(bad, operation, effects)
    _take_down(operation, effects, Result(len(new) + len(records.events), quarantined=len(bad)))


def _reduced(
    effects: Effects, readings: list[ImportedReading], notes: list[Note], limits: Limits, now_ms: int
) -> tuple[list[NewReading], list[BadRecord]]:
    """Together; if they don't fit together, one by one."""
    twin, arrival = effects.member.twin, Arrival(now_ms, replayed=True)
    readings = [one for one in readings if one.metrics]  # of others there are only notes
    raw = [RawReading(one.ts, one.metrics) for one in readings]
    outcome = reduce(twin, Telemetry(tuple(raw), tuple(notes)), arrival, limits)
    _count_notes(outcome.notes, effects.counts)
    if outcome.outcome == "applied":
        return outcome.readings, []
    new: list[NewReading] = []
    bad: list[BadRecord] = []
    for one, its in zip(readings, raw, strict=True):
        outcome = reduce(twin, Telemetry((its,)), arrival, limits)
        _count_notes(outcome.notes, effects.counts)
        new += outcome.readings
        if outcome.outcome != "applied":
            bad.append(_bad(one, outcome.reason, outcome.detail))
    return new, bad


def _count_notes(notes: tuple[Note, ...], counts: Counter[tuple[str, str]]) -> None:
    for note in notes:
        counts["noted", note.reason] += note.count


def _bad(one: ImportedReading, reason: str, detail: str) -> BadRecord:
    return BadRecord(one.number, "telemetry", reason, detail, _encode({"ts": one.ts, **one.metrics}))


def _quarantine(bad: list[BadRecord], operation: ImportRecords, effects: Effects) -> None:
    """A record in quarantine counts in the ledger as a message that came, like any other one there."""
    for one in bad:
        effects.quarantined.append(
            Quarantined(
                device_id=effects.member.id,
                topic=f"{operation.topic_root}/{effects.member.key}/{one.suffix}",
                payload=one.payload,
                qos=0,
                retain=False,
                received_ms=operation.now_ms,
                reason=one.reason,
                detail=storable(f"record {one.number + 1}: {one.detail}"),
            )
        )
        effects.counts["received", ""] += 1
        effects.counts["quarantined", one.reason] += 1


def _take_down(operation: ImportRecords, effects: Effects, result: Result) -> None:
    result.add(operation.left_out)
    effects.note(NAME, Came(operation.number, operation.file, operation.since_rev, operation.upto, result))
