"""The Channels consumer on ``devices.<shard>``: hands every message to the process's engine.

That is given by run_devices, or made at the first message under a plain ``runworker``.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any, Final

import structlog
from channels.consumer import AsyncConsumer
from django.conf import settings

from bridge import wire
from bridge.messages import Batch, Batches, CommandStored, Published, RequestStored
from devices.worker.ownership.fence import ReshardedError
from devices.worker.process.engine import Engine
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
            case Batches():
                await self.uplink_batches(read)
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

    async def uplink_batches(self, together: Batches) -> None:
        """Several shards' batches; those of shards that are another worker's by now are repeated to that one."""
        for batch in together.batches:
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


class _Process:
    """What there is once a process."""

    engine: Engine | None = None
    by_itself: "asyncio.Task[None] | None" = None  # runs an engine that nobody gave


_process: Final = _Process()


@contextlib.contextmanager
def engine_given(engine: Engine) -> Iterator[None]:
    """For its time this engine is the process's; whoever gives it runs it."""
    if _process.engine is not None:
        raise RuntimeError("this process has an engine already")
    _process.engine = engine
    try:
        yield
    finally:
        _process.engine = None


def engine_for(shard: int) -> Engine:
    """The engine of this process. If nobody has given one, it is made, and takes the shard as soon as that is free."""
    if _process.engine is None:
        _process.engine = Engine(settings.DEVICES, [shard])
        _process.by_itself = asyncio.create_task(_run(_process.engine), name="ingest")
        log.info("working unsupervised; run_devices is meant for it", shard=shard)
    if _process.by_itself is not None and shard not in _process.engine.pinned:
        _process.engine.pin(shard)
    return _process.engine


async def _run(engine: Engine) -> None:
    """Nobody supervises: without its engine, the process must end rather than swallow messages."""
    try:
        await engine.run()
    except ReshardedError as reason:
        log.error(str(reason))  # noqa: TRY400  expected, and one line
    except Exception:
        log.exception("the engine died: a bug")
    os.kill(os.getpid(), signal.SIGTERM)
