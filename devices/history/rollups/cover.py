"""Which rollups a time is covered by, the largest first, and which parts of it have to be read raw.

::

    since                                                                    rolled until        until
      │ raw │ minutes │ hours │      days      │ hours │ 10 minutes │ minutes │        raw         │

Buckets that late readings fall into, which are not rolled up yet, are looked at in ever smaller pieces likewise, down
to the minute, which is read raw. A bucket without a row has few readings (LEAST_READINGS): it is read raw, too.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from msgspec import Struct, field

from devices.history.rollups.stored import Range, rows
from devices.history.rules.rollups import DAYS, LEVELS_MS, MIN_MS

_MOST_QUERIES: Final = 4  # of a level; more ranges are asked for in one


class Covering(Struct, frozen=True):
    """A row that stands for its bucket."""

    begin: int  # Unix ms, as the next one
    end: int
    readings: int
    packed: bytes


class Cover(Struct):
    """A time, in pieces."""

    rows: list[Covering] = field(default_factory=list)
    raw: list[Range] = field(default_factory=list)  # both in order


def cover(device: int, since: int, until: int, level: int, dirty: Collection[int] = ()) -> Cover:
    """Cover a time.

    Args:
        device: primary key.
        since: Unix ms, as the next one.
        until: not after what is rolled up.
        level: the largest buckets to use, an index of LEVELS_MS; -1: none.
        dirty: begins of minutes whose rows are not to be used, nor those of larger buckets that hold them.
    """
    found = Cover()
    ranges = [(since, until)] if since < until else []
    for number in range(level, -1, -1):
        ranges = _of_level(device, number, ranges, sorted(dirty), found)
    found.raw = joined([*found.raw, *ranges])
    found.rows.sort(key=lambda row: row.begin)
    return found


def _of_level(device: int, level: int, ranges: Sequence[Range], dirty: Sequence[int], found: Cover) -> list[Range]:
    """Add what the level covers; what is left for smaller ones."""
    width, left, whole = LEVELS_MS[level], list[Range](), list[Range]()
    for since, until in ranges:
        first, last = -(-since // width) * width, until // width * width
        if first >= last:
            left.append((since, until))
            continue
        left += [one for one in ((since, first), (last, until)) if one[0] < one[1]]
        whole.append((first, last))
    soiled = {minute // width * width for minute in dirty}
    stored = {row[0]: row for row in _rows(device, level, whole)} if whole else {}
    for since, until in whole:
        for begin in _begins(since, until, width, stored, soiled):
            if begin in soiled:
                if level:
                    left.append((begin, begin + width))
                else:
                    found.raw.append((begin, begin + MIN_MS))
            elif row := stored.get(begin):
                found.rows.append(Covering(begin, begin + width, row[1], row[2]))
            elif level != DAYS:
                found.raw.append((begin, begin + width))
    return left


def _begins(since: int, until: int, width: int, stored: Collection[int], soiled: Collection[int]) -> Iterator[int]:
    """Of days that have no row there is nothing; a year of them is passed by."""
    if width == LEVELS_MS[DAYS]:
        return iter(sorted(begin for begin in {*stored, *soiled} if since <= begin < until))
    return iter(range(since, until, width))


def _rows(device: int, level: int, ranges: Sequence[Range]) -> Iterator[tuple[int, int, bytes]]:
    if len(ranges) > _MOST_QUERIES:
        ranges = [(min(since for since, _ in ranges), max(until for _, until in ranges))]
    for since, until in ranges:
        yield from rows(device, level, since, until)


def joined(ranges: Collection[Range]) -> list[Range]:
    """The same times in order, those that touch each other as one."""
    found: list[Range] = []
    for since, until in sorted(ranges):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        else:
            found.append((since, until))
    return found
