"""Readings from history, in the order in which their shard's worker has stored them, up to where the log goes on.

Rows of one shard are made by one fenced writer, one transaction after the other: by primary key they are in the order
of its commits, and so each device's are in the order of their revs. When a page ends with the last row that there is,
then it holds all that was stored up to the commit number that the same statement reads, and no more: from there on the
log is read. That works whenever the log has begun by then, so nobody need know beforehand where the two will meet.

Rows of other shards lie between. A page is a window of rows by primary key, of which the shard's own are kept; it may
only be passed up to the last of these: behind it a transaction of the shard may still be on its way.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.conf import settings

from devices.handlers.items import Reading
from devices.handlers.records.positions import HISTORY
from devices.models import Reading as StoredReading
from runtime.databases.statements import Statement

_OWN: Final = (
    "page JOIN devices_device AS device ON device.id = page.device_id"
    " WHERE device.hash %% %s = %s AND device.key NOT LIKE '#%%'"
)
_PAGE: Final = Statement(
    f"WITH page AS (SELECT id, device_id, rev, ts, received_ms, metrics FROM devices_reading WHERE id > %s"  # noqa: S608
    " ORDER BY id LIMIT %s),"
    " own AS (SELECT page.id, device.key, page.rev, page.ts, page.received_ms, page.metrics"
    f" FROM {_OWN})"
    ' SELECT state."commit", state.logged_since, (SELECT count(*) FROM page), own.* FROM devices_shardstate AS state'
    " LEFT JOIN own ON 1 = 1 WHERE state.shard = %s ORDER BY own.id"
)
_LAST: Final = Statement(
    f"WITH page AS (SELECT id, device_id FROM devices_reading ORDER BY id DESC LIMIT %s)"  # noqa: S608
    f" SELECT (SELECT count(*) FROM page), (SELECT max(page.id) FROM {_OWN})"
)
_FIRST_SINCE: Final = Statement(
    f"WITH page AS (SELECT id, device_id, received_ms FROM devices_reading WHERE id > %s ORDER BY id LIMIT %s)"  # noqa: S608
    f" SELECT (SELECT count(*) FROM page), (SELECT min(page.id) FROM {_OWN} AND page.received_ms >= %s)"
)
_SMALLEST: Final = 1_000  # rows in a window
_JITTER_MS: Final = 600_000  # rows are stored in about the order in which they were received
_metrics = msgspec.json.Decoder(dict[str, Any]).decode


def history_after(shard: int, position: int, most: int) -> tuple[list[Reading], int]:
    """The next readings, and the position after them: a commit's number where history is at its end and the log is on.

    Args:
        shard: its number.
        position: in history.
        most: at most so many readings.
    """
    of, last = settings.DEVICES.shards, position - HISTORY
    window = max(_SMALLEST, 2 * most * of)
    while True:
        rows = _PAGE.rows(last, window, of, shard, shard)
        if not rows:
            return [], position  # the shard has never been worked on
        commit, since, size = rows[0][:3]
        own = [row[3:] for row in rows if row[3] is not None]
        if size < window and len(own) <= most:
            upto = HISTORY + (own[-1][0] if own else last) if since is None else commit
            return [_reading(*row) for row in own], upto
        if own:
            return [_reading(*row) for row in own[:most]], HISTORY + own[:most][-1][0]
        window *= 4


def _reading(_pk: int, key: str, rev: int, ts: int, received_ms: int, metrics: str) -> Reading:
    return Reading(key, rev, ts, datetime.fromtimestamp(received_ms / 1000, UTC), _metrics(metrics))


def end_of_history(shard: int) -> int:
    """The position after all of the shard's readings that there are."""
    of, window = settings.DEVICES.shards, _SMALLEST
    while True:
        ((size, last),) = _LAST.rows(window, of, shard)
        if last is not None or size < window:
            return HISTORY + (last or 0)
        window *= 4


def history_since(shard: int, at_ms: int) -> int:
    """The position before the first of the shard's readings that was received then or later.

    What was received before, and stored after it, as over an outage, comes, too.
    """
    of, window, before = settings.DEVICES.shards, _SMALLEST, _before(at_ms - _JITTER_MS)
    while True:
        ((size, first),) = _FIRST_SINCE.rows(before, window, of, shard, at_ms)
        if first is not None:
            return HISTORY + int(first) - 1
        if size < window:
            return end_of_history(shard)
        window *= 4


def _before(at_ms: int) -> int:
    """A primary key before all rows that were received then or later, but for some minutes; found by halves."""
    low, high = 0, StoredReading.objects.order_by("-id").values_list("id", flat=True).first() or 0
    while low < high:
        middle = (low + high) // 2
        later = StoredReading.objects.filter(id__gt=middle).order_by("id").values_list("received_ms", flat=True)
        if (received_ms := later.first()) is not None and received_ms < at_ms:
            low = middle + 1
        else:
            high = middle
    return low
