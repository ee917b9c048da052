"""Both layers on a real Redis: what the specification of channel layers asks for, and what comes of outages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer
from redis import Redis
from redis.exceptions import RedisError

from runtime.channel_layers import redis as redis_layers
from runtime.channel_layers.redis import ChannelLayer, GroupLayer
from tests.support.servers.redis import redis_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

BODY = b"x" * 10_000


@pytest.fixture
async def layer(redis: Service) -> AsyncIterator[ChannelLayer]:
    """Of channels, with little room, on an empty Redis."""
    with Redis.from_url(redis.url) as client:
        client.flushall()
    layer = ChannelLayer(hosts=[redis.url], capacity=3)
    yield layer
    await layer.close_pools()


async def _received(layer: RedisChannelLayer, channel: str, count: int = 1) -> list[int]:
    async with asyncio.timeout(10):
        return [(await layer.receive(channel))["number"] for _ in range(count)]


async def test_messages_arrive_once_in_order(layer: ChannelLayer) -> None:
    for number in range(3):
        await layer.send("devices.0", {"type": "n", "number": number, "body": BODY})
    assert await _received(layer, "devices.0", 3) == [0, 1, 2]
    await layer.send("devices.0", {"type": "n", "number": 3, "body": BODY})
    assert await _received(layer, "devices.0") == [3], "nothing came again before it"


async def test_whoever_waits_gets_the_next_message(layer: ChannelLayer) -> None:
    waiting = asyncio.create_task(_received(layer, "devices.0"))
    await asyncio.sleep(0)
    await layer.send("devices.0", {"type": "n", "number": 1})
    assert await waiting == [1]


async def test_a_full_channel_refuses_until_there_is_room(layer: ChannelLayer) -> None:
    for number in range(3):
        await layer.send("devices.0", {"type": "n", "number": number})
    with pytest.raises(ChannelFull):
        await layer.send("devices.0", {"type": "n", "number": 3})
    await layer.send("devices.1", {"type": "n", "number": 0})
    assert await _received(layer, "devices.0") == [0]
    await layer.send("devices.0", {"type": "n", "number": 4})
    assert await _received(layer, "devices.0", 3) == [1, 2, 4]


async def test_what_waits_too_long_makes_room(redis: Service, layer: ChannelLayer) -> None:
    for number in range(3):
        await layer.send("devices.0", {"type": "n", "number": number})
    layer.expiry = -1  # as if that had been a while ago
    with contextlib.suppress(ChannelFull):
        await layer.send("devices.0", {"type": "n", "number": 3})
    with Redis.from_url(redis.url) as client:
        assert client.zcard("asgidevices.0") == 0


async def test_a_channel_that_nobody_receives_from_goes_by_itself(redis: Service, layer: ChannelLayer) -> None:
    await layer.send("devices.0", {"type": "n", "number": 0})
    with Redis.from_url(redis.url) as client:
        assert 0 < int(client.ttl("asgidevices.0")) <= layer.expiry


async def test_channels_of_a_process_are_told_apart(layer: ChannelLayer) -> None:
    one, other = await layer.new_channel("reply"), await layer.new_channel("reply")
    await layer.send(one, {"type": "n", "number": 1})
    await layer.send(other, {"type": "n", "number": 2})
    assert await _received(layer, other) == [2]
    assert await _received(layer, one) == [1]


async def test_another_process_s_channel_is_refused(redis: Service, layer: ChannelLayer) -> None:
    foreign = await ChannelLayer(hosts=[redis.url]).new_channel("reply")
    with pytest.raises(ValueError, match="another process"):
        await layer.receive(foreign)


async def test_groups_work_as_in_channels_redis(layer: ChannelLayer) -> None:
    one, other = await layer.new_channel(), await layer.new_channel()
    for channel in (one, other):
        await layer.group_add("all", channel)
    await layer.group_send("all", {"type": "n", "number": 5})
    assert await _received(layer, one) == await _received(layer, other) == [5]


async def test_it_speaks_with_channels_redis_s_own_layer(redis: Service, layer: ChannelLayer) -> None:
    plain = RedisChannelLayer(hosts=[redis.url])
    await plain.send("devices.0", {"type": "n", "number": 1})
    assert await _received(layer, "devices.0") == [1]
    reply = await plain.new_channel("reply")
    for channel in ("devices.1", reply):
        await layer.send(channel, {"type": "n", "number": 2})
        assert await _received(plain, channel) == [2]
    await plain.close_pools()


async def test_of_several_hosts_each_channel_has_its_own(redis: Service) -> None:
    hosts = [redis.url, redis.url.removesuffix("/0") + "/1"]
    layer = ChannelLayer(hosts=hosts)
    for shard in range(8):
        for number in range(5):
            await layer.send(f"devices.{shard}", {"type": "n", "number": number})
    assert all([await _received(layer, f"devices.{shard}", 5) == [*range(5)] for shard in range(8)])
    reply = await layer.new_channel("reply")
    await layer.send(reply, {"type": "n", "number": 1})
    assert await _received(layer, reply) == [1]
    await layer.close_pools()


async def test_a_receiver_that_gives_up_takes_nothing_with_it(layer: ChannelLayer, redis: Service) -> None:
    for number in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await layer.receive("devices.0")
        await eventually_async(lambda: _nobody_waits(redis))  # something between us may pass the end on late
        await layer.send("devices.0", {"type": "n", "number": number})
        assert await _received(layer, "devices.0") == [number]


def _nobody_waits(redis: Service) -> bool:
    with Redis.from_url(redis.url) as client:
        return not client.info("clients")["blocked_clients"]


async def test_it_goes_on_when_redis_was_started_anew() -> None:
    service = redis_service("local")
    service.start()
    layer = ChannelLayer(hosts=[service.url])
    try:
        reply = await layer.new_channel("reply")
        for _ in range(2):  # with idle connections, and a script, that the new one does not know
            for channel in ("devices.0", reply):
                await layer.send(channel, {"type": "n", "number": 1})
                assert await _received(layer, channel) == [1]
            waiting = [asyncio.create_task(layer.receive(channel)) for channel in ("devices.0", reply)]
            await asyncio.sleep(0)
            await asyncio.to_thread(service.kill)
            outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
            assert all(isinstance(outcome, RedisError | OSError) for outcome in outcomes), outcomes
            with pytest.raises((RedisError, OSError)):
                await layer.send("devices.0", {"type": "n", "number": 2})
            await asyncio.to_thread(service.start)
        await layer.close_pools()
    finally:
        await asyncio.to_thread(service.close)


async def test_a_redis_that_is_silent_is_noticed(redis: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers never come: here, since it was asked to wait for longer than its time."""
    monkeypatch.setattr(redis_layers, "_LATE_S", -0.9)
    layer = ChannelLayer(hosts=[redis.url])
    layer.brpop_timeout = 1
    for channel in ("devices.0", await layer.new_channel("reply")):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10) as limit:
                await layer.receive(channel)
        assert not limit.expired()
    monkeypatch.undo()
    await layer.send("devices.0", {"type": "n", "number": 1})
    assert await _received(layer, "devices.0") == [1]
    await layer.close_pools()


