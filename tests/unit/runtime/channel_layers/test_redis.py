"""What waits in a process for its turn is bounded; the newest stay."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisAwayError

from runtime.channel_layers import redis
from runtime.channel_layers.redis import GroupLayer, Waiting

NOWHERE = [{"address": "redis://127.0.0.1:1/0", "socket_connect_timeout": 1}]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "WAITING_BYTES", 100)


def test_the_oldest_go_when_too_much_waits() -> None:
    waiting = Waiting()
    for number in range(20):
        waiting.put_nowait(b"%010d" % number)
    assert [int(waiting.get_nowait()) for _ in range(waiting.qsize())] == list(range(10, 20))


def test_one_message_larger_than_the_bound_is_kept_alone() -> None:
    waiting = Waiting()
    for number in range(3):
        waiting.put_nowait(b"%0200d" % number)
    assert waiting.qsize() == 1
    assert int(waiting.get_nowait()) == 2


def test_what_was_taken_makes_room() -> None:
    waiting = Waiting()
    for number in range(50):
        waiting.put_nowait(b"%050d" % number)
        assert int(waiting.get_nowait()) == number
    assert waiting.empty()


async def test_whoever_waits_gets_the_next_message() -> None:
    waiting = Waiting()
    receiver = asyncio.create_task(waiting.get())
    await asyncio.sleep(0)
    waiting.put_nowait(b"one")
    assert await receiver == b"one"


async def test_a_channel_that_could_not_be_made_is_not_kept() -> None:
    layer = GroupLayer(hosts=NOWHERE)
    with pytest.raises(RedisAwayError):
        await layer.new_channel()
    assert layer._get_layer().channels == {}
    await layer.flush()


async def test_a_channel_that_left_all_groups_is_not_kept() -> None:
    layer = GroupLayer(hosts=NOWHERE)
    inner = layer._get_layer()
    inner.channels["live.1"] = Waiting()
    for group in ("one", "two"):
        with pytest.raises(RedisAwayError):
            await layer.group_add(group, "live.1")
    await layer.group_discard("one", "live.1")
    assert "live.1" in inner.channels
    await layer.group_discard("two", "live.1")
    assert inner.channels == inner.groups == {}
    await layer.flush()
