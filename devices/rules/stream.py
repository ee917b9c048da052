"""What a browser is sent: snapshots, and the stream between two revs. One rule for live commits and for replay.

*Old snapshot + stream = fresh snapshot*: ``replay(…, since, …)`` gives, in rev order, delta items and events that cover
(since, twin.rev] without gap or repeat. A commit's broadcast is the replay since the rev before it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from bridge.messages import Delta, EventRecorded
from devices.rules import documents
from devices.rules.described.descriptions import Kept
from devices.rules.presence import as_json
from devices.rules.twin import TwinState

MAX_ITEM_BYTES: Final = 256 * 1024  # of readings in one delta item; a frame holds at least one item

_encode = msgspec.json.Encoder().encode


class StreamReading(Struct, frozen=True):
    """A reading on its way to browsers."""

    rev: int
    ts: int
    metrics: bytes  # JSON object
    clamped: bool = False

    def json(self) -> bytes:
        """``{"rev": …, "ts": …, "metrics": {…}}``."""
        flag = b',"clamped":true' if self.clamped else b""
        return b'{"rev":%d,"ts":%d,"metrics":%b%b}' % (self.rev, self.ts, self.metrics, flag)


class StreamEvent(Struct, frozen=True):
    """An event on its way to browsers."""

    rev: int
    name: str
    data: bytes  # JSON
    ts: int


def snapshot(device: str, twin: TwinState, kept: Kept | None = None) -> dict[str, Any]:
    """The truth about a device as of ``twin.rev``. ``kept``: what it is, where that is known."""
    return {
        "device": device,
        "rev": twin.rev,
        "metrics": {name: {"value": metric.value, "ts": metric.ts} for name, metric in twin.metrics.items()},
        **parts(twin, kept),
    }


def parts(twin: TwinState, kept: Kept | None = None) -> dict[str, Any]:
    """The sections of a snapshot that don't follow from readings."""
    described = {"description": kept.value} if kept and kept.value else {}
    return {
        "reported": twin.reported.value,
        "desired": twin.desired.value,
        "desired_version": twin.desired_version,
        "presence": as_json(twin.presence),
        "tags": twin.tags,
        **described,
    }


def can_replay(twin: TwinState, since: int) -> bool:
    """Whether the twin still knows what changed after ``since`` (readings and events are the caller's matter)."""
    return max(twin.reported.floor, twin.desired.floor, twin.removed_floor) <= since <= twin.rev


def replay(
    device: str,
    twin: TwinState,
    since: int,
    readings: Sequence[StreamReading],
    events: Sequence[StreamEvent],
    kept: Kept | None = None,
) -> Iterator[Delta | EventRecorded]:
    """The stream (since, twin.rev].

    Args:
        device: the key.
        twin: as of its rev.
        since: the rev that the client has; see :func:`can_replay`.
        readings: all readings with since < rev ≤ twin.rev, in rev order.
        events: all events likewise.
        kept: what the device is, as of the twin's rev.
    """
    known, start = _Known(device, twin, kept), 0
    for event in events:
        stop = _first_after(readings, start, event.rev)
        yield from _deltas(known, since, event.rev - 1, readings[start:stop])
        yield EventRecorded(device, event.rev - 1, event.rev, event_frame(device, event))
        since, start = event.rev, stop
    yield from _deltas(known, since, twin.rev, readings[start:])


def event_frame(device: str, event: StreamEvent) -> bytes:
    """The event frame as JSON, without ``n``."""
    return b'{"type":"event","device":%b,"prev":%d,"rev":%d,"name":%b,"data":%b,"ts":%d}' % (
        _encode(device),
        event.rev - 1,
        event.rev,
        _encode(event.name),
        event.data,
        event.ts,
    )


class _Known(Struct, frozen=True):
    """A device as of its rev."""

    device: str
    twin: TwinState
    kept: Kept | None


def _first_after(readings: Sequence[StreamReading], start: int, rev: int) -> int:
    while start < len(readings) and readings[start].rev < rev:
        start += 1
    return start


def _deltas(known: _Known, prev: int, rev: int, readings: Sequence[StreamReading]) -> Iterator[Delta]:
    """Delta items over (prev, rev], none of them too large. Metrics are removed at the end of an item."""
    removed = known.twin.removed
    if not removed or next(reversed(removed.values())) <= prev:
        return _pages(known, prev, rev, readings)
    return _between_removals(known, prev, rev, readings)


def _between_removals(known: _Known, prev: int, rev: int, readings: Sequence[StreamReading]) -> Iterator[Delta]:
    for removed in sorted({removed for removed in known.twin.removed.values() if prev < removed < rev}):
        stop = _first_after(readings, 0, removed)
        yield from _pages(known, prev, removed, readings[:stop])
        prev, readings = removed, readings[stop:]
    yield from _pages(known, prev, rev, readings)


def _pages(known: _Known, prev: int, rev: int, readings: Sequence[StreamReading]) -> Iterator[Delta]:
    if prev == rev:
        return
    page: list[bytes] = []
    size = 0
    for reading in readings:
        text = reading.json()
        if page and size + len(text) > MAX_ITEM_BYTES:
            yield _delta(known, prev, reading.rev - 1, page)
            prev, page, size = reading.rev - 1, [], 0
        page.append(text)
        size += len(text)
    yield _delta(known, prev, rev, page)


def _delta(known: _Known, prev: int, rev: int, readings: list[bytes]) -> Delta:
    device = known.device
    head = b'{"device":%b,"prev":%d,"rev":%d,"readings":[%b]' % (_encode(device), prev, rev, b",".join(readings))
    sections = _sections(known, prev, rev) if len(readings) < rev - prev else {}  # else each rev is a reading's
    tail = b"," + _encode(sections)[1:] if sections else b"}"
    return Delta(device, prev, rev, head + tail)


def _sections(known: _Known, low: int, high: int) -> dict[str, Any]:
    """The sections whose last change lies in (low, high], as merge patches of the snapshot's."""
    twin, out = known.twin, dict[str, Any]()
    metrics: dict[str, Any] = {name: None for name, removed in twin.removed.items() if low < removed <= high}
    for name, metric in twin.metrics.items():
        if not metric.live and low < metric.rev <= high:
            metrics[name] = {"value": metric.value, "ts": metric.ts}
    if metrics:  # what was removed, or filled in by retained messages: the rest follows from readings
        out["metrics"] = metrics
    if patch := documents.patch_between(twin.reported, low, high):
        out["reported"] = patch
    if patch := documents.patch_between(twin.desired, low, high):
        out["desired"] = patch
        out["desired_version"] = twin.desired_version
    if low < twin.presence.rev <= high:
        out["presence"] = as_json(twin.presence)
    if low < twin.tags_rev <= high:
        out["tags"] = twin.tags
    if twin.described_rev > low and known.kept:
        out |= _described(known.kept, low, high, gone=twin.described_rev <= high)
    return out


def _described(kept: Kept, low: int, high: int, *, gone: bool) -> dict[str, Any]:
    """The same of what the device is. ``gone``: if nothing is known of it, that has come in this range."""
    if not kept.value:
        return {"description": None} if gone else {}
    patch = documents.patch_between(kept.document, low, high)
    return {"description": patch} if patch else {}
