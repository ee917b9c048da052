"""Batches that leave together."""

from collections.abc import Callable
from typing import Any

from bridge import wire
from bridge.link import ArrivalOrder, Window
from bridge.messages import Acks, Batch, Batches, Delivery, LinkAck
from bridge.names import devices_channel
from mqtt_gateway.layer import Layer
from mqtt_gateway.rules.lanes import NO_TICKET
from mqtt_gateway.rules.pace import Budget, budget
from mqtt_gateway.rules.shard_queue import ShardQueue
from mqtt_gateway.uplink.departures import Departures

AT_ONCE = budget("latency")
NEVER = Budget(share=1e-9, longest_s=3600, apart_s=3600, few=1)


class Backend:
    """Keeps what is sent, at once."""

    def __init__(self) -> None:
        self.channels: dict[str, list[dict[str, Any]]] = {}

    def post(self, channel: str, message: dict[str, Any], told: Callable[[Exception | None], None]) -> None:
        self.channels.setdefault(channel, []).append(message)
        told(None)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.post(channel, message, lambda _error: None)


class Bench:
    """Queues of four shards whose first, empty batch is acknowledged: by these workers."""

    def __init__(self, workers: str, allowed: Budget = AT_ONCE, in_flight_limit: int = 8_192) -> None:
        self.backend = Backend()
        self.links = [ShardQueue(shard) for shard in range(4)]
        self.departures = Departures(Layer(self.backend), self.links, allowed, in_flight_limit)
        for link, worker in zip(self.links, workers, strict=True):
            link.begin(Window(link.shard, "g", 1, "reply"), 1, ArrivalOrder())
            ack = LinkAck(link.shard, "g", 1, 2)
            self.departures.acknowledged(Acks((ack,), worker))
            link.acknowledge(ack, 0.0)

    def put(self, *shards: int, payload: bytes = b"1") -> bool:
        """A delivery for each; whether it is time to look after the last one."""
        looks = False
        for shard in shards:
            self.links[shard].put(Delivery("t", "s/d", "k", "", payload, 0, 0, False, False, 0), NO_TICKET)
            looks = self.departures.came(len(payload))
        return looks

    def sent(self, shard: int) -> list[Any]:
        """What waits on a shard's channel."""
        return [wire.unpack(one) for one in self.backend.channels.pop(devices_channel(shard), [])]


def _shards(message: Batches) -> list[int]:
    return sorted(batch.shard for batch in message.batches)


async def test_the_shards_of_a_worker_leave_in_one_message() -> None:
    bench = Bench("aabb")
    bench.put(0, 1, 2, 3)
    await bench.departures.serve()
    messages = [one for shard in range(4) for one in bench.sent(shard)]
    assert sorted(map(_shards, messages)) == [[0, 1], [2, 3]]


async def test_a_message_for_several_shards_goes_to_one_of_theirs() -> None:
    bench = Bench("aaab")
    bench.put(1, 2, 3)
    await bench.departures.serve()
    (together,) = bench.sent(1) + bench.sent(2)
    assert _shards(together) == [1, 2]
    (alone,) = bench.sent(3)
    assert isinstance(alone, Batch)


async def test_who_has_a_shard_is_forgotten_when_nobody_answers() -> None:
    bench = Bench("aabb")
    bench.put(0)
    await bench.departures.serve()
    for _ in range(3):  # it is not answered
        bench.links[0].resend_at_s = 0.0
        await bench.departures.serve()
    bench.sent(0)
    bench.put(0, 1)
    await bench.departures.serve()
    assert [type(one) for one in bench.sent(0) + bench.sent(1)] == [Batch, Batch]


async def test_what_waits_for_others_wakes_nobody() -> None:
    bench = Bench("aaaa", NEVER)
    assert bench.put(0)
    await bench.departures.serve()  # the first one may leave
    assert bench.put(0)
    await bench.departures.serve()
    assert bench.departures.gathering
    assert not bench.put(0, 1, 2)


async def test_much_or_large_does_not_wait() -> None:
    for few, payload in ((600, b"1"), (2, b"1" * 100_000)):
        bench = Bench("aaaa", NEVER)
        bench.put(0)
        await bench.departures.serve()
        bench.put(0)
        await bench.departures.serve()
        assert bench.put(*[1] * few, payload=payload)
        await bench.departures.serve()
        assert not bench.departures.gathering


async def test_half_of_the_in_flight_limit_does_not_wait() -> None:
    bench = Bench("aaaa", NEVER, in_flight_limit=20)
    bench.put(0)
    await bench.departures.serve()
    bench.put(0)
    await bench.departures.serve()
    assert bench.put(*[1] * 10)


async def test_what_leaves_next_is_known() -> None:
    bench = Bench("aaaa")
    assert bench.departures.next_s() == float("inf")
    bench.put(0)
    await bench.departures.serve()
    assert bench.departures.next_s() < float("inf"), "it is to be sent again"
