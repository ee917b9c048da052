"""The stream from the database's rows: lists of devices, and answers to what subscriptions and feeds want to know.

All functions are synchronous and only read: run them by :class:`devices.web.live.database.Database`.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast
from msgspec import Struct

from devices.models import Command, Event, Reading, Twin
from devices.rules.commands import command_json
from devices.rules.stream import StreamEvent, StreamReading
from devices.rules.twin import TwinState, load
from devices.web.live.answering import Rows, answer, refusal, winners
from devices.web.live.parts import Answer, Want, answer_bytes
from devices.web.live.targets import Target

MAX_ROWS: Final = 1_000  # readings, and events, of one call
_KEYS_A_QUERY: Final = 500
_JSON: Final = ("metrics", "data")  # columns of JSON text
_MAX_COMMANDS: Final = 200

_encode = msgspec.json.Encoder().encode


def list_devices(target: Target) -> list[tuple[str, int]]:
    """Keys and revs of the target's devices that there are, in the order of their keys."""
    twins = Twin.objects.order_by("device__key").values_list("device__key", "rev")
    if target.devices is not None:
        return [row for keys in _chunks(sorted(target.devices)) for row in twins.filter(device__key__in=keys)]
    if target.sites is not None:
        twins = twins.filter(device__site__name__in=sorted(target.sites))
    return list(twins)


def read(wants: Sequence[Want], *, latest: bool, budget_bytes: int) -> list[Answer]:
    """Answers to the first of ``wants``, at least one if there are any; the others are for another call.

    Args:
        wants: questions, each about another device.
        latest: leave out readings that set no metric of today.
        budget_bytes: the answers are about so large together, or one of them is larger.
    """
    found = _twins([want.device for want in wants])
    replays = _replays(wants, found, latest=latest)
    rows = _rows(replays, budget_bytes)
    out: list[Answer] = []
    size = 0
    for want in wants:
        _, twin = found.get(want.device, (0, None))
        if twin is not None and refusal(want, twin) is None and want.device not in rows:
            continue  # for another call
        out.append(answer(want, twin, rows.get(want.device, Rows())))
        size += answer_bytes(out[-1])
        if size >= budget_bytes:
            break
    return out


def list_existing(keys: Iterable[str]) -> set[str]:
    """Those of the keys that belong to a device."""
    return {key for key, _ in list_devices(Target(devices=frozenset(keys)))}


def commands_since(target: Target, since_ms: int) -> list[tuple[str, bytes]]:
    """Device and JSON of the target's commands whose last step is not older than ``since_ms`` (Unix ms).

    At most 200, the newest: what is older than that while it was missed is for the REST API.
    """
    commands = Command.objects.select_related("device").order_by("-created_at")
    if target.sites is not None:
        commands = commands.filter(device__site__name__in=sorted(target.sites))
    if target.devices is not None:
        commands = commands.filter(device__key__in=sorted(target.devices)[:_KEYS_A_QUERY])
    recent = [one for one in commands[:_MAX_COMMANDS] if one.timeline and one.timeline[-1]["at_ms"] >= since_ms]
    return [(one.device.key, _encode(command_json(one, one.device.key))) for one in reversed(recent)]


def _twins(keys: Sequence[str]) -> dict[str, tuple[int, TwinState]]:
    rows = Twin.objects.filter(device__key__in=keys).annotate(text=Cast("doc", TextField()))
    return {key: (pk, load(text)) for key, pk, text in rows.values_list("device__key", "pk", "text")}


class _Replay(Struct, frozen=True):
    """What is to be read of one device: since < rev ≤ upto, of its readings perhaps only some."""

    device: str
    pk: int
    since: int
    upto: int
    revs: frozenset[int] | None


class _Stored(Struct, frozen=True):
    """A row, of either table."""

    rev: int
    bytes: int
    row: StreamReading | StreamEvent


def _replays(wants: Sequence[Want], found: Mapping[str, tuple[int, TwinState]], *, latest: bool) -> list[_Replay]:
    """The questions that take rows, as many of the first as make no more than ``MAX_ROWS`` (one may, alone)."""
    out: list[_Replay] = []
    revs = 0  # each reading and event has one of its own
    for want in wants:
        pk, twin = found.get(want.device, (0, None))
        if twin is None or want.since is None or refusal(want, twin):
            continue
        revs += twin.rev - want.since
        if out and revs > MAX_ROWS:
            break
        wanted = frozenset(winners(twin, want.since)) if latest else None
        out.append(_Replay(want.device, pk, want.since, twin.rev, wanted))
    return out


def _rows(replays: Sequence[_Replay], budget_bytes: int) -> dict[str, Rows]:
    """The rows of each device; those that had to be left for another call are missing."""
    moved = [one for one in replays if one.upto > one.since]
    rows = {one.device: Rows() for one in replays if one.upto == one.since}
    stored = _stored(moved, budget_bytes) if moved else {}
    return rows | {one.device: _rows_of(*stored[one.pk]) for one in moved if one.pk in stored}


def _rows_of(stored: list[_Stored], complete: bool) -> Rows:
    readings = [one.row for one in stored if isinstance(one.row, StreamReading)]
    events = [one.row for one in stored if isinstance(one.row, StreamEvent)]
    return Rows(readings, events, None if complete else stored[-1].rev)


def _stored(replays: Sequence[_Replay], budget_bytes: int) -> dict[int, tuple[list[_Stored], bool]]:
    """By primary key: readings and events in rev order, and whether these are all."""
    out: dict[int, tuple[list[_Stored], bool]] = {one.pk: ([], True) for one in replays}
    size = count = 0
    for pk, one in _merged(replays):
        if count >= MAX_ROWS or size > budget_bytes:
            return _cut(out, pk)
        out[pk][0].append(one)
        count, size = count + 1, size + one.bytes
    return out


def _cut(stored: dict[int, tuple[list[_Stored], bool]], last: int) -> dict[int, tuple[list[_Stored], bool]]:
    """What was read before the first row left out, which is of device ``last``: rows come in the order of devices."""
    kept = {pk: rows for pk, rows in stored.items() if pk < last}
    return kept | ({last: (stored[last][0], False)} if stored[last][0] else {})


def _merged(replays: Sequence[_Replay]) -> Iterator[tuple[int, _Stored]]:
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


def _of(model: type[Model], replays: Sequence[_Replay], *fields: str, wanted: bool = False) -> Iterator[Any]:
    """Rows ``(device, rev, *fields)``; JSON as its text."""
    which = Q()
    for one in replays:
        bounds = Q(device_id=one.pk, rev__gt=one.since, rev__lte=one.upto)
        which |= bounds & Q(rev__in=one.revs) if wanted and one.revs is not None else bounds
    texts = {f"{name}_text": Cast(name, TextField()) for name in fields if name in _JSON}
    names = [f"{name}_text" if name in _JSON else name for name in fields]
    rows = model._default_manager.filter(which).annotate(**texts).order_by("device_id", "rev")
    yield from rows.values_list("device_id", "rev", *names)[: MAX_ROWS + 1].iterator(chunk_size=100)


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_A_QUERY] for start in range(0, len(keys), _KEYS_A_QUERY))
