"""From parts of a time, each all that came in it, to what a chart draws: the buckets that the raw values would give."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from msgspec import Struct, field

from devices.history.rules.rollups import (
    LEVELS_MS,
    Numbers,
    Readings,
    Stat,
    States,
    Stats,
    longest,
    merged_numbers,
    rolled,
)
from devices.history.rules.series import MAX_STATES, Columns, MixedError, Value, name_of
from devices.history.rules.windows import Window

Part = tuple[int, int, Stat]  # begin, end, what came of one metric
Piece = tuple[int, int, Stats]  # likewise, of all

_NUMBER_COLUMNS: Final = ("ts", "count", "min", "max", "mean", "last")


def level_for(width_ms: int) -> int:
    """The largest rollups that buckets of this width can be made of; -1: none."""
    return next((level for level in range(len(LEVELS_MS) - 1, -1, -1) if width_ms % LEVELS_MS[level] == 0), -1)


def raw_pieces(
    readings: Readings, ranges: Sequence[tuple[int, int]], names: tuple[str, ...], width_ms: int, until_ms: int
) -> Iterator[Piece]:
    """What readings come to in each of some times, none of the pieces beyond a bucket.

    Args:
        readings: all that came in these times, in order.
        ranges: the times, in order and apart from each other.
        names: of the metrics; none: all.
        width_ms: of the buckets.
        until_ms: Unix ms; nothing holds for longer.
    """
    position = 0
    for since, until in ranges:
        first = position
        while position < len(readings) and readings[position][0] < until:
            position += 1
        some = readings[first:position]
        if names:
            some = [(ts, {name: metrics[name] for name in names if name in metrics}) for ts, metrics in some]
        for bucket, its in groupby(some, lambda one: one[0] // width_ms * width_ms):
            end = min(until, bucket + width_ms)
            yield max(since, bucket), end, rolled(list(its), min(end, max(until_ms, since + 1)))


def values_in(parts: Sequence[Part]) -> int:
    """How many values they were made of, nulls included."""
    return sum(one.count + one.nulls for _, _, one in parts)


def are_states(parts: Sequence[Part]) -> bool:
    """Whether they are states, not numbers.

    Raises:
        MixedError: they are both.
    """
    states = any(isinstance(one, States) and one.count for _, _, one in parts)
    if states and any(isinstance(one, Numbers) for _, _, one in parts):
        raise MixedError
    return states


def columns_of_numbers(parts: Sequence[Part], window: Window) -> Columns:
    """Buckets of numbers."""
    columns: Columns = {name: [] for name in _NUMBER_COLUMNS}
    lists, width = tuple(columns.values()), window.bucket_ms
    for begin, some in groupby(parts, lambda part: part[0] // width * width):
        numbers = [one for _, _, one in some if isinstance(one, Numbers)]
        if numbers:
            one = merged_numbers(numbers)
            row = (begin, one.count, one.least, one.greatest, one.mean, one.last)
            for column, value in zip(lists, row, strict=True):
                column.append(value)
    return columns


class _Bucket(Struct):
    begin: int
    count: int = 0
    last: Value = None
    held_ms: dict[str, int] = field(default_factory=dict)

    def hold(self, value: Value, ms: int) -> None:
        if value is not None and ms > 0:
            name = name_of(value)
            self.held_ms[name] = self.held_ms.get(name, 0) + ms

    def add(self, part: States) -> None:
        self.count += part.count
        self.last = part.last if part.count else self.last
        for name, ms in part.held_ms.items():
            self.held_ms[name] = self.held_ms.get(name, 0) + ms


def columns_of_states(parts: Sequence[Part], window: Window, held: Value, until: int) -> Columns:
    """Buckets of texts and booleans.

    Args:
        parts: nothing but States, in the order of their times.
        window: the time.
        held: what held before it.
        until: nothing holds for longer.
    """
    width, since = window.bucket_ms, window.since
    buckets: list[_Bucket] = []
    for begin, end, part in parts:
        if not isinstance(part, States):
            continue
        of = begin // width * width
        if not buckets or buckets[-1].begin != of:
            if buckets:
                buckets[-1].hold(held, min(until, buckets[-1].begin + width) - since)
            buckets.append(_Bucket(of))
        buckets[-1].hold(held, part.first_ts - max(since, of))
        buckets[-1].add(part)
        held, since = part.last if part.is_open else None, end
    if buckets:
        buckets[-1].hold(held, min(until, buckets[-1].begin + width) - since)
    listed = [one for one in buckets if one.count]
    return {
        "ts": [one.begin for one in listed],
        "count": [one.count for one in listed],
        "last": [one.last for one in listed],
        "shares": [_shares(one, window, until) for one in listed],
    }


def _shares(bucket: _Bucket, window: Window, until: int) -> dict[str, Any]:
    end = min(bucket.begin + window.bucket_ms, until)
    time_ms = max(1, end - max(bucket.begin, window.since))
    return {name: ms / time_ms for name, ms in longest(bucket.held_ms, MAX_STATES).items()}
