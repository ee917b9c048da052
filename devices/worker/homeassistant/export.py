"""The feature of the export to Home Assistant: what is announced of each native device follows what is known of it.

What a device is, and whether it is there, are published when it is first known to this process, and when more than
readings has come of it: a status, a state, a description, silence. So a new metric is announced with the next of these.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from bridge.dialects.dialect import NATIVE
from bridge.dialects.native.announcement import Announcer, topic
from bridge.dialects.native.control_topics import ControlTopics
from bridge.messages import Publish
from bridge.names import gateway_channel
from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.work import Round, RoundWork
from devices.worker.homeassistant.pending import CONFIG, PRESENCE, Pending
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch

_NAME: Final = "homeassistant"
_TOKEN: Final = b"h"  # what the gateway answers with begins so, and no other feature's; with the kind of message behind


class ExportFeature(Feature):
    """Publishes and withdraws discovery messages, and each device's presence.

    Args:
        options: of the installation; ``homeassistant_export`` is the discovery prefix.
        links: the gateways', as last read.
    """

    name = _NAME
    minds_readings = False

    def __init__(self, options: DevicesOptions, links: LinkWatch) -> None:
        self._prefix, self._links = options.homeassistant_export, links
        self._announcer, self._topics = Announcer(options.topic_root), ControlTopics(options.topic_root)

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """It is announced."""
        if member.known.dialect == NATIVE:
            _pending(shard).add(member.key)

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """What the gateways have published, or could not: nothing of it needs a transaction."""
        by_number = {shard.number: shard for shard in shards}
        for one in round_.published:
            if one.token[:1] == _TOKEN and (shard := by_number.get(one.shard)):
                _pending(shard).answered(one.device, one.token[1:], ok=one.ok or one.never)
        return False

    def follow_up(self, work: RoundWork) -> None:
        """Look at those that have changed again."""
        for part in work.parts.values():
            if part.forgotten:
                _pending(part.shard).again()
        for part, effects in work.effects():
            if effects.member.twin.dialect != NATIVE:
                continue
            if effects.gone:
                _pending(part.shard).forget(effects.member.key)
            else:
                _pending(part.shard).add(effects.member.key)

    def committed(self, work: RoundWork) -> None:
        """Publish some."""
        for part in work.parts.values():
            shard, pending = part.shard, _pending(part.shard)
            for device in pending.take(work.now_ms):
                member = shard.members.get(device)
                if member and member.known.dialect != NATIVE:
                    continue  # of a new device that is known only now
                for kind, where, message in self._messages(device, member):
                    if pending.is_news(device, kind, message, work.now_ms):
                        publish = Publish(shard.number, device, _TOKEN + kind, where, message, retain=True)
                        work.results.downlinks.append((self._channel(shard, device, member), publish))

    def _messages(self, device: str, member: Member | None) -> Iterator[tuple[bytes, str, bytes]]:
        """What the broker should retain of a device: kind, topic, payload. Empty payloads where it is gone."""
        presence, config = self._topics.presence(device), topic(self._prefix, device)
        if member is None:
            yield from ((PRESENCE, presence, b""), (CONFIG, config, b""))
            return
        description = member.described.kept.value if member.described else {}
        message = self._announcer.announcement(device, description, member.twin.metrics)
        there = member.twin.presence
        member.fold()
        if message and there.why != "link_down":  # of which nobody could be told
            yield PRESENCE, presence, b"online" if there.status == "online" else b"offline"
        yield CONFIG, config, message

    def _channel(self, shard: Shard, device: str, member: Member | None) -> str:
        links = self._links.latest
        gateway = links.gateway_of(member, shard.gateway) if member else links.likely(device, NATIVE, shard.gateway)
        return gateway_channel(gateway)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When the next are published."""
        return min((time for shard in shards if (time := _pending(shard).due_ms()) is not None), default=None)


def _pending(shard: Shard) -> Pending:
    found: Pending = shard.kept.setdefault(_NAME, Pending())
    return found
