"""What waits in a process for its turn is bounded; the newest stay."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisAwayError

from runtime.channel_layers import redis
from runtime.channel_layers.redis import BoundedInbox, GroupLayer

NOWHERE = [{"address": "redis://127.0.0.1:1/0", "socket_connect_timeout": 1}]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "WAITING_BYTES", 100)


def test_the_oldest_go_when_too_much_waits() -> None:
    inbox = BoundedInbox()
    for number in range(20):
        inbox.put_nowait(b"%010d" % number)
    assert [int(inbox.get_nowait()) for _ in range(inbox.qsize())] == list(range(10, 20))


def test_one_message_larger_than_the_bound_is_kept_alone() -> None:
    inbox = BoundedInbox()
    for number in range(3):
        inbox.put_nowait(b"%0200d" % number)
    assert inbox.qsize() == 1
    assert int(inbox.get_nowait()) == 2


def test_what_was_taken_makes_room() -> None:
    inbox = BoundedInbox()
    for number in range(50):
        inbox.put_nowait(b"%050d" % number)
        assert int(inbox.get_nowait()) == number
    assert inbox.empty()


async def test_whoever_waits_gets_the_next_message() -> None:
    inbox = BoundedInbox()
    receiver = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(b"one")
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
    inner.channels["live.1"] = BoundedInbox()
    for group in ("one", "two"):
        with pytest.raises(RedisAwayError):
            await layer.group_add(group, "live.1")
    await layer.group_discard("one", "live.1")
    assert "live.1" in inner.channels
    await layer.group_discard("two", "live.1")
    assert inner.channels == inner.groups == {}
    await layer.flush()
