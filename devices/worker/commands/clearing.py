"""The feature of what the broker retains of deleted devices: cleared where whoever deleted them asked for it.

The topics are kept with the retired key until the broker has confirmed every one, so that no restart forgets them. A
device that comes back meanwhile keeps what is its own again.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bridge.dialects.registry import Dialects
from bridge.shards import shard_of
from devices.models import Event, RetiredKey
from devices.worker.commands import downlinks
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.rules.lanes import RetainedItem

CLEARING: Final = "clearing"  # in Effects.noted: the device was deleted, and what is retained of it is to go
_EVENTS: Final = 1_000  # the latest, whose names are topics


class ClearingFeature(Feature):
    """Publishes an empty retained message on each topic of such a device, until the broker has it.

    Args:
        dialects: of the installation.
        links: the gateways', as last read.
        shards: how many there are.
    """

    name = CLEARING
    minds_readings = False

    def __init__(self, dialects: Dialects, links: LinkWatch, shards: int) -> None:
        self._dialects, self._links, self._shards = dialects, links, shards
        self._ended: list[tuple[ShardWork, str]] = []  # in the present round: nothing is left to clear

    def load(self, shard: Shard, now_ms: int) -> None:
        """What was not confirmed yet."""
        for key, topics in RetiredKey.objects.exclude(clearing=[]).values_list("key", "clearing"):
            if shard_of(key, self._shards) == shard.number and key not in shard.members:
                shard.outbox.clear(key, topics, now_ms)

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """The device is back."""
        shard.outbox.keep(member.key)

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Whether the gateways have published any of it, or could not."""
        return any(isinstance(downlinks.item_of(one), RetainedItem) for one in round_.published)

    def plan(self, work: RoundWork) -> None:
        """What the gateways have cleared, or could not."""
        self._ended = []
        for published in work.round.published:
            part, item = work.parts.get(published.shard), downlinks.item_of(published)
            if part and isinstance(item, RetainedItem):
                outbox, over = part.shard.outbox, published.ok or published.never
                outbox.answered(item, published.gateway, work.now_ms, ok=published.ok, never=published.never)
                if over and outbox.cleared(item):
                    self._ended.append((part, item.device))

    def follow_up(self, work: RoundWork) -> None:
        """Remember what is to be cleared, and forget it when that is done."""
        for part, key in self._ended:
            RetiredKey.objects.filter(key=key).update(clearing=[])
            part.touched = True
        for part, effects in work.effects():
            if effects.gone and CLEARING in effects.noted:
                topics = list(self._topics(effects))
                RetiredKey.objects.filter(key=effects.member.key).update(clearing=topics)
                gateway = self._links.latest.gateway_of(effects.member, part.shard.gateway)
                part.shard.outbox.clear(effects.member.key, topics, work.now_ms, gateway)

    def _topics(self, effects: Effects) -> Iterable[str]:
        """Where something of the device may be retained, as far as it was heard there."""
        member = effects.member
        speaks = self._dialects.by_name.get(member.twin.dialect)
        rows = Event.objects.filter(device=member.id).order_by("-rev").values_list("name", flat=True)
        return speaks.retained(member.key, member.twin.metrics, set(rows[:_EVENTS])) if speaks else ()
