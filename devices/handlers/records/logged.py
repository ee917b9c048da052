"""Readings from the log that workers write while somebody follows: a row a transaction."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from devices.handlers.items import Reading
from devices.handlers.records.positions import TooFarError
from devices.models.followers import unpack_readings
from runtime.databases.statements import Statement

# One statement, so what it says of the shard and the rows are of one moment.
_ROWS: Final = Statement(
    'SELECT state."commit", state.logged_since, found."commit", found.readings FROM devices_shardstate AS state'
    ' LEFT JOIN (SELECT "commit", readings FROM devices_loggedreadings WHERE shard = %s AND "commit" > %s'
    ' ORDER BY "commit" LIMIT %s) AS found ON 1 = 1 WHERE state.shard = %s ORDER BY found."commit"'
)
_FEWEST, _MOST = 16, 512  # rows at a time: how many readings each has is known when it is read
_metrics = msgspec.json.Decoder(dict[str, Any]).decode


def logged_after(shard: int, after: int, most: int) -> tuple[list[Reading], int]:
    """Readings of the commits after one, each commit's as a whole, and the commit that they reach to.

    Args:
        shard: its number.
        after: a commit.
        most: about so many readings; always at least one commit's.

    Raises:
        TooFarError: there were readings after it that are gone, or that were never logged.
    """
    found: list[Reading] = []
    rows = _FEWEST
    while True:
        read, after, is_all = _some(shard, after, rows)
        found += read
        if is_all or len(found) >= most:
            return found, after
        per_row = max(1, len(read) // rows)
        rows = min(_MOST, max(_FEWEST, (most - len(found)) // per_row))


def _some(shard: int, after: int, rows: int) -> tuple[list[Reading], int, bool]:
    """Readings of the next so many rows, the commit that they reach to, and whether there were no more."""
    found: list[Reading] = []
    head, last = after, after
    for commit, since, last_or_none, packed in _ROWS.rows(shard, after, rows, shard):
        head = commit
        if after < head and (since is None or since > after):
            raise TooFarError(shard, after, head if since is None else since)
        if last_or_none is not None:
            last, rows = last_or_none, rows - 1
            found.extend(_unpacked(last, bytes(packed)))
    return (found, last, False) if rows <= 0 else (found, max(head, after), True)


def _unpacked(commit: int, packed: bytes) -> Iterator[Reading]:
    for device in unpack_readings(packed):
        for one in device.readings:
            at = datetime.fromtimestamp(one.received_ms / 1000, UTC)
            yield Reading(device.device, one.rev, one.ts, at, _metrics(one.metrics), commit=commit)
