"""The supervised worker: listens on ``devices.<n>`` for the engine's shards, and outlives the channel layer.

::

    run ─┬─ engine      takes and gives up shards
         └─ listening   SupervisedWorker ─┬─ a listener for each shard that the engine serves
                                          ├─ application checker (channels)
                                          └─ AppChannels, if apps have channels of their own
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import structlog
from channels.layers import get_channel_layer
from django.conf import settings

from bridge.names import devices_channel
from devices.worker.process import app_channels
from devices.worker.process.consumer import engine_given
from devices.worker.process.engine import Engine
from devices.worker.process.instances import InstanceWorker
from runtime.backoff import backoff_s

log = structlog.get_logger(__name__)

_RECEIVE_S: Final = 20  # then a new receive: a connection that died without a word would be listened to for ever
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_PROVEN_S: Final = 1  # after a failure: so long without another one, and it works again
_FINISH_S: Final = 5  # for the running transaction, when told to stop


async def run(shards: Iterable[int], stop: asyncio.Event, application: Any = None) -> None:
    """Run device workers in this event loop until ``stop`` is set; then finish what is in hand and return.

    Waits for a database or channel layer that is not there, and for shards that other workers have.

    Args:
        shards: which to have; none: its even share of all, among the workers that live.
        stop: set it to end.
        application: an ASGI application with shard consumers; None: what comes is handed to the engine at once.

    Raises:
        ReshardedError: there is another number of shards by now.
    """
    engine = Engine(settings.DEVICES, shards)
    worker = SupervisedWorker(application, get_channel_layer(), engine)
    with engine_given(engine):
        await _run(engine, worker, stop)
    log.info("device workers stopped", shards=sorted(engine.shards))


async def _run(engine: Engine, worker: "SupervisedWorker", stop: asyncio.Event) -> None:
    running = asyncio.create_task(engine.run(), name="ingest")
    listening = asyncio.create_task(worker.arun(), name="ingest-listen")
    stopping = asyncio.create_task(stop.wait(), name="ingest-stop")
    telling = asyncio.create_task(_tell_when_ready(engine), name="ingest-ready")
    try:
        await asyncio.wait({running, listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        engine.stop()
        for task in (listening, stopping, telling):
            task.cancel()
        (died, *_) = await asyncio.gather(listening, stopping, telling, return_exceptions=True)
        await _ended(running)
    if isinstance(died, Exception):
        raise died


async def _ended(running: "asyncio.Task[None]") -> None:
    """The engine finishes its round, unless the database hangs: then that ends with our connection."""
    await asyncio.wait({running}, timeout=_FINISH_S)
    if not running.done():
        log.warning("stopping without waiting for the database any longer", waited_s=_FINISH_S)
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _tell_when_ready(engine: Engine) -> None:
    await engine.ready()
    log.info("device workers started", shards=sorted(engine.shards))


class SupervisedWorker(InstanceWorker):
    """Channels' worker, whose listeners outlive the layer's failures, and whose parts don't die unseen.

    It listens only to shards that the engine serves: messages for others would be lost with it.

    Args:
        application: ASGI application for scopes of type ``channel``; None: messages are handed to the engine at once,
            without a task for each.
        layer: the channel layer.
        engine: says which shards it serves; told whether the layer works.
    """

    def __init__(self, application: Any, layer: Any, engine: Engine) -> None:
        super().__init__(application, [], layer)
        self._engine = engine

    async def arun(self) -> None:
        """Listen until cancelled.

        Raises:
            ExceptionGroup: a part died: a bug.
        """
        try:
            async with asyncio.TaskGroup() as group:
                if self.application is not None:
                    group.create_task(self.application_checker())
                if consumers := app_channels.provided():
                    group.create_task(app_channels.AppChannels(consumers, self.channel_layer).arun())
                await self._listen(group)
        finally:
            await self.end_instances()

    async def _listen(self, group: asyncio.TaskGroup) -> NoReturn:
        """A listener for each shard as long as it is served."""
        listeners: dict[int, asyncio.Task[NoReturn]] = {}
        while True:
            shards = await self._engine.shards_but(frozenset(listeners))
            for shard in listeners.keys() - shards:
                listeners.pop(shard).cancel()
            for shard in sorted(shards - listeners.keys()):
                listeners[shard] = group.create_task(self.listener(devices_channel(shard)))

    async def listener(self, channel: str) -> NoReturn:
        """Hand every message on ``channel`` over, for ever."""
        failures = 0
        asked_s = time.monotonic()

        def heard() -> None:
            nonlocal failures, asked_s
            failures = 0
            self._works(asked_s)
            asked_s = time.monotonic()

        listen = getattr(self.channel_layer, "listen", None) if self.application is None else None
        while True:
            asked_s = time.monotonic()
            try:
                if listen is not None:
                    await listen(channel, self._take, heard)
                else:
                    await self._receive(channel, _RECEIVE_S if not failures else _PROVEN_S)
                    heard()
            except Exception as error:  # noqa: BLE001  any layer raises what its driver does
                self._failed(error, asked_s)
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, random.random()))
                failures += 1

    async def _receive(self, channel: str, limit_s: float) -> None:
        """One message, if one comes in time."""
        try:
            async with asyncio.timeout(limit_s):
                message = await self.channel_layer.receive(channel)
        except TimeoutError:
            return
        if self.application is None:
            self._take(message)
        else:
            await self.hand_over(channel, message)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self._engine.take(message)
        except Exception:
            log.exception("a shard's message could not be taken: a bug")

    def _failed(self, error: Exception, asked_s: float) -> None:
        self._engine.layer_outage.begins(str(error) or type(error).__name__, asked_s=asked_s)
        self._engine.listening(works=False)

    def _works(self, asked_s: float) -> None:
        if self._engine.layer_outage.ends(asked_s):
            self._engine.listening(works=True)

    async def application_exception(self, exception: Exception, application_details: dict[str, Any]) -> None:
        """An application instance died, which ours never do; the next message makes another."""
        channel = application_details["scope"]["channel"]
        log.error("a shard's consumer died: a bug", channel=channel, exc_info=exception)
