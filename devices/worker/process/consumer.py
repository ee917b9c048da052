"""The Channels consumer on ``devices.<shard>``: hands every message to the process's engine."""

import time
from typing import Any, Final

import structlog
from channels.consumer import AsyncConsumer

from bridge import wire
from bridge.messages import Batch, CommandStored, Published, RequestStored
from devices.worker.process.current_engine import engine_for
from runtime.outages import SampledLog

log = structlog.get_logger(__name__)
_unreadable: Final = SampledLog(log, "unreadable message on a shard's channel", time.monotonic)


class ShardConsumer(AsyncConsumer):
    """Behind ChannelNameRouter, one instance a shard. Handlers wait for nothing and raise on nothing that comes.

    An exception would end the instance, and every message queued for it would be lost.
    """

    channel_layer_alias = "none: a shard consumer has no channel of its own to listen on"

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler. Channels' own dispatch hops to a thread first, to close old database connections."""
        read = wire.unpack(message)
        if isinstance(read, wire.Unreadable):
            _unreadable.add("unreadable", read.reason)
            return
        match read:
            case Batch():
                await self.uplink_batch(read)
            case CommandStored():
                await self.command_stored(read)
            case RequestStored():
                await self.request_stored(read)
            case Published():
                await self.downlink_published(read)
            case _:
                _unreadable.add("not for a shard", str(message["type"]))

    async def uplink_batch(self, batch: Batch) -> None:
        """Deliveries from a gateway. At least once, by the link; repeats are told by their numbers."""
        engine_for(batch.shard).offer(batch)

    async def command_stored(self, nudge: CommandStored) -> None:
        """A nudge; safe to lose and to repeat."""
        engine_for(nudge.shard).offer(nudge)

    async def request_stored(self, nudge: RequestStored) -> None:
        """A nudge; safe to lose and to repeat."""
        engine_for(nudge.shard).offer(nudge)

    async def downlink_published(self, published: Published) -> None:
        """What became of a downlink; safe to lose and to repeat."""
        engine_for(published.shard).offer(published)
