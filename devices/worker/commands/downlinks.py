"""What is due in the outbox, as messages to the gateways."""

from collections.abc import Iterator

from msgspec import json

from bridge.messages import PublishCommand, PublishDesired
from bridge.names import gateway_channel
from devices.models import Command
from devices.rules.commands import OPEN
from devices.worker.commands.command_steps import CommandSteps
from devices.worker.memory.shard import Shard
from devices.worker.rules.outbox import CommandItem, Due

_encode = json.Encoder().encode


def due(shard: Shard, desk: CommandSteps, now_ms: int) -> Iterator[tuple[str, PublishCommand | PublishDesired]]:
    """Messages with their channel. At most one query, for commands that ``desk`` does not know."""
    items = shard.outbox.due(now_ms)
    desk.fetch(one.item.command_id for one in items if isinstance(one.item, CommandItem))
    channel = gateway_channel(shard.gateway)
    for one in items:
        if not isinstance(one.item, CommandItem):
            yield channel, PublishDesired(shard.number, one.device, one.payload)
        elif (command := desk.get(one.item.command_id)) and command.status in OPEN:
            yield channel, _publish(shard.number, one, command)
        else:
            shard.outbox.close(one.item.command_id)


def _publish(shard: int, one: Due, command: Command) -> PublishCommand:
    expires_ms = int(command.expires_at.timestamp() * 1000)
    return PublishCommand(shard, one.device, str(command.pk), command.name, _encode(command.args), expires_ms)
