"""What has happened to the devices of a shard, read in order by whoever follows it.

A position (devices.handlers.records.positions) says how far somebody is. Who keeps it in the transaction of what they
do with the items does it exactly once::

    position = start_of(shard, "now", {Reading})
    while True:
        batch = read(shard, position, 500, {Reading})
        …                                              # with batch.items, and position = batch.upto

Readings come from the log that the worker writes while there is a follower (devices.handlers.followers), and before
that from history; all else from the record of changes, which is always written. What a position stands before is the
same items in the same order, whenever it is read, as long as it is there: else TooFarError says so. (Readings of
devices that were deleted meanwhile are no more in history; in the log they are.)
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Literal

from devices.handlers.items import KINDS, Deleted, Item, Kind, Reading
from devices.handlers.records.changes import ChangeRow, changes_after
from devices.handlers.records.documents import Documents
from devices.handlers.records.history import end_of_history, history_after, history_since
from devices.handlers.records.logged import logged_after
from devices.handlers.records.positions import HISTORY, WAITING, Batch, TooFarError, in_history
from devices.models import Change
from runtime.databases.statements import Statement

__all__ = ["ALL", "Batch", "Documents", "Start", "TooFarError", "head", "heads", "read", "start_of"]

Start = Literal["now", "beginning"] | datetime
ALL: Final = frozenset(KINDS.values())
_READINGS: Final = frozenset({Reading})
_STATE: Final = Statement('SELECT "commit", logged_since, changes_since FROM devices_shardstate WHERE shard = %s')
_HEADS: Final = Statement('SELECT shard, "commit" FROM devices_shardstate')


def heads() -> dict[int, int]:
    """The number of each shard's last commit."""
    return dict(_HEADS.rows())


def head(shard: int) -> int:
    """The number of the shard's last commit; 0 if it has none."""
    return _state(shard)[0]


def _state(shard: int) -> tuple[int, int | None, int]:
    rows = _STATE.rows(shard)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else (0, None, 0)


def start_of(shard: int, at: Start, kinds: Collection[Kind] = ALL) -> int:
    """The position from which on to read.

    Args:
        shard: its number.
        at: ``now``: what is committed from now on; ``beginning``: all that is kept, of readings in history those whose
            device is still there; a time with zone: what was stored from then on (readings: received).
        kinds: of what is to be read. Readings from before now are read alone.

    Raises:
        ValueError: readings and others are asked for from before now.
    """
    commit, logged_since, changes_since = _state(shard)
    if Reading in kinds:
        is_mixed = len(kinds) > 1
        if at == "now":
            return commit if logged_since is not None else WAITING if is_mixed else end_of_history(shard)
        if is_mixed:
            raise ValueError("readings from before now are read by themselves")
        return HISTORY if isinstance(at, str) else history_since(shard, _ms(at))
    if at == "now":
        return commit
    return changes_since if isinstance(at, str) else max(changes_since, _commit_before(shard, _ms(at), commit))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _commit_before(shard: int, at_ms: int, head: int) -> int:
    """The last commit before a time, as far as changes tell."""
    rows = Change.objects.filter(shard=shard, at_ms__gte=at_ms).order_by("commit")
    first: int | None = rows.values_list("commit", flat=True).first()
    return head if first is None else first - 1


def read(shard: int, after: int, most: int, kinds: Collection[Kind] = ALL, documents: Documents | None = None) -> Batch:
    """What comes next. Items are in the order of their commits; of one commit, each device's are in order.

    Args:
        shard: its number.
        after: a position, of :func:`start_of` or a former batch.
        most: about so many items; a commit's are not torn apart, so it may be more. Items of the history of readings
            have no commits: there it is so many at most.
        kinds: which; the same as for :func:`start_of`.
        documents: speeds up reading Reported and Desired; one for each reader, handed in again and again.

    Returns:
        The items, and the position after them, which moves on over what is of other kinds.

    Raises:
        TooFarError: what came next is gone, or some of it.
        ValueError: ``after`` is in the history of readings, and other kinds are asked for.
    """
    if after == WAITING:
        commit, logged_since, _ = _state(shard)
        return Batch((), WAITING if logged_since is None else commit)
    if in_history(after):
        if set(kinds) != _READINGS:
            raise ValueError("only readings are in the history of readings")
        return Batch(*history_after(shard, after, most))
    if Reading not in kinds:
        changes, upto = changes_after(shard, after, most, kinds, documents or Documents())
        return Batch([item for _, item in changes], upto)
    readings, upto = logged_after(shard, after, most)
    if set(kinds) == _READINGS:
        return Batch(readings, upto)
    changes, changed_upto = changes_after(shard, after, most, set(kinds) - _READINGS, documents or Documents())
    upto = min(upto, changed_upto)
    return Batch(_in_order(readings, changes, upto), upto)


def _in_order(readings: Sequence[Reading], changes: Sequence[tuple[ChangeRow, Item]], upto: int) -> list[Item]:
    """All up to a commit: by commit, and of each device by rev; what takes none stays where it is among the changes."""
    waiting: dict[tuple[int, str], list[Reading]] = {}
    for one in readings:
        if one.commit <= upto:
            waiting.setdefault((one.commit, one.device), []).append(one)
    placed: list[tuple[int, Item]] = []
    for row, item in changes:
        if row.commit <= upto:
            before = waiting.get((row.commit, row.device), [])
            while before and row.rev is not None and _precedes(before[0], row.rev, item):
                placed.append((row.commit, before.pop(0)))
            placed.append((row.commit, item))
    placed += [(commit, one) for (commit, _), its in waiting.items() for one in its]
    return [item for _, item in sorted(placed, key=lambda one: one[0])]


def _precedes(reading: Reading, rev: int, item: Item) -> bool:
    """Whether it comes before an item of a rev; a deletion takes none: it names the last one."""
    return reading.rev < rev or (isinstance(item, Deleted) and reading.rev == rev)
