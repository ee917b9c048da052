"""What is due in the outbox, rendered by the devices' dialects, as messages to the gateways; and their answers.

outbox ──due──> Publish ──> gateway ──> Published ──item_of──> outbox
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from msgspec import json

from bridge.dialects import dialect
from bridge.dialects.dialect import NATIVE, Publication, State
from bridge.messages import Publish, Published
from bridge.names import gateway_channel
from devices.rules.commands import OPEN
from devices.worker.commands.command_steps import CommandSteps
from devices.worker.commands.known_commands import KnownCommand, expires_ms
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import Links
from devices.worker.rules.outbox import AppliedMs, CommandItem, DesiredItem, Due, GatewayOf, Item, RetainedItem
from devices.worker.sources.sources import Sources
from runtime.database_clock import clock

_COMMAND, _DESIRED, _RETAINED = b"c", b"d", b"r"  # what a token begins with; id, payload or topic follows
_UUID_BYTES: Final = 16
_encode = json.Encoder().encode


def due(
    shard: Shard, steps: CommandSteps, sources: Sources, links: Links, now_ms: int
) -> Iterator[tuple[str, Publish]]:
    """Messages with their channel. At most one query, for commands that ``steps`` does not know.

    (And one for a source of which something is remembered that is not in memory.)
    """
    items = shard.outbox.due(now_ms, gateways(shard, links))
    steps.fetch(one.item.command_id for one in items if isinstance(one.item, CommandItem))
    for one in items:
        member = shard.members.get(one.device)
        name = member.known.dialect if member else NATIVE
        speaks, state = sources.dialects.by_name.get(name), sources.state(shard, name, one.device, now_ms)
        if speaks and state and (rendered := _rendered(one, steps, speaks, state)):
            yield gateway_channel(one.gateway), _publish(shard.number, one, rendered)
        elif isinstance(one.item, CommandItem):
            shard.outbox.close(one.item.command_id)
        elif isinstance(one.item, DesiredItem):
            shard.outbox.settled(one.device)


def gateways(shard: Shard, links: Links) -> GatewayOf:
    """By which gateway each of the shard's devices can be reached; also those that are gone, or not known yet."""

    def gateway_of(device: str, last: str) -> str:
        member = shard.members.get(device)
        if member:
            return links.gateway_of(member, shard.gateway)
        return last or links.likely(device, NATIVE, shard.gateway)

    return gateway_of


def applied(shard: Shard, links: Links, now_ms: int) -> AppliedMs:
    """Up to when all that came from each of the shard's devices is applied, as far as it matters to a command.

    Where no gateway is, nothing waits. Behind one that is gone, only answers to what its broker has confirmed.
    """

    def applied_ms(device: str, confirmed: bool) -> int:
        if not clock.is_steady:
            return 0  # nobody knows what was in time
        if not links.by_gateway:
            return now_ms
        link = links.of(shard.members.get(device))
        return now_ms if link.gone and not confirmed else link.drained_ms

    return applied_ms


def is_reached_by(published: Published, shard: Shard, links: Links) -> bool:
    """Whether the gateway that says so can reach the device. If not, it was published where the device is not."""
    member = shard.members.get(published.device)
    return member is None or links.gateway_of(member, shard.gateway) == published.gateway


def _rendered(one: Due, steps: CommandSteps, speaks: dialect.Dialect, state: State) -> Publication | None:
    """None: there is nothing to publish (any more)."""
    if isinstance(one.item, RetainedItem):
        return Publication(one.item.topic, b"", retain=True)
    if isinstance(one.item, DesiredItem):
        return speaks.render_desired(one.device, one.payload)
    command = steps.get(one.item.command_id)
    if command is None or command.status not in OPEN:
        return None
    rendered = speaks.render(state, one.device, _command(command), 0)
    return rendered.publications[0] if isinstance(rendered, dialect.Rendered) else None


def _command(command: KnownCommand) -> dialect.Command:
    return dialect.Command(str(command.id), command.name, _encode(command.args), expires_ms(command))


def _publish(shard: int, one: Due, what: Publication) -> Publish:
    return Publish(
        shard,
        one.device,
        _token(one),
        what.topic,
        what.payload,
        what.qos,
        what.retain,
        what.expires_ms,
        what.correlation,
        what.response_topic,
    )


def _token(one: Due) -> bytes:
    match one.item:
        case CommandItem():
            return _COMMAND + one.item.command_id.bytes
        case DesiredItem():
            return _DESIRED + one.payload
        case RetainedItem():
            return _RETAINED + one.item.topic.encode()


def item_of(published: Published) -> Item | None:
    """What an answer is about; None: nothing of ours."""
    kind, rest = published.token[:1], published.token[1:]
    if kind == _COMMAND and len(rest) == _UUID_BYTES:
        return CommandItem(UUID(bytes=rest))
    if kind == _RETAINED:
        return RetainedItem(published.device, rest.decode())
    return DesiredItem(published.device) if kind == _DESIRED else None


def payload_of(published: Published) -> bytes:
    """The desired payload that an answer is about."""
    return published.token[1:]
