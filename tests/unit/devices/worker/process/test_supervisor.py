"""Supervision: listeners outlive the layer's failures."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from devices.worker.process import instances
from devices.worker.process import supervisor as worker_module
from devices.worker.process.supervisor import SupervisedWorker
from runtime.outages import Outage
from tests.support.waiting import eventually_async

Message = dict[str, Any]


class FlakyLayer:
    """Gives what is put into it; an exception that is put in is raised."""

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[Message | Exception]] = {}

    def put(self, channel: str, thing: Message | Exception) -> None:
        self.queues.setdefault(channel, asyncio.Queue()).put_nowait(thing)

    async def receive(self, channel: str) -> Message:
        thing = await self.queues.setdefault(channel, asyncio.Queue()).get()
        if isinstance(thing, Exception):
            raise thing
        return thing


class FakeEngine:
    def __init__(self, log: Any) -> None:
        self.heard: list[bool] = []
        self.layer_outage = Outage(log, "channel layer", time.monotonic)
        self.shards = frozenset({0, 1})
        self.changed = asyncio.Event()

    def serve(self, *shards: int) -> None:
        self.shards = frozenset(shards)
        self.changed.set()

    async def shards_but(self, known: frozenset[int]) -> frozenset[int]:
        while self.shards == known:
            self.changed.clear()
            await self.changed.wait()
        return self.shards

    def listening(self, *, works: bool) -> None:
        if self.heard[-1:] != [works]:
            self.heard.append(works)


class Setup:
    def __init__(self) -> None:
        self.layer, self.engine = FlakyLayer(), FakeEngine(self)
        self.got: list[tuple[str, Message]] = []
        self.events: list[str] = []

    async def application(self, scope: Message, receive: Callable[[], Any], send: Any) -> None:
        while True:
            message = await receive()
            self.got.append((scope["channel"], message))
            if message.get("type") == "poison":
                raise RuntimeError("a bug")
            if message.get("type") == "stuck":
                await asyncio.Event().wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        worker = SupervisedWorker(self.application, self.layer, self.engine)  # type: ignore[arg-type]
        task = asyncio.create_task(worker.arun())
        yield
        assert not task.done(), task.exception()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert worker.application_instances == {}

    def warning(self, event: str, **_more: Any) -> None:
        self.events.append(event)

    error = info = warning

    async def hears(self, channel: str, message: Message) -> None:
        self.layer.put(channel, message)
        await eventually_async(lambda: (channel, message) in self.got)


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> Setup:
    setup = Setup()
    monkeypatch.setattr(worker_module, "log", setup)
    monkeypatch.setattr(worker_module, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(worker_module, "_PROVEN_S", 0.01)
    return setup


async def test_each_channel_has_its_instance(setup: Setup) -> None:
    async with setup.running():
        await setup.hears("devices.0", {"type": "a"})
        await setup.hears("devices.1", {"type": "b"})
        assert setup.events == []


async def test_it_listens_as_long_as_a_shard_is_served(setup: Setup) -> None:
    async with setup.running():
        await setup.hears("devices.1", {"type": "a"})
        setup.engine.serve(0, 2)
        await setup.hears("devices.2", {"type": "b"})
        setup.layer.put("devices.1", {"type": "not ours"})
        await setup.hears("devices.0", {"type": "c"})
        assert setup.layer.queues["devices.1"].qsize() == 1, "it stays for the next owner"
        setup.engine.serve(0, 1)
        await eventually_async(lambda: ("devices.1", {"type": "not ours"}) in setup.got)


async def test_listeners_outlive_the_layers_failures_and_say_so_once(setup: Setup) -> None:
    async with setup.running():
        for channel in ("devices.0", "devices.1"):
            for _ in range(5):
                setup.layer.put(channel, ConnectionError("Redis is gone"))
        await setup.hears("devices.0", {"type": "a"})
        await setup.hears("devices.1", {"type": "b"})
        assert setup.events == ["channel layer down", "channel layer up again"]
        assert setup.engine.heard[-2:] == [False, True]


async def test_a_quiet_channel_works_again_when_nothing_fails_any_more(setup: Setup) -> None:
    async with setup.running():
        setup.layer.put("devices.0", ConnectionError("Redis is gone"))
        await eventually_async(lambda: setup.events == ["channel layer down", "channel layer up again"])


async def test_an_instance_that_died_is_replaced_at_the_next_message(setup: Setup) -> None:
    async with setup.running():
        await setup.hears("devices.0", {"type": "poison"})
        await eventually_async(lambda: setup.events)
        await setup.hears("devices.0", {"type": "a"})
        assert setup.events == ["a shard's consumer died: a bug"]


async def test_what_is_no_message_harms_nobody(setup: Setup) -> None:
    async with setup.running():
        await setup.hears("devices.0", {})
        await setup.hears("devices.0", {"type": "a"})


async def test_a_stuck_consumer_holds_its_listener_back(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_QUEUE", 3)
    async with setup.running():
        await setup.hears("devices.0", {"type": "stuck"})
        for number in range(10):
            setup.layer.put("devices.0", {"type": str(number)})
        await setup.hears("devices.1", {"type": "b"})
        await eventually_async(lambda: setup.layer.queues["devices.0"].qsize() == 6)
