"""Storing commands: what is refused, repeating safely, the limit."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone

from bridge import wire
from bridge.messages import CommandStored
from bridge.names import devices_channel
from bridge.shards import shard_of
from devices.models import Command
from devices.requests.commands import store_command
from devices.requests.refusals import BadRequestError, ConflictError, NotFoundError, RateLimitedError, TooLargeError
from devices.requests.registry import register_device
from devices.rules.actors import Actor
from devices.worker.commands.known_commands import new_command
from tests.support.worlds.fake_worker import fresh_layers

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "demo/lamp"
VERA = Actor("user", "vera")


@pytest.fixture(autouse=True)
def device() -> None:
    fresh_layers()
    register_device(KEY)


async def test_it_is_stored_and_the_worker_nudged() -> None:
    command = await store_command(KEY, "set_led", {"on": True}, 30, actor=VERA)
    stored = await Command.objects.aget()
    assert (stored.name, stored.args, stored.status) == ("set_led", {"on": True}, "accepted")
    assert stored.expires_at - stored.created_at == timedelta(seconds=30)
    assert (stored.created_by, stored.user_id) == ("user:vera", None)
    assert stored.timeline == [{"status": "accepted", "at_ms": int(stored.created_at.timestamp() * 1000)}]
    nudge = await nudged()
    assert nudge == CommandStored(shard_of(KEY, settings.DEVICES.shards), str(command.pk), nudge.new)
    assert nudge.new is not None
    known = new_command(command.pk, stored.device_id, nudge.new)
    assert (known.device, known.name, known.args, known.status) == (KEY, "set_led", {"on": True}, "accepted")
    assert (known.timeline, known.created_at) == (stored.timeline, stored.created_at)
    assert known.expires_at == stored.expires_at


async def nudged() -> CommandStored:
    """What the worker hears."""
    async with asyncio.timeout(5):
        message = wire.unpack(
            await get_channel_layer().receive(devices_channel(shard_of(KEY, settings.DEVICES.shards)))
        )
    assert isinstance(message, CommandStored)
    return message


async def test_a_nudge_carries_neither_what_is_large_nor_what_may_have_gone_on() -> None:
    await store_command(KEY, "x", {"text": "y" * 20_000}, actor=VERA)
    assert (await nudged()).new is None
    await store_command(KEY, "x", {}, 60, "key-1", actor=VERA)
    assert (await nudged()).new is not None
    await store_command(KEY, "x", {}, 60, "key-1", actor=VERA)
    assert (await nudged()).new is None, "a repeat"


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"name": "set led"}, BadRequestError),
        ({"name": ""}, BadRequestError),
        ({"name": 7}, BadRequestError),
        ({"ttl_s": 0}, BadRequestError),
        ({"ttl_s": 604_801}, BadRequestError),
        ({"ttl_s": True}, BadRequestError),
        ({"ttl_s": 1.5}, BadRequestError),
        ({"ttl_s": "60"}, BadRequestError),
        ({"args": []}, BadRequestError),
        ({"args": "text"}, BadRequestError),
        ({"args": {"x": float("nan")}}, BadRequestError),
        ({"args": {"x": "a\0b"}}, BadRequestError),
        ({"args": {"x": 2**53 + 1}}, BadRequestError),
        ({"args": {"x": "y" * 270_000}}, TooLargeError),
        ({"idempotency_key": ""}, BadRequestError),
        ({"idempotency_key": "x" * 201}, BadRequestError),
        ({"idempotency_key": "a\nb"}, BadRequestError),
        ({"idempotency_key": 5}, BadRequestError),
        ({"device_key": "demo/other"}, NotFoundError),
    ],
)
async def test_what_is_refused_is_not_stored(wish: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await store_command(**{"device_key": KEY, "name": "x", **wish}, actor=VERA)
    assert not await Command.objects.aexists()


async def test_the_same_key_and_content_give_the_same_command() -> None:
    first = await store_command(KEY, "x", {"a": 1, "b": 2}, 60, "key-1", actor=VERA)
    assert (await store_command(KEY, "x", {"b": 2, "a": 1}, 60, "key-1", actor=VERA)).pk == first.pk
    for name, args, ttl_s in (("y", {"a": 1, "b": 2}, 60), ("x", {"a": True, "b": 2}, 60), ("x", {"a": 1, "b": 2}, 61)):
        with pytest.raises(ConflictError):
            await store_command(KEY, name, args, ttl_s, "key-1", actor=VERA)
    await sync_to_async(register_device)("demo/other")
    assert (await store_command("demo/other", "x", {}, 60, "key-1", actor=VERA)).pk != first.pk
    assert await Command.objects.acount() == 2


async def test_without_a_key_each_is_a_new_one() -> None:
    assert (await store_command(KEY, "x", actor=VERA)).pk != (await store_command(KEY, "x", actor=VERA)).pk


async def test_at_most_a_hundred_unfinished_ones_wait() -> None:
    for number in range(100):
        await store_command(KEY, "x", idempotency_key=str(number), actor=VERA)
    with pytest.raises(RateLimitedError, match="100 unfinished commands"):
        await store_command(KEY, "x", actor=VERA)
    await store_command(KEY, "x", idempotency_key="7", actor=VERA)  # a repeated one is no new one
    await Command.objects.filter(idempotency_key="1").aupdate(status="done")
    await store_command(KEY, "x", actor=VERA)
    with pytest.raises(RateLimitedError):
        await store_command(KEY, "x", actor=VERA)
    await Command.objects.filter(idempotency_key="2").aupdate(expires_at=timezone.now())  # no worker has noticed yet
    await store_command(KEY, "x", actor=VERA)
