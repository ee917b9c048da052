"""Renders changes as frame bodies, each encoded once for all sockets: only ``n`` and ``sub`` differ. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct, structs

from bridge.messages import Delta, EventRecorded, Gone
from devices.web.live.stream.changes import Answer, NotFound, Reason, Replayed, Snapshot, StreamChange
from devices.web.live.stream.conflation import brief, brief_snapshot, latest, merged
from devices.web.live.stream.deflate import copied, deflated
from devices.web.live.stream.targets import DeliveryOptions

MAX_BODY_BYTES: Final = 512 * 1024  # a frame of several items; Daphne sends none above 1 MiB
MAX_PAGE_DEVICES: Final = 400  # in a snapshot frame

_GONE_BYTES: Final = 64  # about

_encode = msgspec.json.Encoder().encode


def change_bytes(change: StreamChange) -> int:
    """About how large a change is, in frames and in memory."""
    match change:
        case Delta():
            return len(change.item)
        case EventRecorded():
            return len(change.frame)
        case Snapshot():
            return len(change.snapshot)
        case Gone():
            return _GONE_BYTES


def answer_bytes(answer: Answer) -> int:
    """About how large an answer is in frames."""
    match answer:
        case Replayed():
            return sum(change_bytes(change) for change in answer.changes)
        case Snapshot():
            return len(answer.snapshot)
        case NotFound():
            return _GONE_BYTES


class Body(Struct, eq=False):
    """A stream frame without its number and subscription: ``{"n":…,`` before, ``sub`` (JSON) between."""

    before: bytes
    after: bytes
    _deflated: bytes | None = None  # ``after``, once somebody asked for it

    def frame(self, n: int, sub: bytes) -> bytes:
        """The frame's text in UTF-8."""
        return b'{"n":%d,%b%b%b' % (n, self.before, sub, self.after)

    def deflated_frame(self, n: int, sub: bytes) -> bytes:
        """The same, compressed; what all sockets have in common only once."""
        if self._deflated is None:
            self._deflated = deflated(self.after)
        return copied(b'{"n":%d,%b%b' % (n, self.before, sub)) + self._deflated

    def frame_size(self, n: int, sub: bytes) -> int:
        """Of :meth:`frame`."""
        return self.size + len(sub) + len(str(n)) + 6

    @property
    def size(self) -> int:
        """Of the frame, but for number and subscription."""
        return len(self.before) + len(self.after)


def bodies(
    devices: Mapping[str, Sequence[StreamChange]],
    options: DeliveryOptions,
    *,
    first: Reason = "subscribe",
    more: bool = False,
) -> list[Body]:
    """Frames that bring each device's changes in their order; what belongs together is gathered.

    Args:
        devices: the changes of each device, in rev order.
        options: whether intermediate readings are left out.
        first: the reason of the snapshots that come in pages.
        more: whether other pages follow those.
    """
    out: list[Body] = []
    rest = [_runs(changes, options) for changes in devices.values()]
    while rest := [runs for runs in rest if runs]:
        out += _gathered([runs.pop(0) for runs in rest], first, more=more)
    return out


def snapshot_body(reason: Reason, snapshots: Sequence[bytes], *, more: bool) -> Body:
    """A snapshot frame."""
    head = b',"reason":"%b","more":%b,"devices":[' % (reason.encode(), b"true" if more else b"false")
    return Body(b'"type":"snapshot","sub":', head + b",".join(snapshots) + b"]}")


_Run = list[Delta] | EventRecorded | Snapshot | Gone


def _runs(changes: Sequence[StreamChange], options: DeliveryOptions) -> list[_Run]:
    """A device's changes, the deltas between other things taken together."""
    if options.description == "brief":
        changes = [_brief(change) for change in changes]
    if len(changes) == 1:  # mostly
        only = changes[0]
        return [_conflated([only], options)] if isinstance(only, Delta) else [only]
    out: list[_Run] = []
    deltas: list[Delta] = []
    for change in changes:
        if isinstance(change, Delta):
            deltas.append(change)
            continue
        if deltas:
            out.append(_conflated(deltas, options))
            deltas = []
        out.append(change)
    return [*out, _conflated(deltas, options)] if deltas else out


def _brief(change: StreamChange) -> StreamChange:
    if isinstance(change, Snapshot):
        return structs.replace(change, snapshot=brief_snapshot(change.snapshot))
    return brief(change) if isinstance(change, Delta) else change


def _conflated(deltas: list[Delta], options: DeliveryOptions) -> list[Delta]:
    items = merged(deltas) if len(deltas) > 1 else deltas
    return latest(items) if options.readings == "latest" else items


def _gathered(runs: Sequence[_Run], first: Reason, *, more: bool) -> Iterator[Body]:
    """Frames for one run of each device. They are of different devices, so their order is free."""
    snapshots: dict[Reason, list[bytes]] = {}
    items: list[bytes] = []
    for run in runs:
        match run:
            case list():
                items += [delta.item for delta in run]
            case Snapshot():
                snapshots.setdefault(run.reason, []).append(run.snapshot)
            case EventRecorded():
                yield Body(b'"sub":', b"," + run.frame[1:])
            case Gone():
                yield Body(b'"type":"gone","sub":', b',"device":%b}' % _encode(run.device))
    for reason, found in snapshots.items():
        yield from _snapshots(reason, found, paged=reason == first, more=more)
    for page in _pages(items, len(items)):
        yield Body(b'"type":"delta","sub":', b',"items":[' + b",".join(page) + b"]}")


def _snapshots(reason: Reason, found: Sequence[bytes], *, paged: bool, more: bool) -> Iterator[Body]:
    pages = list(_pages(found, MAX_PAGE_DEVICES))
    for number, page in enumerate(pages, 1):
        yield snapshot_body(reason, page, more=paged and (more or number < len(pages)))


def _pages(texts: Sequence[bytes], most: int) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for index, text in enumerate(texts):
        if index > start and (size + len(text) > MAX_BODY_BYTES or index - start >= most):
            yield texts[start:index]
            start, size = index, 0
        size += len(text) + 1
    if start < len(texts):
        yield texts[start:]
