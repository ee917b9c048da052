"""Apps' consumers on channels: each message once, whatever fails in between."""

import asyncio
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from channels.layers import InMemoryChannelLayer

from devices.worker.process import app_channels
from devices.worker.process.app_channels import AppChannels
from tests.support.waiting import eventually_async


class Adder(AsyncConsumer):
    """Remembers numbers; raises on one that it does not like."""

    seen: list[int]

    async def add(self, message: dict[str, Any]) -> None:
        if message["number"] == 13:
            raise ArithmeticError("thirteen")
        self.seen.append(message["number"])


class FailingLayer(InMemoryChannelLayer):
    """Cannot be asked so many times."""

    failures = 3

    async def receive(self, channel: str) -> Any:
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        return await super().receive(channel)


@pytest.mark.django_db  # Channels closes old connections before each message, where earlier tests have left some
async def test_messages_are_handled_in_order_through_failures_of_the_layer_and_of_the_consumer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_channels, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(AppChannels, "application_checker_interval", 0.01)
    Adder.seen = []
    layer = FailingLayer()
    worker = AppChannels({"adder": Adder.as_asgi()}, layer)
    running = asyncio.create_task(worker.arun())
    for number in (1, 2, 3, 13):
        await layer.send("adder", {"type": "add", "number": number})
    await eventually_async(lambda: not worker.application_instances and Adder.seen == [1, 2, 3])
    await layer.send("adder", {"type": "add", "number": 4})
    await eventually_async(lambda: Adder.seen == [1, 2, 3, 4])
    running.cancel()
    await asyncio.wait({running})
    assert worker.application_instances == {}


def test_who_composes_the_process_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_channels, "_provided", app_channels._Provided())
    assert app_channels.provided() == {}
    app_channels.provide(lambda: {"adder": Adder.as_asgi()})
    assert list(app_channels.provided()) == ["adder"]
