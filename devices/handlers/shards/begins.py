"""Where a cursor begins, and what the log has to keep for it."""

from datetime import UTC, datetime
from typing import Final

from devices.handlers.followers import follow, unfollow
from devices.handlers.items import Kind, Reading
from devices.handlers.log import TooFarError, read, start_of
from devices.handlers.records.positions import WAITING
from devices.models import HandlerCursor

_OLDEST: Final = "oldest"  # as HandlerCursor.begin has it: what the log still has of what comes next


def settle(row: HandlerCursor, kind: Kind) -> bool:
    """Set the place of a cursor that we have taken, if that is still to be done; whether the cursor is ours.

    Args:
        row: it is changed.
        kind: of the handler's items.
    """
    if not row.begin:
        return True
    if kind is Reading:
        keep(row.handler_id, row.shard, WAITING)  # nothing is dropped while the place is looked for
    row.commit = _place(row, kind)
    if kind is Reading:
        keep(row.handler_id, row.shard, row.commit)
    ours = HandlerCursor.objects.filter(pk=row.pk, generation=row.generation)
    row.begin, row.done = "", []
    return bool(ours.update(commit=row.commit, begin="", done=[]))


def _place(row: HandlerCursor, kind: Kind) -> int:
    if row.begin == _OLDEST:
        try:
            read(row.shard, row.commit, 1, {kind})
        except TooFarError as error:
            return error.oldest
        return row.commit
    if row.begin == "now":
        return start_of(row.shard, "now", {kind})
    if row.begin == "beginning":
        return start_of(row.shard, "beginning", {kind})
    return start_of(row.shard, datetime.fromtimestamp(int(row.begin) / 1000, UTC), {kind})


def keep(handler: str, shard: int, position: int) -> None:
    """Have the log of readings keep what is after a position."""
    follow(_name(handler), shard, position)


def drop(handler: str) -> None:
    """Have it keep nothing for a handler any more."""
    unfollow(_name(handler))


def _name(handler: str) -> str:
    return f"handler {handler}"
