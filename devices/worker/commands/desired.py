"""The feature of the devices' desired topics: what they should hold, and what the broker has confirmed that they do."""

from collections.abc import Sequence

from bridge.dialects.dialect import NATIVE
from devices.rules.requested import desired_payload
from devices.worker.commands import downlinks
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects, Operation
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.rules.lanes import DesiredItem
from devices.worker.rules.outbox import Outbox


class DesiredConfirmed(Operation, frozen=True):
    """The broker holds ``payload`` under the device's desired topic."""

    payload: bytes


class DesiredFeature(Feature):
    """Keeps each device's desired topic at what reported still lacks. Published by the outbox, as commands are.

    Args:
        links: the gateways', as last read.
    """

    name = "desired"
    minds_readings = False
    operations = (DesiredConfirmed,)

    def __init__(self, links: LinkWatch) -> None:
        self._links = links

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """Its topic may not hold what it should."""
        _update(shard.outbox, member, now_ms)

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Whether the gateways have published any of it, or could not."""
        return any(isinstance(downlinks.item_of(one), DesiredItem) for one in round_.published)

    def plan(self, work: RoundWork) -> None:
        """What the gateways have published, or could not."""
        for published in work.round.published:
            part, item = work.parts.get(published.shard), downlinks.item_of(published)
            if part and isinstance(item, DesiredItem):
                part.shard.outbox.answered(item, published.gateway, work.now_ms, ok=published.ok, never=published.never)
                if published.ok and downlinks.is_reached_by(published, part.shard, self._links.latest):
                    _plan_confirmed(part, item.device, downlinks.payload_of(published))

    def apply(self, operation: DesiredConfirmed, effects: Effects) -> None:
        """Know it."""
        effects.member.twin.desired_published = operation.payload.decode()

    def follow_up(self, work: RoundWork) -> None:
        """See what is to be published for the devices that have changed."""
        for part, effects in work.effects():
            shard, member = part.shard, effects.member
            if effects.gone:
                _clear(shard.outbox, member, self._links.latest.gateway_of(member, shard.gateway), work.now_ms)
            else:
                _update(shard.outbox, member, work.now_ms)


def _plan_confirmed(part: ShardWork, key: str, payload: bytes) -> None:
    outbox = part.shard.outbox
    if key in part.shard.members:
        part.add(key, DesiredConfirmed(payload))
    elif outbox.unconfirmed(key) == payload:
        outbox.settled(key)  # of a deleted device


def _update(outbox: Outbox, member: Member, now_ms: int) -> None:
    """See to it that the topic is published when it does not hold what reported still lacks."""
    if not member.uses_desired:
        return
    payload = desired_payload(member.twin)
    if payload.decode() == member.twin.desired_published:
        outbox.settled(member.key)
    else:
        outbox.want(member.key, payload, now_ms)


def _clear(outbox: Outbox, member: Member, gateway: str, now_ms: int) -> None:
    """The device is deleted: nothing waits for it any more, and what its broker retains for it is to go.

    (Only in Causeway's own dialect: of a device that is gone, nobody knows another.)
    """
    outbox.forget(member.key)
    if member.uses_desired and member.twin.dialect == NATIVE:
        outbox.want(member.key, b"", now_ms, gateway)
