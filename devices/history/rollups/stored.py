"""Reading rollups and raw readings, past the ORM: a chart asks for up to a hundred devices'."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.db import connection
from msgspec import Struct

from runtime.databases.statements import Statement

_STATES: Final = Statement(
    "SELECT twin.device_id, COALESCE(state.rev, 0), COALESCE(state.until_ms, 0), COALESCE(state.since_ms, 0),"
    " CASE WHEN twin.purged_rev > 0 THEN COALESCE((SELECT received_ms FROM devices_reading AS reading"
    " WHERE reading.device_id = twin.device_id AND reading.rev > twin.purged_rev ORDER BY reading.rev LIMIT 1), %s)"
    " ELSE 0 END"
    " FROM devices_twin AS twin LEFT JOIN devices_rollupstate AS state ON state.device_id = twin.device_id"
    " WHERE twin.device_id {among}"
)
_ROWS: Final = Statement(
    "SELECT begin_ms, readings, packed FROM devices_rollup"
    " WHERE device_id = %s AND level = %s AND begin_ms >= %s AND begin_ms < %s ORDER BY begin_ms"
)
# No reading's ts is after its reception: that narrows down where it may stand.
_READINGS: Final = Statement(
    "SELECT ts, rev, metrics FROM devices_reading"
    " WHERE device_id = %s AND ts >= %s AND ts < %s AND received_ms >= %s AND rev <= %s ORDER BY ts, rev"
)
_AFTER: Final = Statement(
    "SELECT ts, rev, metrics FROM devices_reading WHERE device_id = %s AND rev > %s AND rev <= %s ORDER BY rev LIMIT %s"
)
_SUMS: Final = Statement(
    "SELECT level, SUM(readings) FROM devices_rollup WHERE device_id = %s AND level {among} AND begin_ms >= %s"
    " AND begin_ms < %s GROUP BY level"
)
_MOST_RANGES: Final = 16  # asked for one by one; of more, those that are nearest to each other are asked for together
ALL: Final = 2**62  # no rev is beyond

_decode = msgspec.json.Decoder(dict[str, Any]).decode

Range = tuple[int, int]  # from, to before; Unix ms
Row = tuple[int, int, bytes]  # begin, readings, packed
Raw = tuple[int, int, dict[str, Any]]  # ts, rev, metrics


class Rolled(Struct, frozen=True):
    """How far a device is rolled up (devices.models.RollupState), and since when its readings are kept."""

    rev: int = 0
    until: int = 0  # Unix ms
    since: int = 0  # Unix ms
    kept: int = 0  # Unix ms: no reading with a ts since then was purged


def states(devices: Collection[int], now_ms: int) -> dict[int, Rolled]:
    """By primary key.

    Args:
        devices: primary keys.
        now_ms: Unix ms.
    """
    return {row[0]: Rolled(*row[1:]) for row in _STATES.rows(now_ms, list(devices))}


def rows(device: int, level: int, since: int, until: int) -> list[Row]:
    """Rollups that begin in a time."""
    return [(begin, count, bytes(packed)) for begin, count, packed in _ROWS.rows(device, level, since, until)]


def readings(device: int, ranges: Sequence[Range], upto_rev: int = ALL) -> Iterator[Raw]:
    """Those with a ts in one of the ranges, by (ts, rev).

    Args:
        device: primary key.
        ranges: apart from each other, in order.
        upto_rev: none behind it.
    """
    for since, until, within in _together(ranges):
        for ts, rev, text in _READINGS.rows(device, since, until, since, upto_rev):
            if len(within) == 1 or any(begin <= ts < end for begin, end in within):
                yield ts, rev, _decode(text)


def _together(ranges: Sequence[Range]) -> Iterable[tuple[int, int, Sequence[Range]]]:
    gaps = sorted((after[0] - before[1] for before, after in pairwise(ranges)), reverse=True)
    least = gaps[_MOST_RANGES - 1] if len(gaps) >= _MOST_RANGES else 0
    some: list[Range] = []
    for one in ranges:
        if some and one[0] - some[-1][1] >= max(1, least):
            yield some[0][0], some[-1][1], some
            some = []
        some.append(one)
    if some:
        yield some[0][0], some[-1][1], some


def sums(device: int, levels: Collection[int], since: int, until: int) -> dict[int, int]:
    """How many readings the rows that begin in a time are made of, by level."""
    return {level: int(count) for level, count in _SUMS.rows(device, list(levels), since, until)}


def after(device: int, rev: int, upto: int = ALL, most: int = ALL) -> list[Raw]:
    """Those with greater revs, in their order; the first ones, if there are more."""
    return [(ts, one, _decode(text)) for ts, one, text in _AFTER.rows(device, rev, upto, most)]


def after_each(wanted: Sequence[tuple[int, int, int]]) -> dict[int, list[Raw]]:
    """What :func:`after` says of each (device, rev, upto), by device."""
    found: dict[int, list[Raw]] = {device: [] for device, _, _ in wanted}
    if connection.vendor != "postgresql":
        return {device: after(device, rev, upto) for device, rev, upto in wanted}
    for device, ts, rev, text in _AFTER_EACH.rows(*(list(column) for column in zip(*wanted, strict=True))):
        found[device].append((ts, rev, _decode(text)))
    return found


_AFTER_EACH: Final = Statement(
    "SELECT wanted.device, reading.ts, reading.rev, reading.metrics"
    " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS wanted(device, rev, upto)"
    " CROSS JOIN LATERAL (SELECT ts, rev, metrics FROM devices_reading WHERE device_id = wanted.device"
    " AND rev > wanted.rev AND rev <= wanted.upto ORDER BY rev OFFSET 0) AS reading"
)
