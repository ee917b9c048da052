"""What browsers are told of a committed transaction: the same rule as for replay (devices.rules.stream)."""

from collections.abc import Iterator

from bridge.messages import Change, Commit, Delta, Gone
from devices.rules.stream import StreamEvent, StreamReading, can_replay, replay
from devices.worker.effects.hooks import Hooks
from devices.worker.effects.operations import Effects
from devices.worker.effects.work import RoundWork, ShardWork


class Broadcast:
    """One transaction's. Made when all is stored: of which shards do browsers see anything?

    Args:
        work: the transaction's.
        hooks: the features', which may tell more than what has changed in twins.
    """

    def __init__(self, work: RoundWork, hooks: Hooks) -> None:
        self._more: dict[int, list[Change]] = {}  # by shard
        for changes in hooks.changes:
            for number, change in changes(work):
                self._more.setdefault(number, []).append(change)
        self.parts = [part for part in work.parts.values() if part.shard.number in self._more or _is_visible(part)]

    def tell(self, work: RoundWork) -> None:
        """It is committed: one message a shard, whose commit number is raised. Twins are kept as they are stored."""
        for part in self.parts:
            part.shard.commit += 1
            work.results.commits.append(Commit(part.shard.number, part.shard.commit, self._changes(part)))
        work.fold()

    def _changes(self, part: ShardWork) -> tuple[Change, ...]:
        of_twins = [change for one in part.works for change in _changes(one.effects)]
        return (*of_twins, *self._more.get(part.shard.number, ()))


def _is_visible(part: ShardWork) -> bool:
    return any(one.effects.gone or one.member.twin.rev != one.effects.since for one in part.works)


def _changes(effects: Effects) -> Iterator[Change]:
    if effects.gone:
        yield Gone(effects.member.key)
        return
    if not can_replay(effects.member.twin, effects.since):  # more has gone at once than anybody remembers
        rev = effects.member.twin.rev
        yield Delta(effects.member.key, rev, rev, b"")  # from where nobody stands: whoever watches asks the database
        return
    readings = [StreamReading(new.rev, new.ts, new.metrics, new.clamped) for new in effects.readings]
    events = [StreamEvent(new.rev, new.name, new.data, new.ts) for new in effects.events]
    yield from replay(effects.member.key, effects.member.twin, effects.since, readings, events)
