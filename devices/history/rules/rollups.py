"""What the values of a metric in a bucket of time come to, how that is stored, and how larger buckets are made of it.

Each row of a level is all of a bucket. What it says can be put together: of numbers everything, in any order; of texts
and booleans the time that each value held, from the bucket's first value on. What held before that is the matter of
whoever knows the bucket before, so a late value changes its own bucket only.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct, msgpack

from devices.history.rules.series import OTHERS, MixedError, Value, name_of

MIN_MS: Final = 60_000
HOUR_MS: Final = 60 * MIN_MS
DAY_MS: Final = 24 * HOUR_MS

LEVELS_MS: Final = (MIN_MS, 10 * MIN_MS, HOUR_MS, DAY_MS)
"""Widths of the levels; a bucket begins at a multiple of its width since 1970 (UTC), and each holds the ones before."""

LEAST_READINGS: Final = (4, 4, 4, 1)
"""Fewer make no row: so all rows are never more than readings, and of each reading at least its day is kept."""

HOURS, DAYS = 2, 3  # the levels that are kept for longer than readings

MAX_STATES: Final = 200  # values of a bucket whose times are kept apart; those of the others are put together

_SHIFT: Final = 64


class Numbers(Struct, array_like=True, tag=0, omit_defaults=True, gc=False):
    """Numbers of a bucket."""

    count: int
    least: int | float  # a value stays what it was: 1 is not 1.0 (msgspec tells them apart by these types)
    greatest: int | float
    total: float  # their sum, to be multiplied by 2 ** shift
    last: int | float
    last_ts: int  # Unix ms
    nulls: int = 0  # that came besides
    shift: int = 0

    @property
    def mean(self) -> float:
        """As exact as a double is, and never beyond the doubles."""
        return math.ldexp(self.total / self.count, self.shift) if self.shift else self.total / self.count


class States(Struct, array_like=True, tag=1):
    """Texts and booleans of a bucket, perhaps with numbers; or nothing but nulls."""

    count: int  # of values that are not null
    nulls: int
    first_ts: int  # Unix ms; of the first one, null or not
    last: str | int | float | bool | None  # that is not null; null: there was none
    last_ts: int  # of the last one, null or not
    is_open: bool  # ``last`` holds beyond the bucket: no null came after it
    held_ms: dict[str, int]  # by name_of, from first_ts to the bucket's end


Stat = Numbers | States
Stats = dict[str, Stat]  # by metric
Readings = Sequence[tuple[int, Mapping[str, Value]]]  # (ts, metrics), in the order (ts, rev)

pack: Final = msgpack.Encoder().encode
"""A bucket's Stats, as they are stored."""

_unpack: Final = msgpack.Decoder(dict[str, Stat]).decode


def unpack(packed: bytes, names: tuple[str, ...] = ()) -> Stats:
    """What was packed; of these metrics only, if any is named."""
    stats: Stats = _unpacker(names)(packed)
    return stats


@lru_cache(maxsize=256)
def _unpacker(names: tuple[str, ...]) -> Any:
    """Decoding one metric of many takes a third of the time by a class that has no other."""
    if not names or any(not name.isprintable() or '"' in name or "\\" in name for name in names):
        return _unpack
    fields = [(f"f{number}", Stat | None, None) for number in range(len(names))]
    rename = {f"f{number}": name for number, name in enumerate(names)}
    decode = msgpack.Decoder(msgspec.defstruct("Wanted", fields, rename=rename)).decode
    pairs = [(f"f{number}", name) for number, name in enumerate(names)]

    def wanted(packed: bytes) -> Stats:
        one = decode(packed)
        return {name: stat for field, name in pairs if (stat := getattr(one, field)) is not None}

    return wanted


def rolled(readings: Readings, end: int) -> Stats:
    """What readings come to, by metric.

    Args:
        readings: all of a bucket.
        end: of the bucket, Unix ms.
    """
    columns: dict[str, tuple[list[int], list[Value]]] = {}
    for ts, metrics in readings:
        for name, value in metrics.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = ([], [])
            column[0].append(ts)
            column[1].append(value)
    return {name: stat(times, values, end) for name, (times, values) in columns.items()}


_NUMBERS: Final = frozenset({int, float})
_NUMBERS_AND_NULL: Final = frozenset({int, float, type(None)})


def stat(times: Sequence[int], values: Sequence[Any], end: int) -> Stat:
    """What one metric's values come to, in the order of their times; at least one."""
    types = set(map(type, values))
    if types <= _NUMBERS:
        return _numbers(values, times[-1], 0)
    if types <= _NUMBERS_AND_NULL and len(types) > 1:
        kept = [(ts, value) for ts, value in zip(times, values, strict=True) if value is not None]
        return _numbers([value for _, value in kept], kept[-1][0], len(values) - len(kept))
    return _states(times, values, end)


