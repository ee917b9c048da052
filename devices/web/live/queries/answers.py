"""What the database's rows about a device answer to a question of the stream. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from devices.rules.described.descriptions import Kept
from devices.rules.stream import StreamEvent, StreamReading, can_replay, replay, snapshot
from devices.rules.twin import TwinState
from devices.web.live.stream.changes import Answer, NotFound, Query, Reason, Replayed, Snapshot

MAX_SNAPSHOT_BYTES: Final = 900 * 1024  # of one device; Daphne sends no frame above 1 MiB

_encode = msgspec.json.Encoder().encode


class Rows(msgspec.Struct, frozen=True):
    """What was read after the twin: everything with ``since`` < rev ≤ ``upto``, in rev order."""

    readings: Sequence[StreamReading] = ()
    events: Sequence[StreamEvent] = ()
    upto: int | None = None  # None: the twin's rev
    purged_rev: int = 0  # read after the rows: what has a higher rev was still there when they were read


def refusal(query: Query, twin: TwinState, purged_rev: int) -> Reason | None:
    """Why the stream can't go on from the rev that is there: the reason of the snapshot; None: it can.

    Args:
        query: the question.
        twin: the device's.
        purged_rev: readings and events up to it may be gone.
    """
    if query.since is None:
        return query.reason
    if query.since > twin.rev:
        return "reset"
    return None if can_replay(twin, query.since) and purged_rev <= query.since else "too_far"


def answer(query: Query, twin: TwinState | None, rows: Rows, kept: Kept | None = None) -> Answer:
    """The answer to a question.

    Args:
        query: the question.
        twin: as read before the rows; None: there is no such device.
        rows: none are needed where :func:`refusal` gives a reason.
        kept: what the device is, read with the twin.
    """
    if twin is None:
        return NotFound(query.device)
    reason = refusal(query, twin, rows.purged_rev)
    if reason is not None or query.since is None:
        return Snapshot(query.device, twin.rev, reason or query.reason, _snapshot(query.device, twin, kept))
    complete = rows.upto is None or rows.upto >= twin.rev
    reached = twin if rows.upto is None or complete else structs.replace(twin, rev=rows.upto)
    changes = tuple(replay(query.device, reached, query.since, rows.readings, rows.events, kept))
    return Replayed(query.device, reached.rev, changes, complete)


def winners(twin: TwinState, since: int) -> set[int]:
    """The revs of the readings after ``since`` that set what the metrics are now."""
    return {metric.rev for metric in twin.metrics.values() if metric.live and metric.rev > since}


def _snapshot(device: str, twin: TwinState, kept: Kept | None) -> bytes:
    """As JSON. What no frame could hold is left out, the longest metric values first."""
    whole = snapshot(device, twin, kept)
    text = _encode(whole)
    if len(text) <= MAX_SNAPSHOT_BYTES:
        return text
    by_size = sorted(whole["metrics"], key=lambda name: len(_encode(whole["metrics"][name])), reverse=True)
    while by_size and len(text) > MAX_SNAPSHOT_BYTES:
        del whole["metrics"][by_size.pop(0)]
        text = _encode(whole)
    return text
