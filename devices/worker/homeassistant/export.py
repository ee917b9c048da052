"""The feature of the export to Home Assistant: what is announced of each native device follows what is known of it.

It is published when the device is first known to this process, and when more than readings has come of it: a status,
a state, a description. So a new metric is announced with the next of these.
"""

from collections.abc import Sequence
from typing import Final

from bridge.dialects.dialect import NATIVE
from bridge.dialects.native.announcement import announcement, topic
from bridge.dialects.native.topics import NativeTopics
from bridge.messages import Publish
from bridge.names import gateway_channel
from bridge.observations import StatusReported
from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Operation
from devices.worker.effects.work import Round, RoundWork
from devices.worker.homeassistant.pending import Pending
from devices.worker.link.operation import Uplink
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch

_NAME: Final = "homeassistant"
_TOKEN: Final = b"h"  # what the gateway answers with; no other feature's begins so
_SAID: Final = frozenset({"birth", "will"})  # why a device is there or gone: it, or its broker, has said so


class ExportFeature(Feature):
    """Publishes and withdraws discovery messages.

    Args:
        options: of the installation; ``homeassistant_export`` is the discovery prefix.
        links: the gateways', as last read.
    """

    name = _NAME
    minds_readings = False

    def __init__(self, options: DevicesOptions, links: LinkWatch) -> None:
        self._prefix, self._links = options.homeassistant_export, links
        self._topics = NativeTopics(options.topic_root)

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """It is announced."""
        if member.known.dialect == NATIVE:
            _pending(shard).add(member.key)

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """What the gateways have published, or could not: nothing of it needs a transaction."""
        by_number = {shard.number: shard for shard in shards}
        for one in round_.published:
            if one.token == _TOKEN and (shard := by_number.get(one.shard)):
                _pending(shard).answered(one.device, ok=one.ok or one.never)
        return False

    def follow_up(self, work: RoundWork) -> None:
        """Look at those that have changed again."""
        for part in work.parts.values():
            if part.forgotten:
                _pending(part.shard).again()
        for part, effects in work.effects():
            member, pending = effects.member, _pending(part.shard)
            if member.twin.dialect != NATIVE:
                continue
            if any(_says_status(one) for one in part.operations.get(member.key, ())):
                pending.with_status.add(member.key)
            if effects.gone:
                pending.forget(member.key)
            else:
                pending.add(member.key)

    def committed(self, work: RoundWork) -> None:
        """Publish some."""
        for part in work.parts.values():
            shard, pending = part.shard, _pending(part.shard)
            for device in pending.take(work.now_ms):
                member = shard.members.get(device)
                if member and member.known.dialect != NATIVE:
                    continue  # of a new device that is known only now
                message = self._message(member, pending) if member else b""
                if pending.is_news(device, message, work.now_ms):
                    work.results.downlinks.append(self._publish(shard, device, member, message))

    def _message(self, member: Member, pending: Pending) -> bytes:
        twin = member.twin
        if twin.presence.why in _SAID:
            pending.with_status.add(member.key)
        description = member.described.kept.value if member.described else {}
        message = announcement(
            self._topics, member.key, description, twin.metrics, has_status=member.key in pending.with_status
        )
        member.fold()
        return message

    def _publish(self, shard: Shard, device: str, member: Member | None, message: bytes) -> tuple[str, Publish]:
        links = self._links.latest
        gateway = links.gateway_of(member, shard.gateway) if member else links.likely(device, NATIVE, shard.gateway)
        where = topic(self._prefix, device)
        return gateway_channel(gateway), Publish(shard.number, device, _TOKEN, where, message, retain=True)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When the next are published."""
        return min((time for shard in shards if (time := _pending(shard).due_ms()) is not None), default=None)


def _says_status(operation: Operation) -> bool:
    return isinstance(operation, Uplink) and isinstance(operation.said, StatusReported)


def _pending(shard: Shard) -> Pending:
    found: Pending = shard.kept.setdefault(_NAME, Pending())
    return found
