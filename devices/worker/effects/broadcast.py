"""What browsers are told of a committed transaction: the same rule as for replay (devices.rules.stream)."""

from collections.abc import Iterable, Iterator

from bridge.messages import Change, CommandStep, Commit, Gone
from devices.rules.stream import StreamEvent, StreamReading, replay
from devices.worker.effects.operations import Effects
from devices.worker.memory.shard import Shard


def is_visible(effects: Effects) -> bool:
    """Whether there is anything to tell."""
    return effects.gone or effects.member.twin.rev != effects.since


def commit_message(shard: Shard, effects: Iterable[Effects], steps: Iterable[CommandStep]) -> Commit:
    """The broadcast of the shard's latest commit."""
    changes: list[Change] = [change for one in effects for change in _changes(one)]
    return Commit(shard.number, shard.commit, (*changes, *steps))


def _changes(effects: Effects) -> Iterator[Change]:
    if effects.gone:
        yield Gone(effects.member.key)
        return
    readings = [StreamReading(new.rev, new.ts, new.metrics, new.clamped) for new in effects.readings]
    events = [StreamEvent(new.rev, new.name, new.data, new.ts) for new in effects.events]
    yield from replay(effects.member.key, effects.member.twin, effects.since, readings, events)