async def test_many_at_once_share_a_connection_and_keep_their_order(layer: ChannelLayer) -> None:
    layer.capacity = 1_000
    await asyncio.gather(*(layer.send("devices.0", {"type": "n", "number": number}) for number in range(100)))
    assert await _received(layer, "devices.0", 100) == [*range(100)]
    waiting = [asyncio.create_task(layer.receive(f"devices.{number}")) for number in range(30)]
    for number in range(30):
        await layer.send(f"devices.{number}", {"type": "n", "number": number})
    assert [one["number"] for one in await asyncio.wait_for(asyncio.gather(*waiting), 10)] == [*range(30)]
    await eventually_async(lambda: len(layer._loop.commands[0]._idle) <= 16)


async def test_what_is_posted_is_sent_in_order_and_told(layer: ChannelLayer) -> None:
    told: list[Exception | None] = []
    for number in range(4):  # not connected yet
        layer.post("devices.0", {"type": "n", "number": number}, told.append)
    await eventually_async(lambda: len(told) == 4)
    assert told[:3] == [None] * 3
    assert isinstance(told[3], ChannelFull)
    assert await _received(layer, "devices.0", 3) == [0, 1, 2]
    for number in range(3):
        layer.post("devices.0", {"type": "n", "number": number}, told.append)
    assert await _received(layer, "devices.0", 3) == [0, 1, 2]
    await eventually_async(lambda: told[4:] == [None] * 3)  # who receives may be told first


async def test_what_is_posted_to_a_group_arrives(redis: Service) -> None:
    layer = GroupLayer(hosts=[redis.url])
    channel = await layer.new_channel("live.")
    await layer.group_add("dashboard.0", channel)
    told: list[Exception | None] = []
    for number in range(3):
        layer.group_post("dashboard.0", {"type": "n", "number": number}, told.append)
    async with asyncio.timeout(10):
        assert [(await layer.receive(channel))["number"] for _ in range(3)] == [0, 1, 2]
    await eventually_async(lambda: told == [None] * 3)
    await layer.group_discard("dashboard.0", channel)
    await layer.flush()


