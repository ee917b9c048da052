"""The feature of the record of changes: each of a device's, but its readings, is a row in the transaction that made it.

The last one to follow up: by then all has happened. What changes a twin says so itself (devices.rules.twin.record);
what changes something else of a device adds to ShardWork.recorded. A transaction that has any is numbered, even if
browsers see nothing of it, so each row has its place among all that is committed in the shard.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from devices.models import Change
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import CHANGES, Effects
from devices.worker.effects.work import Recorded, RoundWork, ShardWork
from devices.worker.memory.bulk_writes import SparseRow, Table
from devices.worker.retention.changes import OldChanges
from devices.worker.retention.scope import PurgeTask

_ROWS: Final = Table(Change, ("shard", "commit", "nth", "device", "at_ms", "rev", "kind", "patch", "undo", "actor"))


class ChangesFeature(Feature):
    """Writes them: those of all shards in one statement, none for a transaction that has only readings."""

    name = CHANGES
    minds_readings = False

    def follow_up(self, work: RoundWork) -> None:
        """Write what has happened to each device, one after the other, each one's in order."""
        _ROWS.write([row for part in work.parts.values() for row in _rows(part, work.now_ms)])

    def purges(self) -> Iterable[PurgeTask]:
        """Those that are too old."""
        return (OldChanges(),)


def _rows(part: ShardWork, now_ms: int) -> Iterator[SparseRow]:
    found = [*chain.from_iterable(_of_device(one.effects, part) for one in part.works), *_others(part)]
    part.is_numbered |= bool(found)
    commit = part.shard.commit + 1
    for nth, (key, (change, actor)) in enumerate(found, 1):
        what = (change.rev, change.kind, change.patch.decode(), change.undo.decode(), actor)
        yield part.shard.number, commit, nth, key, now_ms, *what


def _of_device(effects: Effects, part: ShardWork) -> Iterator[tuple[str, Recorded]]:
    """What has changed in the twin, and then what else; if it was deleted, that comes last."""
    key = effects.member.key
    of_twin: list[Recorded] = effects.noted.get(CHANGES, [])
    others = part.recorded.pop(key, [])
    upto = len(of_twin) - effects.gone
    for one in (*of_twin[:upto], *others, *of_twin[upto:]):
        yield key, one


def _others(part: ShardWork) -> Iterator[tuple[str, Recorded]]:
    """Of devices that underwent nothing else."""
    for key, changes in part.recorded.items():
        for one in changes:
            yield key, one
