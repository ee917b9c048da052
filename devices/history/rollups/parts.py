"""A device's metrics over a time from its rollups, and from what of its readings they do not cover."""

from typing import Final

import msgspec
from msgspec import Struct

from devices.history.rollups import stored
from devices.history.rollups.cover import cover, joined
from devices.history.rollups.stored import Rolled
from devices.history.rules.parts import Part, Piece, level_for, raw_pieces
from devices.history.rules.rollups import DAY_MS, DAYS, HOUR_MS, HOURS, LEVELS_MS, MIN_MS, unpack
from devices.history.rules.windows import Window

MOST_BEHIND: Final = 20_000  # readings after what is rolled up; with more, rollups are of no use yet
FEW_READINGS: Final = 5_000  # in the time: they are read raw


class Parts(Struct):
    """What there is, by metric, in the order of the times."""

    window: Window  # as far as it can be told; its begin and end are those of buckets where readings are gone
    readings: int
    by_metric: dict[str, list[Part]]


def parts(device: int, names: tuple[str, ...], window: Window, rolled: Rolled, until_ms: int) -> Parts | None:
    """Read them. None: readings say it better, for they are few, or the buckets narrow, or nothing is rolled up.

    Args:
        device: primary key.
        names: of the metrics; none: all.
        window: the time.
        rolled: how far the device is.
        until_ms: Unix ms; nothing holds for longer.
    """
    if not rolled.rev or window.since >= rolled.until:
        return None
    window = _widened(device, window, rolled)
    level = level_for(window.bucket_ms)
    if level < 0:
        return None
    tail = stored.after(device, rolled.rev, most=MOST_BEHIND + 1)
    if len(tail) > MOST_BEHIND:
        return None
    window = _outwards(window, rolled, LEVELS_MS[level])
    until = min(window.until, rolled.until)
    late = {ts // MIN_MS * MIN_MS for ts, _, _ in tail if max(window.since, rolled.kept) <= ts < until}
    found = cover(device, window.since, until, level, late)
    count = sum(row.readings for row in found.rows) + len(tail)
    if not found.rows or (count <= FEW_READINGS and window.since >= rolled.kept):
        return None
    open_since = max(window.since, rolled.until)
    raw = [(ts, metrics) for ts, _, metrics in stored.readings(device, found.raw)]
    raw += sorted(((ts, metrics) for ts, _, metrics in tail if open_since <= ts < window.until), key=lambda one: one[0])
    ranges = [*found.raw, (open_since, window.until)] if open_since < window.until else found.raw
    pieces: list[Piece] = [(row.begin, row.end, unpack(row.packed, names)) for row in found.rows]
    pieces += raw_pieces(raw, joined(ranges), names, window.bucket_ms, until_ms)
    pieces.sort(key=lambda piece: piece[0])
    return Parts(window, count + len(raw), _by_metric(pieces))


def _widened(device: int, window: Window, rolled: Rolled) -> Window:
    """With buckets of which, where readings are gone, the rollups that are kept for longer still say all."""
    if window.since >= rolled.kept:
        return window
    window = msgspec.structs.replace(window, least_ms=HOUR_MS)
    if window.bucket_ms % DAY_MS:
        since = window.since // DAY_MS * DAY_MS
        until = min(-(-min(rolled.kept, window.until) // DAY_MS), rolled.until // DAY_MS) * DAY_MS
        sums = stored.sums(device, (HOURS, DAYS), since, until)
        if sums.get(HOURS, 0) != sums.get(DAYS, 0):  # hours with few readings have no row
            window = msgspec.structs.replace(window, least_ms=DAY_MS)
    return window


def _outwards(window: Window, rolled: Rolled, width_ms: int) -> Window:
    """To the begin and end of rows, where there is nothing smaller any more."""
    since, until = window.since, window.until
    if since < rolled.kept:
        since = since // width_ms * width_ms
    if until < rolled.kept:
        until = -(-until // width_ms) * width_ms
    return msgspec.structs.replace(window, since=since, until=until)


def _by_metric(pieces: list[Piece]) -> dict[str, list[Part]]:
    by_metric: dict[str, list[Part]] = {}
    for begin, end, stats in pieces:
        for name, one in stats.items():
            by_metric.setdefault(name, []).append((begin, end, one))
    return by_metric
