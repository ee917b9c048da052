"""The Channels consumer on ``devices.<shard>``: hands every message to the process's engine.

That is given by run_devices, whose supervisor needs no consumer, or made at the first message under a plain
``runworker``.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any, Final

import structlog
from channels.consumer import AsyncConsumer
from django.conf import settings

from devices.worker.ownership.fence import ReshardedError
from devices.worker.process.engine import Engine
from devices.worker.round.intake import incoming

log = structlog.get_logger(__name__)


class ShardConsumer(AsyncConsumer):
    """Behind ChannelNameRouter, one instance a shard. It waits for nothing and raises on nothing that comes.

    An exception would end the instance, and every message queued for it would be lost.
    """

    channel_layer_alias = "none: a shard consumer has no channel of its own to listen on"

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand it over. Channels' own dispatch hops to a thread first, to close old database connections."""
        for one in incoming(message):
            engine_for(one.shard).offer(one)


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
