"""The channel layer with time limits, and outages logged once."""

import asyncio
import contextlib
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from structlog.testing import CapturingLogger

from bridge import wire
from bridge.messages import Acks, CommandStored, LinkAck
from mqtt_gateway import layer as layer_module
from mqtt_gateway.layer import CHANNEL_FULL, Layer
from tests.support.waiting import eventually_async

ACK = Acks((LinkAck(0, "g", 1, 2),))


class Backend(InMemoryChannelLayer):
    failures = 0
    hang = False

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._maybe_fail()
        await super().send(channel, message)

    async def receive(self, channel: str) -> dict[str, Any]:
        await self._maybe_fail()
        received: dict[str, Any] = await super().receive(channel)
        return received

    async def _maybe_fail(self) -> None:
        if self.hang:
            await asyncio.Event().wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("redis is away")


async def test_a_sent_message_arrives() -> None:
    layer = Layer(Backend())
    got: list[Acks] = []
    listening = asyncio.ensure_future(layer.listen("c", Acks, got.append))
    assert await layer.send("c", ACK) == ""
    await eventually_async(lambda: got == [ACK])
    listening.cancel()


async def test_what_could_not_be_sent_is_said_in_words() -> None:
    layer = Layer(Backend(capacity=1))
    assert await layer.send("c", ACK) == ""
    assert await layer.send("c", ACK) == CHANNEL_FULL


async def test_sending_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_module, "_SEND_S", 0.01)
    backend = Backend()
    backend.hang = True
    assert await Layer(backend).send("c", ACK) == "TimeoutError"


async def test_an_outage_is_logged_once_at_each_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(layer_module, "log", log)
    backend = Backend()
    layer = Layer(backend)
    backend.failures = 5
    for _ in range(6):
        await layer.send("c", ACK)
    assert [call.args for call in log.calls] == [("channel layer down",), ("channel layer up again",)]
    assert log.calls[0].kwargs == {"reason": "redis is away"}


async def test_listening_outlives_failures_and_foreign_messages() -> None:
    backend = Backend()
    got: list[Acks] = []
    layer = Layer(backend)
    backend.failures = 2
    listening = asyncio.ensure_future(layer.listen("c", Acks, got.append))
    await eventually_async(lambda: backend.failures == 0)
    await backend.send("c", {"type": "who.knows"})
    await backend.send("c", wire.pack(CommandStored(1, "c")))
    await backend.send("c", wire.pack(ACK))
    await eventually_async(lambda: got == [ACK])
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening


async def test_listening_looks_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that died without a word would be listened to for ever."""
    monkeypatch.setattr(layer_module, "_RECEIVE_S", 0.01)
    backend = Backend()
    got: list[Acks] = []
    backend.hang = True
    listening = asyncio.ensure_future(Layer(backend).listen("c", Acks, got.append))
    await asyncio.sleep(0)
    backend.hang = False
    await backend.send("c", wire.pack(ACK))
    await eventually_async(lambda: got == [ACK])
    listening.cancel()
