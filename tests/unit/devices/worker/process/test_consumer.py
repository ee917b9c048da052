import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from bridge import wire
from bridge.messages import Acks, Batch, Batches, CommandStored, LinkAck, Published, RequestStored
from devices.worker.process import consumer
from devices.worker.process.consumer import ShardConsumer
from tests.support.waiting import eventually_async

FOR_SHARDS: list[wire.Message] = [
    Batch(1, "g", 1, 1, "reply", ()),
    CommandStored(1, "c"),
    RequestStored(1, 7, "reply"),
    Published(1, "demo/a", b"d", "gw", True, "", 1),
]


class FakeEngine:
    def __init__(self) -> None:
        self.offered: list[Any] = []
        self.pinned: set[int] = set()

    def offer(self, message: Any) -> None:
        self.offered.append(message)

    def pin(self, shard: int) -> None:
        self.pinned.add(shard)

    async def run(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    with consumer.engine_given(engine):  # type: ignore[arg-type]
        yield engine


async def consume(*messages: dict[str, Any]) -> None:
    """Run a consumer over the messages; fails if it dies of one."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for message in messages:
        queue.put_nowait(message)
    scope = {"type": "channel", "channel": "devices.1"}
    taken = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if queue.empty():
            taken.set()  # it has handled all and asks for more
        return await queue.get()

    running = asyncio.create_task(ShardConsumer.as_asgi()(scope, receive, None))
    await eventually_async(lambda: queue.empty() and taken.is_set(), pause_s=0)
    assert not running.done(), running.exception()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_hands_everything_to_the_engine(engine: FakeEngine) -> None:
    await consume(*map(wire.pack, FOR_SHARDS))
    assert engine.offered == FOR_SHARDS


async def test_hands_over_several_shards_batches_one_by_one(engine: FakeEngine) -> None:
    together = tuple(Batch(shard, "g", 1, 1, "r", ()) for shard in (1, 2))
    await consume(wire.pack(Batches(together)))
    assert engine.offered == list(together)


@pytest.mark.parametrize(
    "rubbish",
    [
        {},
        {"type": 3},
        {"type": "nonsense"},
        {"type": "_private"},
        {"type": "uplink.batch"},
        {"type": "uplink.batch", "v": 99, "body": b""},
        {"type": "uplink.batch", "v": 1, "body": b"\xff"},
        wire.pack(Acks((LinkAck(1, "g", 1, 1),))),
    ],
)
async def test_outlives_what_is_no_message_for_it(engine: FakeEngine, rubbish: dict[str, Any]) -> None:
    await consume(rubbish, wire.pack(FOR_SHARDS[0]))
    assert engine.offered == FOR_SHARDS[:1]


async def test_does_not_hop_to_a_thread_for_a_message(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hop() -> None:
        raise AssertionError("aclose_old_connections was called")

    monkeypatch.setattr("channels.consumer.aclose_old_connections", hop)
    await consume(wire.pack(FOR_SHARDS[0]))
    assert engine.offered


async def test_under_plain_runworker_the_engine_is_made_at_the_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    made = FakeEngine()
    monkeypatch.setattr(consumer, "Engine", lambda _options, _shards: made)
    try:
        await consume(*map(wire.pack, FOR_SHARDS))
        assert made.offered == FOR_SHARDS
        assert made.pinned == {1}
    finally:
        assert consumer._process.by_itself is not None
        consumer._process.by_itself.cancel()
        consumer._process.engine = consumer._process.by_itself = None


def test_a_process_has_one_engine(engine: FakeEngine) -> None:
    with pytest.raises(RuntimeError), consumer.engine_given(engine):  # type: ignore[arg-type]
        pass


async def test_a_given_engine_takes_no_further_shards(engine: FakeEngine) -> None:
    await consume(wire.pack(FOR_SHARDS[0]))
    assert engine.pinned == set()
