"""What is due in the outbox, rendered by the devices' dialects, as messages to the gateways; and their answers.

outbox ──due──> Publish ──> gateway ──> Published ──item_of──> outbox
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from bridge.dialects.dialect import NATIVE, Publication, Refused
from bridge.dialects.registry import Dialects
from bridge.messages import Publish, Published
from bridge.names import gateway_channel
from devices.rules.commands import OPEN
from devices.worker.commands.command_steps import CommandSteps
from devices.worker.commands.known_commands import KnownCommand
from devices.worker.commands.rendering import Renderer
from devices.worker.commands.waiting import Waiting
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import Links
from devices.worker.rules.lanes import CommandItem, DesiredItem, Due, Item, RetainedItem
from devices.worker.rules.outbox import AppliedMs, GatewayOf
from runtime.database_clock import clock

_COMMAND, _DESIRED, _RETAINED = b"c", b"d", b"r"  # what a token begins with; id, payload or topic follows
_UUID_BYTES: Final = 16


class Downlinks:
    """Renders what is due.

    Args:
        dialects: of the installation.
        renderer: of commands.
        waiting: learns which commands in other dialects are on their way.
    """

    def __init__(self, dialects: Dialects, renderer: Renderer, waiting: Waiting) -> None:
        self._dialects, self._renderer, self._waiting = dialects, renderer, waiting

    def due(self, shard: Shard, steps: CommandSteps, links: Links, now_ms: int) -> Iterator[tuple[str, Publish]]:
        """Messages with their channel. At most one query, for commands that ``steps`` does not know."""
        items = shard.outbox.due(now_ms, gateways(shard, links))
        steps.fetch(one.item.command_id for one in items if isinstance(one.item, CommandItem))
        for one in items:
            channel = gateway_channel(one.gateway)
            if isinstance(one.item, CommandItem):
                command = steps.get(one.item.command_id)
                for publish in self._of_command(shard, one, command, now_ms):
                    yield channel, publish
            elif rendered := self._rendered(shard, one):
                yield channel, _publish(shard.number, one, rendered)
            elif isinstance(one.item, DesiredItem):
                shard.outbox.settled(one.device)

    def _of_command(self, shard: Shard, one: Due, command: KnownCommand | None, now_ms: int) -> Iterator[Publish]:
        """None: there is nothing to publish (any more). What can't be rendered just now waits until it is over."""
        assert isinstance(one.item, CommandItem)
        if command is None or command.status not in OPEN:
            shard.outbox.close(one.item.command_id)
            return
        rendered = self._renderer.render(shard, command, now_ms)
        if isinstance(rendered, Refused):
            return
        publications = rendered.publications
        if command.way:
            self._waiting.published(command.id, command.device, now_ms)
            publications = publications[: command.way.count]
        for index, publication in enumerate(publications):
            yield _publish(shard.number, one, publication, bytes([index]) if len(publications) > 1 else b"")

    def _rendered(self, shard: Shard, one: Due) -> Publication | None:
        if isinstance(one.item, RetainedItem):
            return Publication(one.item.topic, b"", retain=True)
        member = shard.members.get(one.device)
        speaks = self._dialects.by_name.get(member.known.dialect if member else NATIVE)
        return speaks.render_desired(one.device, one.payload) if speaks else None


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


def _publish(shard: int, one: Due, what: Publication, part: bytes = b"") -> Publish:
    return Publish(
        shard,
        one.device,
        _token(one) + part,
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
    if kind == _COMMAND and len(rest) in (_UUID_BYTES, _UUID_BYTES + 1):  # of several publications, which one
        return CommandItem(UUID(bytes=rest[:_UUID_BYTES]))
    if kind == _RETAINED:
        return RetainedItem(published.device, rest.decode())
    return DesiredItem(published.device) if kind == _DESIRED else None


def payload_of(published: Published) -> bytes:
    """The desired payload that an answer is about."""
    return published.token[1:]
