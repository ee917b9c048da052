"""Asking a shard worker: done, refused, not there, layer down, database late."""

import asyncio
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.conf import settings

from bridge import wire
from bridge.messages import RequestSettled, RequestStored
from bridge.names import devices_channel
from bridge.shards import shard_of
from devices.models import Request, Twin
from devices.requests import ask as ask_module
from devices.requests.ask import ask
from devices.requests.refusals import ConflictError, NotFoundError, UnavailableError
from devices.rules.actors import Actor
from tests.support.waiting import eventually_async
from tests.support.worlds.fake_worker import FakeWorker, fresh_layers, set_twin, settle

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "demo/lamp"
VERA = Actor("user", "vera")
TIMEOUT_S = 20


@pytest.fixture(autouse=True)
def layers() -> None:
    fresh_layers()


async def test_the_worker_does_it_and_the_asker_hears_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_module, "_LOOK_EVERY_S", 3_600)  # the row is looked at on an answer, or when time is up
    began = time.monotonic()
    await sync_to_async(set_twin)(KEY)
    async with FakeWorker().running() as worker:
        result = await ask(KEY, "desired", {"patch": {"on": True}, "if_version": None}, actor=VERA, timeout_s=TIMEOUT_S)
    assert time.monotonic() - began < TIMEOUT_S
    assert result == {"version": 1, "desired": {"on": True}}
    assert [type(message) for message in worker.heard] == [RequestStored]
    assert (await Twin.objects.aget(device__key=KEY)).rev == 1


@pytest.mark.parametrize("told", [b'{"tags":["red"]}', b'{"error":"conflict","message":"no"}'])
async def test_a_result_that_is_told_need_not_be_read(monkeypatch: pytest.MonkeyPatch, told: bytes) -> None:
    async def unread(_request_id: int) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(ask_module, "_settled_result", unread)
    asking = asyncio.create_task(ask(KEY, "tags", {"tags": ["red"]}, actor=VERA, timeout_s=TIMEOUT_S))
    layer = channel_layers["default"]
    message = wire.unpack(await layer.receive(devices_channel(shard_of(KEY, settings.DEVICES.shards))))
    assert isinstance(message, RequestStored)
    await layer.send(message.reply_to, wire.pack(RequestSettled(message.request_id, told)))
    if b"error" in told:
        with pytest.raises(ConflictError, match="no"):
            await asking
    else:
        assert await asking == {"tags": ["red"]}


async def test_what_the_worker_refuses_is_raised() -> None:
    await sync_to_async(set_twin)(KEY)
    async with FakeWorker().running():
        with pytest.raises(ConflictError, match="desired is at version 0, not 7"):
            await ask(KEY, "desired", {"patch": {"on": True}, "if_version": 7}, actor=VERA)
        with pytest.raises(NotFoundError):
            await ask("demo/other", "tags", {"tags": []}, actor=VERA)


async def test_a_worker_that_finds_it_by_itself_and_tells_nobody() -> None:
    await sync_to_async(set_twin)(KEY)
    async with FakeWorker(silent=True).running():
        assert await ask(KEY, "tags", {"tags": ["red"]}, actor=VERA) == {}
    assert (await Twin.objects.aget(device__key=KEY)).tags == ["red"]


async def test_without_a_worker_it_is_withdrawn_and_certainly_not_done() -> None:
    with pytest.raises(UnavailableError, match="nothing was changed"):
        await ask(KEY, "delete", {}, timeout_s=0.1, actor=VERA)
    row = await Request.objects.aget()
    assert (row.status, row.created_by) == (Request.Status.WITHDRAWN, "user:vera")


async def test_a_worker_that_is_quicker_than_the_withdrawal_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    await sync_to_async(set_twin)(KEY)

    async def too_late(*_: Any) -> None:
        await sync_to_async(settle)((await Request.objects.aget()).pk)

    monkeypatch.setattr("devices.requests.ask._settled", too_late)
    assert await ask(KEY, "desired", {"patch": {"on": True}, "if_version": None}, actor=VERA) == {
        "version": 1,
        "desired": {"on": True},
    }


class _BrokenLayer:
    """What a layer does while its Redis is down."""

    async def new_channel(self) -> str:
        return "specific.x!y"

    async def send(self, _channel: str, _message: dict[str, Any]) -> None:
        raise ConnectionError("Redis is down")

    async def receive(self, _channel: str) -> dict[str, Any]:
        raise ConnectionError("Redis is down")


async def test_while_the_layer_is_down_the_workers_sweep_does_it() -> None:
    await sync_to_async(set_twin)(KEY)

    async def sweeping() -> None:
        await eventually_async(Request.objects.aexists)
        await sync_to_async(settle)((await Request.objects.aget()).pk)

    channel_layers.backends["default"] = _BrokenLayer()
    worker = asyncio.create_task(sweeping())
    assert (await ask(KEY, "desired", {"patch": {"on": 1}, "if_version": 0}, actor=VERA))["version"] == 1
    await worker


async def test_while_the_layer_hangs_the_nudge_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(_BrokenLayer):
        async def send(self, _channel: str, _message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("devices.requests.nudges.NUDGE_TIMEOUT_S", 0.05)
    channel_layers.backends["default"] = Hanging()
    with pytest.raises(UnavailableError):
        await ask(KEY, "tags", {"tags": []}, timeout_s=0.2, actor=VERA)
