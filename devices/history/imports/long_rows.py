"""Rows of one value each, as CSV and Parquet have them: those of a reading stand together, and become one again."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from bridge.json_limits import MalformedError
from bridge.observations import PayloadReason, Scalar
from devices.history.imports.records import Record
from devices.history.imports.storable import data_of, encode, metrics_of, time_of
from devices.requests.imports import BadRecord, ImportedEvent, ImportedReading

_MOST_NAME_CHARS = 64  # Event.name


class Bad(Struct, frozen=True):
    """A value that can't be read."""

    reason: PayloadReason
    text: str


class LongRow(Struct, frozen=True, gc=False):
    """A value of a reading."""

    device: str
    reading: Any  # what tells readings of a device apart: the rev that they had, say
    ts: Any  # as it stands
    metric: str
    value: Scalar | Bad


def readings_of(rows: Iterable[LongRow]) -> Iterator[Record]:
    """The readings that the rows make: a name that comes again begins another one."""
    number = -1
    first: LongRow | None = None
    metrics: dict[str, Scalar | Bad] = {}
    for row in rows:
        if first is None or row.metric in metrics or not _same_reading(row, first):
            if first is not None:
                yield from _reading(number, first, metrics)
            number, first, metrics = number + 1, row, {}
        metrics[row.metric] = row.value
    if first is not None:
        yield from _reading(number, first, metrics)


def _same_reading(one: LongRow, other: LongRow) -> bool:
    return one.reading == other.reading and one.ts == other.ts and one.device == other.device


def _reading(number: int, row: LongRow, metrics: dict[str, Scalar | Bad]) -> Iterator[Record]:
    """It, and what is bad of it, each by itself."""
    bad = {name: value for name, value in metrics.items() if isinstance(value, Bad)}
    good = {name: value for name, value in metrics.items() if name not in bad} if bad else metrics
    try:
        ts = time_of(row.ts)
        values, notes = metrics_of(good)
    except MalformedError as error:
        shown = {name: _shown(value) for name, value in metrics.items()}
        yield bad_record(row.device, number, "telemetry", error, {"ts": row.ts, **shown})
        return
    for name, one in bad.items():
        wrong = MalformedError(one.reason, f"{name} is {one.text[:64]!r}")
        yield bad_record(row.device, number, "telemetry", wrong, {"ts": ts, name: one.text})
    if values or notes:
        yield Record(row.device, ImportedReading(number, ts, values), notes)


def _shown(value: Scalar | Bad) -> Scalar:
    return value.text if isinstance(value, Bad) else value


def bad_record(device: str, number: int, suffix: str, error: MalformedError, shown: Any) -> Record:
    """What is kept of a record that can't be read. ``shown``: JSON, texts of any kind in it."""
    payload = shown if isinstance(shown, bytes) else _text(shown)
    malformed = error.malformed
    return Record(device, BadRecord(number, suffix, malformed.reason, malformed.detail, payload))


def _text(value: Any) -> bytes:
    try:
        return encode(value)
    except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        return repr(value).encode(errors="replace")


def event(device: str, number: int, ts: Any, name: str, data: Any) -> Record:
    """An event's record. ``data``: any JSON value, or JSON as bytes."""
    try:
        if not 0 < len(name) <= _MOST_NAME_CHARS or "\0" in name or not name.isprintable():
            raise MalformedError("bad_text", f"{name[:64]!r} is no name of an event")  # noqa: TRY301  in one place
        text, notes = data_of(_parsed(data))
        return Record(device, ImportedEvent(number, time_of(ts), name, text), notes)
    except MalformedError as error:
        return bad_record(device, number, f"event/{name[:64] or '-'}", error, data)


def _parsed(data: Any) -> Any:
    if not isinstance(data, bytes):
        return data
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedError("bad_json", str(error)[:100]) from None