def _numbers(values: Sequence[float], last_ts: int, nulls: int) -> Numbers:
    total, shift = _total((value, 0) for value in values)
    return Numbers(len(values), min(values), max(values), total, values[-1], last_ts, nulls, shift)


def _total(numbers: Iterable[tuple[float, int]]) -> tuple[float, int]:
    """The exact sum, rounded once, of numbers that each are to be multiplied by 2 to the power of a shift."""
    some = list(numbers)
    if not any(shift for _, shift in some):
        try:
            return math.fsum(number for number, _ in some), 0
        except OverflowError:
            pass
    return math.fsum(math.ldexp(number, shift - _SHIFT) for number, shift in some), _SHIFT


def _states(times: Sequence[int], values: Sequence[Value], end: int) -> States:
    held: dict[str, int] = {}
    for value, since, until in zip(values, times, (*times[1:], end), strict=True):
        if value is not None and until > since:
            name = name_of(value)
            held[name] = held.get(name, 0) + until - since
    there = [value for value in values if value is not None]
    last = there[-1] if there else None
    is_open = values[-1] is not None
    return States(len(there), len(values) - len(there), times[0], last, times[-1], is_open, longest(held, MAX_STATES))


def longest(held_ms: dict[str, int], most: int) -> dict[str, int]:
    """The longest times, the longest first; those of all others together."""
    ordered = sorted(held_ms.items(), key=lambda one: (one[0] == OTHERS, -one[1]))
    kept = dict(ordered[:most])
    if others := sum(ms for _, ms in ordered[most:]):
        kept[OTHERS] = kept.get(OTHERS, 0) + others
    return kept


Part = tuple[int, int, Stats]  # begin, end, what came to pass in it


def merged(parts: Sequence[Part], end: int) -> Stats:
    """What parts of a bucket come to together.

    Args:
        parts: in the order of their times, of all of it that has readings.
        end: of the bucket.

    Raises:
        MixedError: a metric has numbers in one part and other values in another.
    """
    by_name: dict[str, list[tuple[int, Stat]]] = {}
    for _, until, stats in parts:
        for name, one in stats.items():
            by_name.setdefault(name, []).append((until, one))
    return {name: _merged(some, end) for name, some in by_name.items()}


def _merged(parts: list[tuple[int, Stat]], end: int) -> Stat:
    numbers = [one for _, one in parts if isinstance(one, Numbers)]
    states = [(until, one) for until, one in parts if isinstance(one, States)]
    if not states:
        return merged_numbers(numbers)
    if numbers:
        if any(one.count for _, one in states):
            raise MixedError
        return merged_numbers(numbers, sum(one.nulls for _, one in states))
    return _merged_states(states, end)


def merged_numbers(numbers: Sequence[Numbers], nulls: int = 0) -> Numbers:
    """What they come to together; of those of one time, the last one is the last."""
    if len(numbers) == 1 and not nulls:
        return numbers[0]
    total, shift = _total((one.total, one.shift) for one in numbers)
    last = numbers[0]
    for one in numbers:
        if one.last_ts >= last.last_ts:
            last = one
    return Numbers(
        sum(one.count for one in numbers),
        min(one.least for one in numbers),
        max(one.greatest for one in numbers),
        total,
        last.last,
        last.last_ts,
        nulls + sum(one.nulls for one in numbers),
        shift,
    )


def _merged_states(parts: list[tuple[int, States]], end: int) -> States:
    held: dict[str, int] = {}
    for (until, one), next_ts in zip(parts, [*(one.first_ts for _, one in parts[1:]), end], strict=True):
        for name, ms in one.held_ms.items():
            held[name] = held.get(name, 0) + ms
        if one.is_open and next_ts > until:
            name = name_of(one.last)
            held[name] = held.get(name, 0) + next_ts - until
    last = next((one.last for _, one in reversed(parts) if one.count), None)
    first, final = parts[0][1], parts[-1][1]
    count, nulls = sum(one.count for _, one in parts), sum(one.nulls for _, one in parts)
    return States(count, nulls, first.first_ts, last, final.last_ts, final.is_open, longest(held, MAX_STATES))


def absorbed(stored: Stats, late: Stats) -> Stats:
    """A bucket some of whose readings are gone, with what came to it late: all but the times of states stays exact."""
    return stored | {name: _absorbed(stored[name], one) if name in stored else one for name, one in late.items()}


def _absorbed(stored: Stat, late: Stat) -> Stat:
    if isinstance(stored, Numbers) and isinstance(late, Numbers):
        return merged_numbers([stored, late])
    if isinstance(stored, Numbers) or isinstance(late, Numbers):
        return stored if stored.count else late
    newest = late if late.last_ts >= stored.last_ts and late.count else stored
    return States(
        stored.count + late.count,
        stored.nulls + late.nulls,
        min(stored.first_ts, late.first_ts),
        newest.last,
        max(stored.last_ts, late.last_ts),
        newest.is_open,
        stored.held_ms or late.held_ms,
    )
