"""Sending without waiting, on layers that have no way of their own for it."""

import asyncio
from typing import Any

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer

from runtime.channel_layers import poster as poster_module
from runtime.channel_layers.poster import Poster


async def test_each_is_sent_in_order_and_told() -> None:
    layer = InMemoryChannelLayer(capacity=2)
    poster = Poster(layer)
    told: list[Exception | None] = []
    for number in range(3):
        poster.send("c", {"type": "n", "number": number}, told.append)
    assert told == []
    await poster.done()
    assert told[:2] == [None, None]
    assert isinstance(told[2], ChannelFull)
    assert [(await layer.receive("c"))["number"] for _ in range(2)] == [0, 1]


async def test_groups_too() -> None:
    layer = InMemoryChannelLayer()
    await layer.group_add("g", "c")
    poster = Poster(layer)
    told: list[Exception | None] = []
    poster.group_send("g", {"type": "n"}, told.append)
    await poster.done()
    assert told == [None]
    assert await layer.receive("c") == {"type": "n"}


async def test_a_layer_s_own_way_is_taken_and_waited_for() -> None:
    asked: list[Any] = []

    class Layer:
        def post(self, channel: str, message: dict[str, Any], told: Any) -> None:
            asked.append((channel, message, told))

    poster = Poster(Layer())
    told: list[Exception | None] = []
    poster.send("c", {"type": "n"}, told.append)
    waiting = asyncio.create_task(poster.done())
    await asyncio.sleep(0)
    assert not waiting.done()
    (channel, message, tell) = asked[0]
    assert (channel, message) == ("c", {"type": "n"})
    tell(None)
    await asyncio.wait_for(waiting, 5)
    assert told == [None]


async def test_a_layer_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster_module, "LIMIT_S", 0.01)

    class Layer:
        async def send(self, _channel: str, _message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    poster = Poster(Layer())
    told: list[Exception | None] = []
    poster.send("c", {"type": "n"}, told.append)
    await asyncio.wait_for(poster.done(), 5)
    assert isinstance(told[0], TimeoutError)