async def test_listening_hands_over_everything_in_order_until_it_ends(layer: ChannelLayer, redis: Service) -> None:
    layer.capacity = 1_000
    got: list[int] = []
    heard: list[None] = []
    reply = await layer.new_channel("reply")
    for channel in ("devices.0", reply):
        got.clear()
        heard.clear()
        await layer.send(channel, {"type": "n", "number": 0})  # it was there before
        listening = asyncio.create_task(
            layer.listen(channel, lambda message: got.append(message["number"]), lambda: heard.append(None))
        )
        for number in range(1, 100):
            await layer.send(channel, {"type": "n", "number": number})
        await eventually_async(lambda: got == [*range(100)])
        assert len(heard) == 101, "one for the connection, one for each message"
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await eventually_async(lambda: _nobody_waits(redis))
        await layer.send(channel, {"type": "n", "number": 100})
        assert await _received(layer, channel) == [100], "who has ended takes nothing more"


async def test_listening_leaves_other_channels_of_the_process_to_who_receives(layer: ChannelLayer) -> None:
    one, other = await layer.new_channel("reply"), await layer.new_channel("reply")
    got: list[int] = []
    listening = asyncio.create_task(layer.listen(one, lambda message: got.append(message["number"]), lambda: None))
    await layer.send(other, {"type": "n", "number": 1})
    await layer.send(one, {"type": "n", "number": 2})
    await eventually_async(lambda: got == [2])
    assert await _received(layer, other) == [1]
    receiving = asyncio.create_task(_received(layer, other))
    await asyncio.sleep(0)
    await layer.send(one, {"type": "n", "number": 3})
    await layer.send(other, {"type": "n", "number": 4})
    assert await receiving == [4]
    await eventually_async(lambda: got == [2, 3])
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_listening_ends_with_what_the_handler_raises_and_when_redis_is_gone(monkeypatch: Any) -> None:
    service = redis_service("local")
    service.start()
    layer = ChannelLayer(hosts=[service.url])

    def refuse(_message: dict[str, Any]) -> None:
        raise LookupError

    try:
        await layer.send("devices.0", {"type": "n"})
        with pytest.raises(LookupError):
            await asyncio.wait_for(layer.listen("devices.0", refuse, lambda: None), 10)
        begun = asyncio.Event()
        listening = asyncio.create_task(layer.listen("devices.0", refuse, begun.set))
        await asyncio.wait_for(begun.wait(), 10)
        monkeypatch.setattr(redis_layers, "_LATE_S", -0.9)  # a Redis that is silent is noticed
        layer.brpop_timeout = 1
        with pytest.raises(RedisError, match="no answer"):
            await asyncio.wait_for(layer.listen("devices.1", refuse, lambda: None), 10)
        await asyncio.to_thread(service.kill)
        with pytest.raises((RedisError, OSError)):
            await asyncio.wait_for(listening, 10)
        await layer.close_pools()
    finally:
        await asyncio.to_thread(service.close)


async def test_a_process_that_does_not_receive_keeps_the_newest_broadcasts_only(
    redis: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_layers, "WAITING_BYTES", 1_000_000)
    layer = GroupLayer(hosts=[redis.url])
    channel = await layer.new_channel("live.")
    await layer.group_add("dashboard.0", channel)
    for number in range(500):
        await layer.group_send("dashboard.0", {"type": "n", "number": number, "body": BODY})
    received: list[int] = []
    async with asyncio.timeout(10):
        while not received or received[-1] != 499:
            received.append((await layer.receive(channel))["number"])
    assert received[-50:] == list(range(450, 500))
    await layer.group_discard("dashboard.0", channel)
    await layer.flush()


async def test_case_j12_a_full_redis_refuses_what_is_sent(redis: Service, layer: ChannelLayer) -> None:
    """Also where there is something old to be thrown away first."""
    await layer.send("devices.0", {"type": "n", "number": 0})
    with Redis.from_url(redis.url) as client:
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(RedisError, match="maxmemory"):
                await layer.send("devices.0", {"type": "n", "number": 1})
        finally:
            client.config_set("maxmemory", 0)
    await layer.send("devices.0", {"type": "n", "number": 2})
    assert await _received(layer, "devices.0", 2) == [0, 2]


def test_case_f10_channels_of_a_process_are_received_in_whichever_event_loop_asks(redis: Service) -> None:
    """channels_redis's own ``test_double_receive``: what was sent first is asked for last, elsewhere."""
    layer = ChannelLayer(hosts=[redis.url], capacity=3)

    async def send(channel: str, number: int) -> None:
        await layer.send(channel, {"type": "n", "number": number})
        await layer.close_pools()

    async def receive(channel: str) -> list[int]:
        received = await _received(layer, channel)
        await layer.close_pools()
        return received

    first, second = asyncio.run(layer.new_channel()), asyncio.run(layer.new_channel())
    asyncio.run(send(first, 1))
    asyncio.run(send(second, 2))
    assert asyncio.run(receive(second)) == [2]
    assert asyncio.run(receive(first)) == [1]
