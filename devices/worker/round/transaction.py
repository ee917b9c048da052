"""One transaction: all that a round brings for the process's shards, applied, stored and fenced together."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from msgspec import Struct, field

from bridge.dialects.registry import Dialects
from bridge.messages import Batch, CommandStep, Delivery, Published
from bridge.observations import CommandAck
from bridge.shards import shard_of
from devices.models import Quarantined, Request
from devices.options import DevicesOptions
from devices.rules.commands import OPEN
from devices.rules.reducer import Limits
from devices.worker.commands import downlinks
from devices.worker.commands.command_steps import CommandSteps, command_id
from devices.worker.effects import replays, storage
from devices.worker.effects.broadcast import commit_message
from devices.worker.effects.operations import (
    DesiredConfirmed,
    Operation,
    PresenceCheck,
    RequestOperation,
    Rules,
    Uplink,
    refusal,
)
from devices.worker.effects.readings import spoken
from devices.worker.link import delivery_history
from devices.worker.memory.shard import Shard
from devices.worker.ownership.fence import pass_fence
from devices.worker.round import pending_requests
from devices.worker.round.admission import admit
from devices.worker.round.results import RoundResults
from devices.worker.round.shard_work import ShardWork
from devices.worker.rules.outbox import CommandItem


class Job(Struct):
    """What there is to do."""

    batches: Sequence[Batch] = ()
    published: Sequence[Published] = ()
    requests: Sequence[int] = ()  # ids
    stored: Sequence[UUID] = ()  # commands that may be new
    expired: Sequence[UUID] = ()  # commands whose time has ended
    # By shard, then by device key.
    presence_checks: dict[int, dict[str, PresenceCheck]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        parts = (self.batches, self.published, self.requests, self.stored, self.expired)
        return any(parts) or any(self.presence_checks.values())


class Transaction:
    """Carries out one job. An instance serves once.

    Args:
        shards: all that we own. They are changed in place: to be thrown away if :meth:`run` raises.
        options: of the installation.
        dialects: of the installation.
        now_ms: Unix ms.
    """

    def __init__(self, shards: Iterable[Shard], options: DevicesOptions, dialects: Dialects, now_ms: int) -> None:
        self._parts = parts = {shard.number: ShardWork(shard, options, now_ms) for shard in shards}
        self._options, self._now_ms = options, now_ms
        # Nothing may refer to this in a circle: all that a round made would wait for the garbage collector.
        self._desk = CommandSteps(lambda hashed: hashed % options.shards in parts)
        self.results = RoundResults()
        self.settled: dict[int, Any] = {}  # results of the requests that were carried out, by id
        self._cancels: list[Request] = []  # requests about commands, not twins
        self._replaying: set[int | None] = set()  # quarantined messages, by id
        self._dialects = dialects

    def run(self, job: Job) -> None:
        """Carry out and commit; then :attr:`results` may be sent.

        Raises:
            ShardLostError: somebody took one of the shards; nothing was done.
            django.db.Error: nothing was done, or, if the connection was lost, perhaps all.
        """
        with transaction.atomic():
            self._plan(job)
            self._carry_out()
            self._move_commands(job)
            pending_requests.settle(self.settled)
            for part in self._parts.values():
                part.follow_up()
            self.publish_due()
            told = self._broadcast_parts()
            self._pass_fence(told)
        self._tell(told)

    # ------------------------------------------------------------------------------------------------- plan

    def _plan(self, job: Job) -> None:
        for batch_shard, part in self._parts.items():
            batches = [batch for batch in job.batches if batch.shard == batch_shard]
            for delivery in part.acceptance.deliveries(batches):
                self._plan_delivery(part, delivery)
            for key, look in job.presence_checks.get(batch_shard, {}).items():
                part.add(key, look)
        for published in job.published:
            if (its_part := self._parts.get(published.shard)) is not None:
                _plan_published(its_part, published, self._now_ms)
        if job.requests:
            self._plan_requests(pending_requests.held(job.requests))
        self._desk.fetch(self._commands_of(job))

    def _plan_delivery(self, part: ShardWork, delivery: Delivery) -> None:
        """What it says of each device; of several, the first one's outcome is the delivery's."""
        gateway, counts = part.shard.gateway, True
        for key, said in spoken(self._dialects, delivery, part.counted):
            part.add(key, Uplink(delivery, gateway, said, counts))
            counts = False

    def _plan_requests(self, rows: Sequence[Request]) -> None:
        ending: set[str] = set()
        entries = replays.find(rows)
        for row in rows:
            part = self._parts.get(row.hash % self._options.shards)
            if part is None or row.device_key in ending:
                continue  # what follows a deletion is for the next transaction
            if row.kind == "cancel":
                self._cancels.append(row)
            elif row.kind == "replay":
                self._plan_replay(part, row, entries)
            else:
                part.add(row.device_key, RequestOperation(row.pk, row.kind, row.body))
            if row.kind == "delete":
                ending.add(row.device_key)

    def _plan_replay(self, part: ShardWork, row: Request, entries: dict[int, Quarantined]) -> None:
        """The same message once more is for the next transaction: it may have left quarantine then."""
        entry = replays.entry_id(row)
        if entry in self._replaying:
            return
        self._replaying.add(entry)
        planned = replays.plan(row, entries.get(entry or 0), self._dialects)
        if isinstance(planned, replays.Replay):
            part.add(row.device_key, planned)
        else:
            self.settled[row.pk] = refusal(planned)

    def _commands_of(self, job: Job) -> Iterator[UUID]:
        yield from job.stored
        yield from job.expired
        yield from filter(None, (command_id(_named(row)) for row in self._cancels))
        yield from (pk for pk, _ in _sent(job))
        texts: list[str] = []
        for part in self._parts.values():
            for operations in part.operations.values():
                texts += [ack.command_id for one in operations for ack in _acks(one)]
        yield from filter(None, map(command_id, texts))

    # -------------------------------------------------------------------------------------------- carry out

    def _carry_out(self) -> None:
        rules = Rules(Limits(self._options.max_metrics_per_device), self._desk.knows)
        sought = ((part.shard, part.operations) for part in self._parts.values())
        refusals = admit(sought, self._options, self._now_ms)
        for number, part in self._parts.items():
            part.carry_out(rules, refusals[number])
        self._store(rules)

    def _store(self, rules: Rules) -> None:
        """All shards' together: a statement costs more than its rows."""
        parts = self._parts.values()
        storage.store([work for part in parts for work in part.works], rules, [part.shard for part in parts])
        for part in parts:
            part.count()
            self.settled |= part.results
        storage.store_cursors((part.shard, gateway) for part in parts for gateway in part.acceptance.moved)
        delivery_history.store([record for part in parts for record in part.acceptance.records])
        delivery_history.forget_outdated(history for part in parts for history in part.shard.histories.values())
        storage.store_counts((part.shard, part.counted) for part in parts)

    def _move_commands(self, job: Job) -> None:
        """The steps of commands, in the order in which they happened as far as known."""
        for pk in job.stored:
            self._open(pk)
        for pk, at_ms in _sent(job):
            self._desk.sent(pk, at_ms)
        for part in self._parts.values():
            self._acknowledge(part)
        for pk in job.expired:
            self._desk.expired(pk, self._now_ms)
        for row in self._cancels:
            self.settled[row.pk] = refusal(self._desk.cancelled(_named(row), row.device_key, self._now_ms)) or {}
        for command in self._desk.save(lambda key: self._part_of(key).shard.commit + 1):
            if command.status not in OPEN:
                self._part_of(command.device.key).shard.outbox.close(command.pk)

    def _acknowledge(self, part: ShardWork) -> None:
        for effects in part.effects:
            if effects.gone:
                self._desk.forget(effects.member.key)
            for answer in effects.acks:
                self._desk.acknowledged(answer.ack, answer.at_ms)

    def _open(self, pk: UUID) -> None:
        """A command heard of for the first time goes into the outbox."""
        known = any(CommandItem(pk) in part.shard.outbox for part in self._parts.values())
        if not known and (command := self._desk.stored(pk)):
            key, expires_ms = command.device.key, int(command.expires_at.timestamp() * 1000)
            self._part_of(key).shard.outbox.open(pk, key, expires_ms, self._now_ms)

    def _part_of(self, key: str) -> ShardWork:
        return self._parts[shard_of(key, self._options.shards)]

    # ------------------------------------------------------------------------------------------- and tell it

    def publish_due(self) -> None:
        """What is due in the outboxes goes into the results. Needs no transaction."""
        for part in self._parts.values():
            self.results.downlinks += downlinks.due(part.shard, self._desk, self._dialects, self._now_ms)

    def _broadcast_parts(self) -> list[ShardWork]:
        """The shards of which browsers see something."""
        told = {shard_of(key, self._options.shards) for key in self._desk.told}
        return [part for number, part in self._parts.items() if number in told or part.is_visible]

    def _pass_fence(self, broadcast_parts: list[ShardWork]) -> None:
        quiet = [part for part in self._parts.values() if part.writes and part not in broadcast_parts]
        pass_fence([part.shard for part in broadcast_parts], broadcast=True)
        pass_fence([part.shard for part in quiet])

    def _tell(self, broadcast_parts: list[ShardWork]) -> None:
        for part in self._parts.values():
            self.results.acks += part.acceptance.replies()
        for part in broadcast_parts:
            part.shard.commit += 1
            self.results.commits.append(commit_message(part.shard, part.effects, self._steps_of(part)))
        for part in self._parts.values():
            part.fold()

    def _steps_of(self, part: ShardWork) -> Iterator[CommandStep]:
        for key, steps in self._desk.told.items():
            if self._part_of(key) is part:
                yield from steps


def _plan_published(part: ShardWork, published: Published, now_ms: int) -> None:
    outbox, key, item = part.shard.outbox, published.device, downlinks.item_of(published)
    if item is None:
        return
    outbox.answered(item, now_ms, ok=published.ok)
    if isinstance(item, CommandItem) or not published.ok:
        return
    payload = downlinks.payload_of(published)
    if key in part.shard.members:
        part.add(key, DesiredConfirmed(payload))
    elif outbox.unconfirmed(key) == payload:
        outbox.settled(key)  # of a deleted device


def _sent(job: Job) -> Iterator[tuple[UUID, int]]:
    """The commands that the brokers have confirmed, each with the time (Unix ms)."""
    for published in job.published:
        item = downlinks.item_of(published)
        if published.ok and isinstance(item, CommandItem):
            yield item.command_id, published.at_ms


def _named(row: Request) -> str:
    """The command that a request is about."""
    return str(row.body.get("command_id")) if isinstance(row.body, dict) else ""


def _acks(operation: Operation) -> Iterator[CommandAck]:
    match operation:
        case Uplink(said=CommandAck() as ack):
            yield ack
        case replays.Replay(said=said):
            yield from (one for one in said if isinstance(one, CommandAck))
