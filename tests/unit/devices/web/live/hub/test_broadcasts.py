import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from bridge import wire
from bridge.messages import Commit
from bridge.names import dashboard_group
from devices.web.live.hub import broadcasts
from devices.web.live.hub.broadcasts import BroadcastListener
from tests.support.waiting import eventually_async


class Layer(InMemoryChannelLayer):
    """A layer that can be away, or lose what it takes."""

    away = False
    deaf = False
    refused = 0

    async def new_channel(self, prefix: str = "specific.") -> Any:
        self.check()
        return await super().new_channel(prefix)

    async def group_add(self, group: str, channel: str) -> None:
        self.check()
        await super().group_add(group, channel)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.check()
        if not self.deaf:
            await super().send(channel, message)

    def check(self) -> None:
        if self.away:
            self.refused += 1
            raise ConnectionError("Error 111 connecting to 127.0.0.1:6379")


class Ear:
    """A listener and what it heard."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.commits: list[Commit] = []
        self.joined = 0
        self.listener = BroadcastListener(layer, 2, self.commits.append, self.count)

    def count(self) -> None:
        self.joined += 1

    async def is_told(self, number: int) -> None:
        await self.layer.group_send(dashboard_group(number % 2), wire.pack(Commit(number % 2, number, ())))

    async def hears(self, number: int) -> None:
        await self.is_told(number)
        await eventually_async(lambda: self.commits and self.commits[-1].commit == number)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "_AGAIN_S", 0.01)


@asynccontextmanager
async def listening_on(layer: Layer) -> AsyncIterator[Ear]:
    ear = Ear(layer)
    task = asyncio.create_task(ear.listener.run())
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert not layer.groups
        assert all(not channels for channels in layer.groups.values())


async def test_it_hears_every_shard() -> None:
    async with listening_on(Layer()) as ear:
        await eventually_async(lambda: ear.joined == 1)
        await ear.hears(2)
        await ear.hears(3)
        assert await ear.listener.probe(1)


async def test_it_joins_as_soon_as_the_layer_is_there() -> None:
    layer = Layer()
    layer.away = True
    async with listening_on(layer) as ear:
        await eventually_async(lambda: layer.refused >= 3, what="it has tried again and again")
        assert ear.joined == 0
        assert not await ear.listener.probe(1)
        layer.away = False
        await eventually_async(lambda: ear.joined == 1)
        await ear.hears(2)


async def test_it_joins_anew_when_its_own_messages_do_not_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    layer = Layer()
    async with listening_on(layer) as ear:
        await eventually_async(lambda: ear.joined == 1)
        layer.deaf = True
        assert not await ear.listener.probe(0.02)
        assert ear.joined == 1  # once may happen
        assert not await ear.listener.probe(0.02)
        layer.deaf = False
        await eventually_async(lambda: ear.joined == 2)
        await ear.hears(4)
        assert await ear.listener.probe(1)


async def test_a_failing_commit_does_not_end_it() -> None:
    async with listening_on(Layer()) as ear:
        await eventually_async(lambda: ear.joined == 1)

        failed: list[Commit] = []

        def fail(commit: Commit) -> None:
            failed.append(commit)
            raise ValueError("a bug")

        ear.listener._commit = fail
        await ear.is_told(2)
        await eventually_async(lambda: failed)
        ear.listener._commit = ear.commits.append
        await ear.hears(4)
