"""One transaction: all that a round brings for the process's shards, planned, applied, stored and fenced together.

Knows no feature by name: what is planned, read, written, published and broadcast besides twins comes from their hooks.
"""

from collections.abc import Iterator
from contextlib import nullcontext

from django.db import transaction

from bridge.messages import Change, Commit, Delta, Gone
from devices.options import DevicesOptions
from devices.rules.stream import StreamEvent, StreamReading, can_replay, replay
from devices.worker.effects import storage
from devices.worker.effects.hooks import Hooks
from devices.worker.effects.operations import Effects, carry_out
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.memory.one_statement import gathering
from devices.worker.ownership.fence import pass_fence
from devices.worker.round.admission import Admission
from devices.worker.round.loading import Loader


class Transaction:
    """Carries out rounds' work.

    Args:
        options: of the installation.
        hooks: the features'.
        loader: reads devices that somebody else has registered.
    """

    def __init__(self, options: DevicesOptions, hooks: Hooks, loader: Loader) -> None:
        self._hooks = hooks
        self._admission = Admission(options, loader)

    def run(self, work: RoundWork) -> None:
        """Carry out and commit; then the work's results may be sent.

        Raises:
            ShardLostError: somebody took one of the shards; nothing was done.
            storage.REFUSED: a row was refused, and all is sent at once; nothing was done.
            django.db.Error: nothing was done, or, if the connection was lost, perhaps all.
        """
        with transaction.atomic(), gathering() if work.gathers else nullcontext():
            self._carry_out(work)
            for judge in self._concerned(work).judge:
                judge(work)
            hooks = self._concerned(work)
            for follow_up in hooks.follow_up:
                follow_up(work)
            work.forget_deleted()
            for publish in self._hooks.publish:
                publish(work)
            broadcast = Broadcast(work, hooks)
            quiet = [part.shard for part in work.parts.values() if part.writes and part not in broadcast.parts]
            pass_fence(quiet, [part.shard for part in broadcast.parts])
        broadcast.tell(work)

    def _carry_out(self, work: RoundWork) -> None:
        """Plan, admit, apply and store."""
        appliers, parts = self._hooks.appliers, work.parts.values()
        for plan in self._concerned(work).plan:
            plan(work)
        if strange := [part for part in parts if part.has_strangers]:
            work.just_readings = False
            self._admission.admit(work, strange)
        for prepare in self._concerned(work).prepare:
            prepare(work)
        for part in parts:
            members = part.shard.members
            part.works = [carry_out(members[key], its, appliers) for key, its in part.operations.items()]
        work.mind_changes()
        works = [one for part in parts for one in part.works]
        storage.store(works, self._concerned(work), [part.shard for part in parts], gathers=work.gathers)

    def _concerned(self, work: RoundWork) -> Hooks:
        """The hooks to call, as far as is known by now of what the transaction holds."""
        return self._hooks.of_readings if work.just_readings else self._hooks


class Broadcast:
    """What browsers are told of it, by the same rule as for replay (devices.rules.stream).

    Made when all is stored: of which shards do they see anything?

    Args:
        work: the transaction's.
        hooks: the features', which may tell more than what has changed in twins.
    """

    def __init__(self, work: RoundWork, hooks: Hooks) -> None:
        self._more: dict[int, list[Change]] = {}  # by shard
        for changes in hooks.changes:
            for number, change in changes(work):
                self._more.setdefault(number, []).append(change)
        self.parts = [part for part in work.parts.values() if self._is_told(part)]

    def _is_told(self, part: ShardWork) -> bool:
        return part.shard.number in self._more or _is_visible(part) or part.is_numbered

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
    if effects.is_unseen or not can_replay(effects.member.twin, effects.since):  # more has gone than anybody remembers
        rev = effects.member.twin.rev
        yield Delta(effects.member.key, rev, rev, b"")  # from where nobody stands: whoever watches asks the database
        return
    readings = [StreamReading(new.rev, new.ts, new.metrics, new.clamped) for new in effects.readings]
    events = [StreamEvent(new.rev, new.name, new.data, new.ts) for new in effects.events]
    member = effects.member
    kept = member.described.kept if member.described and member.twin.described_rev > effects.since else None
    yield from replay(member.key, member.twin, effects.since, readings, events, kept)
