"""The feature of commands: their steps, and their way down by the outbox."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from django.db.models import F

from bridge.dialects.dialect import NATIVE
from bridge.dialects.registry import Dialects
from bridge.messages import CommandStep, CommandStored, Published
from bridge.shards import shard_of
from devices.models import Command, Request
from devices.options import DevicesOptions
from devices.rules.commands import OPEN
from devices.worker.commands import downlinks
from devices.worker.commands.command_steps import CommandSteps, command_id
from devices.worker.commands.downlinks import Downlinks
from devices.worker.commands.foreign import ForeignCommands
from devices.worker.commands.known_commands import KnownCommands, expires_ms, new_command, way_in
from devices.worker.commands.rendering import Renderer, manner_of
from devices.worker.commands.waiting import Waiting
from devices.worker.effects.feature import Feature
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.requests.refusal import refusal
from devices.worker.retention.purges import Commands
from devices.worker.retention.scope import PurgeTask
from devices.worker.rules.lanes import CommandItem
from runtime.databases.statements import Statement

_MAX_SWEPT: Final = 5_000  # commands at a time
_CHUNK: Final = 2_000  # rows read at a time
_TELL_MS: Final = 100  # until a new command is told to browsers, if nothing makes a transaction before that

_STORED: Final = Statement(
    "SELECT command.id FROM devices_command AS command JOIN devices_device AS device ON device.id = command.device_id"
    " WHERE command.status = 'accepted' AND device.hash %% %s {among} ORDER BY command.expires_at LIMIT %s"
)


class CommandsFeature(Feature):
    """Takes stored commands to their devices, and records what becomes of them.

    Args:
        options: of the installation.
        dialects: of the installation.
        links: the gateways', as last read.
        renderer: of commands.
        waiting: commands in other dialects that wait for what their devices report.
    """

    name = "commands"
    minds_readings = False

    def __init__(
        self, options: DevicesOptions, dialects: Dialects, links: LinkWatch, renderer: Renderer, waiting: Waiting
    ) -> None:
        self._links, self._waiting = links, waiting
        self._downlinks = Downlinks(dialects, renderer, waiting)
        self._foreign = ForeignCommands(renderer, waiting)
        self._of = options.shards
        self._sweeps = RateGate(2)
        self._known = KnownCommands()
        self._untold: dict[UUID, None] = {}  # in the outbox already; in order
        self._tell_ms: int | None = None  # Unix ms; when they are to be told at the latest
        # Of the present round:
        self._steps = CommandSteps(self._known, lambda _: False)
        self._stored: list[UUID] = []  # that may be new
        self._expired: list[UUID] = []  # whose time has ended
        self._telling: list[UUID] = []  # of the untold ones, these are told
        self._answered: list[tuple[ShardWork, Published, CommandItem]] = []  # of which nothing more is to be heard

    def knows(self, text: str, device_id: int) -> bool:
        """Whether the id is one of the device's commands, of those that the round's operations name."""
        return self._steps.knows(text, device_id)

    def load(self, shard: Shard, now_ms: int) -> None:
        """All that still waits for its device goes into the outbox."""
        self._known.clear()
        self._waiting.recall(shard.number, self._of, now_ms)
        rows = Command.objects.annotate(number=F("device__hash") % self._of)
        rows = rows.filter(number=shard.number, status__in=OPEN).order_by("created_at")
        columns = rows.values_list("pk", "device__key", "name", "expires_at", "status", "way", "commit")
        for pk, key, name, expires_at, status, stored, told in columns.iterator(chunk_size=_CHUNK):
            way, end_ms = way_in(stored), int(expires_at.timestamp() * 1000)
            if way is None and status == "accepted" and _has_way(shard.members.get(key), name):
                continue  # it is found as one that is new
            shard.outbox.open(pk, key, end_ms, now_ms, confirmed=status == "sent", way=way)
            if not told:
                self._tell(pk, now_ms)
            if way:
                self._waiting.open(pk, key, way)

    def forget(self) -> None:
        """Nobody knows what is stored. What is not told yet is read then."""
        self._known.clear()
        self._waiting.clear()

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Commands that may be new: told of, or found; commands that are over; what the gateways have published.

        A new one that the nudge describes needs no transaction to be sent, and is told with the next one there is.
        """
        ours, of = {shard.number: shard for shard in shards}, self._of
        self._steps = CommandSteps(self._known, lambda key: shard_of(key, of) in ours)
        self._telling = []
        self._stored = [
            pk
            for nudge in round_.commands
            if (pk := command_id(nudge.command_id)) and not self._opened(pk, nudge, ours.get(nudge.shard), now_ms)
        ]
        if self._sweeps():
            self._stored += self._unknown(shards)
        latest = self._links.latest
        self._expired = [
            pk for shard in shards for pk in shard.outbox.expired(now_ms, downlinks.applied(shard, latest, now_ms))
        ]
        is_time = self._tell_ms is not None and now_ms >= self._tell_ms
        published = any(isinstance(downlinks.item_of(one), CommandItem) for one in round_.published)
        asking = self._foreign.find(shards)
        return bool(self._stored or self._expired or published or is_time or asking)

    def _opened(self, pk: UUID, nudge: CommandStored, shard: Shard | None, now_ms: int) -> bool:
        """Put it into the outbox if all is known that is needed for that.

        A nudge may come late, after the command was found without it: what was stored since must not be undone.
        """
        new = nudge.new
        member = shard.members.get(new.device) if shard and new else None
        if shard is None or new is None or member is None or CommandItem(pk) in shard.outbox:
            return False
        if _has_way(member, new.name):  # what it becomes is to be stored first
            return False
        if not self._known.is_news(pk, new.created_us // 1000, now_ms):
            return False
        command = new_command(pk, member.id, new)
        self._known.keep(command)
        shard.outbox.open(pk, new.device, expires_ms(command), now_ms)
        self._tell(pk, now_ms)
        return True

    def _tell(self, pk: UUID, now_ms: int) -> None:
        """Have its first step told soon, unless that is due already."""
        self._untold[pk] = None
        if self._tell_ms is None:
            self._tell_ms = now_ms + _TELL_MS

    def _unknown(self, shards: Sequence[Shard]) -> list[UUID]:
        """Stored commands whose nudge was lost. Reads an index of commands that are not sent yet."""
        found = _STORED.rows(self._of, [shard.number for shard in shards], _MAX_SWEPT)
        stored = [pk if isinstance(pk, UUID) else UUID(pk) for (pk,) in found]  # SQLite keeps a text
        return [pk for pk in stored if not any(CommandItem(pk) in shard.outbox for shard in shards)]

    def stored_now(self, ids: Collection[UUID]) -> None:
        """These were stored by the present transaction: they are found, too. Called before what follows up here."""
        self._steps.fetch(ids)
        self._stored += ids

    def plan(self, work: RoundWork) -> None:
        """What the gateways say of commands; none of it is for the twins."""
        self._answered = []
        for published, item in _of_commands(work):
            if part := work.parts.get(published.shard):
                how = {"ok": published.ok, "never": published.never}
                if part.shard.outbox.answered(item, published.gateway, work.now_ms, **how):
                    self._answered.append((part, published, item))

    def prepare(self, work: RoundWork) -> None:
        """Read all that are concerned, in one query."""
        self._telling = list(islice(self._untold, _MAX_SWEPT))
        named = filter(None, map(command_id, (*map(_named, work.cancels), *work.command_ids)))
        sent = (item.command_id for _, _, item in self._answered)
        self._steps.fetch([*self._telling, *self._stored, *self._expired, *self._foreign.asking, *named, *sent])

    def follow_up(self, work: RoundWork) -> None:
        """Record the steps, in the order in which they happened as far as known; then bring the outboxes up to date."""
        self._begin(work)
        for part, published, item in self._answered:
            if downlinks.is_reached_by(published, part.shard, self._links.latest):
                self._note_published(part, published, item)
        self._acknowledge(work)
        self._foreign.permit(work, self._steps, self._of)
        for pk in self._expired:
            self._steps.ended(pk)
        for row in work.cancels:
            refused = self._steps.cancelled(_named(row), row.device_key, work.now_ms, row.created_by)
            work.settled[row.pk] = refusal(refused) or {}
        for command in self._steps.save(lambda key: work.part_of(key, self._of).shard.commit + 1):
            if command.status not in OPEN:
                work.part_of(command.device, self._of).shard.outbox.close(command.id)
            self._waiting.follow(command)
        for key, changes in self._steps.recorded.items():
            work.part_of(key, self._of).recorded.setdefault(key, []).extend(changes)
        self._hurry(work)

    def _note_published(self, part: ShardWork, published: Published, item: CommandItem) -> None:
        if published.ok:
            if way := self._steps.sent(item.command_id, published.at_ms):
                part.shard.outbox.published(item.command_id, way)
        elif published.never:
            self._steps.refused(item.command_id, published.reason, published.at_ms)
        elif not part.shard.outbox.is_permitted(item.command_id):
            self._foreign.take_back(self._steps.get(item.command_id), part)

    def _begin(self, work: RoundWork) -> None:
        """The first steps."""
        for pk in self._telling:
            self._steps.stored(pk)
        for pk in self._stored:
            self._open(pk, work)

    def _acknowledge(self, work: RoundWork) -> None:
        named = [answer.ack.command_id for _, one in work.effects() for answer in one.acks]
        self._steps.fetch(filter(None, map(command_id, named)))
        for _, effects in work.effects():
            if effects.gone:
                self._steps.forget(effects.member.key)
                self._waiting.forget(effects.member.key)
            for answer in effects.acks:
                self._steps.acknowledged(answer)

    def _open(self, pk: UUID, work: RoundWork) -> None:
        """A command heard of for the first time goes into the outbox."""
        known = any(CommandItem(pk) in part.shard.outbox for part in work.parts.values())
        if not known and (command := self._steps.stored(pk)):
            shard = work.part_of(command.device, self._of).shard
            member = shard.members.get(command.device)
            if _has_way(member, command.name):
                self._foreign.open(command, shard, self._steps, work.now_ms)
            else:
                shard.outbox.open(pk, command.device, expires_ms(command), work.now_ms)

    def _hurry(self, work: RoundWork) -> None:
        """Who listens now gets at once what waits: all behind a new connection, or a device that came online."""
        for part in work.parts.values():
            for gateway in part.connected:
                serving = downlinks.gateways(part.shard, self._links.latest)
                forgotten = gateway in part.forgotten
                part.shard.outbox.gateway_changed(gateway, serving, work.now_ms, forgotten=forgotten)
        for part, effects in work.effects():
            if effects.came_online and not effects.gone:
                part.shard.outbox.device_online(effects.member.key, work.now_ms)

    def publish(self, work: RoundWork) -> None:
        """What is due in the outboxes."""
        for part in work.parts.values():
            links, shard = self._links.latest, part.shard
            work.results.downlinks += self._downlinks.due(shard, self._steps, links, work.now_ms)

    def changes(self, work: RoundWork) -> Iterator[tuple[int, CommandStep]]:
        """The steps."""
        for key, steps in self._steps.by_device.items():
            number = work.part_of(key, self._of).shard.number
            for step in steps:
                yield number, step

    def committed(self, work: RoundWork) -> None:
        """What was told is told."""
        if self._telling:
            for pk in self._telling:
                self._untold.pop(pk, None)
            self._tell_ms = work.now_ms if self._untold else None

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When the next is to be published, told, or over."""
        asking = now_ms if any(shard.outbox.asking for shard in shards) else None
        times = (self._tell_ms, asking, *(shard.outbox.next_ms() for shard in shards))
        return min((time_ms for time_ms in times if time_ms is not None), default=None)

    def purges(self) -> Iterable[PurgeTask]:
        """Commands that are over."""
        return (Commands(),)


def _has_way(member: Member | None, name: str) -> bool:
    """Whether such a command goes a way of its own: in another dialect, or as its device is said to answer it."""
    return member is not None and (member.known.dialect != NATIVE or manner_of(member, name) is not None)


def _of_commands(work: RoundWork) -> Iterator[tuple[Published, CommandItem]]:
    """What the gateways have published, or could not: which command."""
    for published in work.round.published:
        item = downlinks.item_of(published)
        if isinstance(item, CommandItem):
            yield published, item


def _named(row: Request) -> str:
    """The command that a request is about."""
    return str(row.body.get("command_id")) if isinstance(row.body, dict) else ""
