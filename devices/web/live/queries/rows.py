"""Readings and events of several devices since a rev each: few queries, bounded rows, bounded bytes. Synchronous."""

import heapq
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast
from msgspec import Struct

from devices.models import Event, Reading
from devices.rules.stream import StreamEvent, StreamReading
from devices.web.live.queries.answers import Rows

MAX_ROWS: Final = 1_000  # of one query
_MUCH: Final = 50  # rows; a device that has more is read alone
_JSON: Final = ("metrics", "data")  # columns of JSON text


class Replay(Struct, frozen=True):
    """What is to be read of one device: since < rev ≤ upto, of its readings perhaps only some."""

    device: str
    pk: int
    since: int
    upto: int
    revs: frozenset[int] | None  # of the readings; None: all
    likely: int  # how many rows


class _Stored(Struct, frozen=True):
    """A row, of either table."""

    rev: int
    bytes: int
    row: StreamReading | StreamEvent


def read_rows(replays: Sequence[Replay], budget_bytes: int) -> dict[str, Rows]:
    """The rows of each device, in the order of ``replays``; the last may be incomplete, the ones after it are missing.

    Args:
        replays: what to read.
        budget_bytes: the rows are about so large together, or one of them is larger.
    """
    out: dict[str, Rows] = {}
    for group in _groups(replays):
        stored = _stored(group, budget_bytes)
        out |= {one.device: _rows_of(*stored[one.pk]) for one in group if one.pk in stored}
        budget_bytes -= sum(row.bytes for rows, _ in stored.values() for row in rows)
        if budget_bytes <= 0 or len(stored) < len(group) or not all(complete for _, complete in stored.values()):
            break
    return out


def _groups(replays: Sequence[Replay]) -> Iterator[list[Replay]]:
    """What is read by one query: many devices with little, or one with much. (A query gives them in its own order.)"""
    little: list[Replay] = []
    for one in replays:
        if one.likely <= _MUCH:
            little.append(one)
            continue
        if little:
            yield little
            little = []
        yield [one]
    if little:
        yield little


def _rows_of(stored: list[_Stored], complete: bool) -> Rows:
    readings = [one.row for one in stored if isinstance(one.row, StreamReading)]
    events = [one.row for one in stored if isinstance(one.row, StreamEvent)]
    return Rows(readings, events, None if complete else stored[-1].rev)


def _stored(replays: Sequence[Replay], budget_bytes: int) -> dict[int, tuple[list[_Stored], bool]]:
    """By primary key: readings and events in rev order, and whether these are all."""
    out: dict[int, tuple[list[_Stored], bool]] = {one.pk: ([], True) for one in replays}
    moved = [one for one in replays if one.upto > one.since]
    size = count = 0
    for pk, one in _merged(moved) if moved else ():
        if count >= MAX_ROWS or size > budget_bytes:
            return _cut(out, pk)
        out[pk][0].append(one)
        count, size = count + 1, size + one.bytes
    return out


def _cut(stored: dict[int, tuple[list[_Stored], bool]], last: int) -> dict[int, tuple[list[_Stored], bool]]:
    """What was read before the first row left out, which is of device ``last``: rows come in the order of devices."""
    kept = {pk: rows for pk, rows in stored.items() if pk < last}
    return kept | ({last: (stored[last][0], False)} if stored[last][0] else {})


def _merged(replays: Sequence[Replay]) -> Iterator[tuple[int, _Stored]]:
    """All rows by device and rev. Not more of them in memory than a few hundred at once, for they may be large."""
    readings = _of(Reading, replays, "ts", "metrics", "clamped", wanted=True)
    events = _of(Event, replays, "name", "data", "ts")
    yield from heapq.merge(
        (
            (pk, _Stored(rev, len(metrics), StreamReading(rev, ts, metrics.encode(), clamped)))
            for pk, rev, ts, metrics, clamped in readings
        ),
        (
            (pk, _Stored(rev, len(data), StreamEvent(rev, name, data.encode(), ts)))
            for pk, rev, name, data, ts in events
        ),
        key=lambda row: (row[0], row[1].rev),
    )


def _of(model: type[Model], replays: Sequence[Replay], *fields: str, wanted: bool = False) -> Iterator[Any]:
    """Rows ``(device, rev, *fields)``; JSON as its text."""
    which = Q()
    for one in replays:
        bounds = Q(device_id=one.pk, rev__gt=one.since, rev__lte=one.upto)
        which |= bounds & Q(rev__in=one.revs) if wanted and one.revs is not None else bounds
    texts = {f"{name}_text": Cast(name, TextField()) for name in fields if name in _JSON}
    names = [f"{name}_text" if name in _JSON else name for name in fields]
    rows = model._default_manager.filter(which).annotate(**texts).order_by("device_id", "rev")
    yield from rows.values_list("device_id", "rev", *names)[: MAX_ROWS + 1].iterator(chunk_size=100)
