"""Commands in other dialects: rendered when they are first heard of, and permitted to be published if only once.

A command that must not be published twice goes to its gateway after a transaction has stored that it may have been
published. Whoever is killed after that, nobody publishes it again: without an answer it is ``unconfirmed``.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import json, structs

from bridge.dialects.dialect import Refused
from devices.models import Command
from devices.worker.commands.command_steps import CommandSteps
from devices.worker.commands.known_commands import KnownCommand, expires_ms
from devices.worker.commands.rendering import Renderer
from devices.worker.commands.waiting import Waiting
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.memory.shard import Shard
from devices.worker.rules.ways import Way, way_of

_MAX_REASON_CHARS: Final = 200
_encode: Final = json.Encoder().encode


class ForeignCommands:
    """Those of the shards that we own.

    Args:
        renderer: of commands.
        waiting: takes those that wait for what their devices report.
    """

    def __init__(self, renderer: Renderer, waiting: Waiting) -> None:
        self._renderer, self._waiting = renderer, waiting
        self.asking: list[UUID] = []  # in the present round: to be permitted

    def find(self, shards: Sequence[Shard]) -> bool:
        """Whether any are to be permitted."""
        self.asking = [pk for shard in shards for pk in shard.outbox.take_asking()]
        return bool(self.asking)

    def open(self, command: KnownCommand, shard: Shard, steps: CommandSteps, now_ms: int) -> None:
        """A command heard of for the first time: it is rejected, or goes into the outbox."""
        rendered = self._renderer.render(shard, command, now_ms)
        if isinstance(rendered, Refused):
            reason = f"{rendered.reason}: {rendered.detail}" if rendered.detail else rendered.reason
            steps.rejected(command, reason[:_MAX_REASON_CHARS], now_ms)
            return
        way = way_of(rendered)
        steps.goes(command, way)
        shard.outbox.open(command.id, command.device, expires_ms(command), now_ms, way=way)
        self._waiting.open(command.id, command.device, way)

    def permit(self, work: RoundWork, steps: CommandSteps, of: int) -> None:
        """Store that they may be published from now on; they go to their gateways after the commit."""
        for pk in self.asking:
            command = steps.get(pk)
            if command is not None and command.way is not None and command.way.once:
                part = work.part_of(command.device, of)
                way = structs.replace(command.way, published_ms=work.now_ms)
                _store(command, way, part)
                part.shard.outbox.permit(pk, way, work.now_ms)

    def take_back(self, command: KnownCommand | None, part: ShardWork) -> None:
        """Its gateway says that it was not published: it may be, another time."""
        if command is not None and command.way is not None:
            _store(command, structs.replace(command.way, published_ms=0), part)


def _store(command: KnownCommand, way: Way, part: ShardWork) -> None:
    """No step of the command's, so nobody is told."""
    command.way = way
    Command.objects.filter(pk=command.id).update(way=_encode(way))
    part.touched = True
