"""Deliveries → batches → PUBACKs, with an in-memory layer and a stand-in for the worker."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from bridge.dialects.dialect import RejectedTopic
from bridge.json_limits import MAX_PAYLOAD_BYTES
from bridge.link import MAX_IN_FLIGHT
from bridge.messages import Acks, Delivery, LinkAck
from mqtt_gateway.client.broker import Outgoing
from mqtt_gateway.fakes import FakeBroker, FakeConnection, FakeWorker
from mqtt_gateway.layer import Layer
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.state import State
from mqtt_gateway.uplink import backpressure
from mqtt_gateway.uplink.uplink import Uplink
from tests.support.waiting import eventually_async

OPTIONS = GatewayOptions(name="g", shards=4)


class FaultyLayer(InMemoryChannelLayer):
    """An in-memory layer that can be down."""

    down = False

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        if self.down:
            raise ConnectionError("the layer is down")
        await super().send(channel, message)


@dataclass
class Bench:
    """An uplink between a fake broker and a fake worker."""

    backend: FaultyLayer
    uplink: Uplink
    worker: FakeWorker
    state: State
    broker: FakeBroker = field(default_factory=FakeBroker)
    working: "asyncio.Task[None] | None" = None

    async def connect(self, epoch: int | None = None) -> FakeConnection:
        """A new connection; with an epoch, batches may leave."""
        connection = self.broker(OPTIONS, Outgoing("t", b""))
        self.uplink.connecting(connection)
        await connection.open(_Listener(self.uplink))
        if epoch is not None:
            self.uplink.begin(epoch, epoch)
        return connection

    async def work(self) -> None:
        """The worker begins."""
        self.working = asyncio.ensure_future(self.worker.run())

    async def work_ends(self) -> None:
        """What it has not taken waits for the next one."""
        assert self.working
        self.working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.working


class _Listener:
    def __init__(self, uplink: Uplink) -> None:
        self.delivered = uplink.delivered

    def opened(self, *, session_present: bool) -> None: ...


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    backend, state = FaultyLayer(), State(OPTIONS)
    layer = Layer(backend)
    reply_to = await layer.new_channel()
    uplink = Uplink(OPTIONS, layer, reply_to, state)
    made = Bench(backend, uplink, FakeWorker(backend, OPTIONS.shards), state)
    tasks = [
        asyncio.ensure_future(uplink.run()),
        asyncio.ensure_future(layer.listen(reply_to, Acks, uplink.replied)),
    ]
    yield made
    for task in [*tasks, *([made.working] if made.working else [])]:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def topic(number: int, device: str | None = None) -> str:
    return f"devices/demo/{device or f'd{number % 7}'}/telemetry"


def entered(bench: Bench) -> int:
    """Deliveries of this epoch, all shards'."""
    shards: dict[str, int] = bench.uplink.figures()["entered"]["shards"]
    return sum(shards.values())


async def test_every_shard_is_introduced_before_any_delivery(bench: Bench) -> None:
    await bench.connect(epoch=3)
    await bench.work()
    await eventually_async(lambda: len(bench.worker.batches) == OPTIONS.shards)
    assert {(b.shard, b.epoch, b.seq, b.deliveries) for b in bench.worker.batches} == {(s, 3, 1, ()) for s in range(4)}


async def test_pubacks_leave_in_arrival_order_over_all_shards(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    await bench.work()
    for number in range(1, 501):
        connection.deliver(topic(number), b"%d" % number, number)
    await eventually_async(lambda: len(connection.acknowledged) == 500)
    assert connection.acknowledged == list(range(1, 501))
    assert bench.uplink.in_flight == 0
    assert entered(bench) == 500


async def test_no_puback_before_the_commit(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    bench.worker.before_ack = lambda batch: not batch.deliveries
    await bench.work()
    connection.deliver(topic(1), b"1", 1)
    await eventually_async(lambda: bench.worker.deliveries)
    assert connection.acknowledged == []
    assert bench.uplink.in_flight == 1


async def test_one_stopped_shard_holds_back_the_pubacks_behind_it(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    stopped = next(iter({bench.uplink._route(topic(1)).shard}))  # type: ignore[union-attr]
    bench.worker.before_ack = lambda batch: batch.shard != stopped
    await bench.work()
    for number in range(1, 15):
        connection.deliver(topic(number), b"", number)
    await eventually_async(lambda: len(bench.worker.deliveries) == 14)
    assert connection.acknowledged == []


async def test_deliveries_before_the_epoch_wait_in_order(bench: Bench) -> None:
    connection = await bench.connect()
    await bench.work()
    for number in range(1, 6):
        connection.deliver(topic(0), b"%d" % number, number)
    assert bench.worker.batches == []
    bench.uplink.begin(9, 7)
    await eventually_async(lambda: connection.acknowledged == [1, 2, 3, 4, 5])
    assert [one.payload for one in bench.worker.deliveries] == [b"1", b"2", b"3", b"4", b"5"]


async def test_batches_tell_the_session_and_the_position_in_it(bench: Bench) -> None:
    connection = await bench.connect()
    await bench.work()
    connection.deliver(topic(1), b"a", 7, dup=True)
    connection.deliver(topic(1), b"b", 8)
    connection.deliver("devices/demo/d1/desired", b"own", 9)
    connection.deliver("nobody's", b"", 10)
    connection.deliver(topic(1), b"c", 11)
    connection.deliver(topic(1), b"qos 0")
    bench.uplink.begin(9, 4)
    await eventually_async(lambda: len(connection.acknowledged) == 5)
    assert {batch.session for batch in bench.worker.batches} == {4}
    assert [
        (len(one.deliveries), one.connection_count, one.delivery_count)
        for one in bench.worker.batches
        if one.deliveries
    ] == [(4, 4, 4)]


async def test_a_marker_ends_what_is_late_and_tells_what_is_committed(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    bench.state.markers.subscribed(0)
    marker = bench.state.markers.publish(0, 5_000)
    connection.deliver(topic(1), b"old", 1)
    connection.deliver(OPTIONS.marker_topic, marker, 2)
    connection.deliver(topic(1), b"new", 3)
    assert bench.state.markers.drained_ms == 0
    await bench.work()
    await eventually_async(lambda: connection.acknowledged == [1, 3], what="all but the marker, which is held")
    assert bench.state.markers.drained_ms == 5_000
    assert [(one.payload, one.late) for one in bench.worker.deliveries] == [(b"old", True), (b"new", False)]
    assert entered(bench) == 2, "a marker is no delivery"


async def test_foreign_markers_are_confirmed_and_mean_nothing(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    connection.deliver(OPTIONS.marker_topic, b"of another connection", 1)
    assert connection.acknowledged == [1]
    assert (bench.state.markers.late, entered(bench)) == (True, 0)
    assert not bench.state.counters.rejected


async def test_a_status_is_received_after_the_markers_before_it(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    bench.state.markers.subscribed(time.monotonic())
    future_ms = int(time.time() * 1000) + 60_000
    connection.deliver(OPTIONS.marker_topic, bench.state.markers.publish(time.monotonic(), future_ms), 1)
    connection.deliver("devices/demo/d1/status", b"offline", 2)
    await bench.work()
    await eventually_async(lambda: bench.worker.deliveries)
    assert bench.worker.deliveries[0].received_ms > bench.state.markers.drained_ms == future_ms
    assert bench.uplink.marker_is_due.is_set()


async def test_own_downlink_and_nobodys_topics_are_confirmed_in_their_turn(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    connection.deliver(topic(1), b"1", 1)
    connection.deliver("devices/demo/d1/command/7/led", b"{}", 2)
    connection.deliver("devices/demo", b"", 3)
    assert connection.acknowledged == []
    await bench.work()
    await eventually_async(lambda: connection.acknowledged == [1, 2, 3])
    assert entered(bench) == 1, "our own command isn't counted"
    assert dict(bench.state.counters.rejected) == {"odd_levels": 1}


async def test_where_all_is_heard_who_listens_is_told_that_nobody_takes_a_topic(bench: Bench) -> None:
    bench.uplink.sort(hears_all=True)
    assert bench.uplink.whose("weather/roof/t") == RejectedTopic("foreign_root")
    connection = await bench.connect()
    connection.deliver("weather/roof/t", b"1", 1)
    assert connection.acknowledged == [1]
    assert not bench.state.counters.rejected


async def test_a_rejected_topic_alone_is_confirmed_at_once(bench: Bench) -> None:
    connection = await bench.connect()
    connection.deliver("devices/demo/d1/nonsense", b"", 1)
    assert connection.acknowledged == [1]


async def test_a_huge_payload_is_cut_to_what_shows_that_it_is_too_large(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    await bench.work()
    connection.deliver(topic(1), b"x" * (4 * MAX_PAYLOAD_BYTES), 1)
    await eventually_async(lambda: connection.acknowledged == [1])
    assert len(bench.worker.deliveries[0].payload) == MAX_PAYLOAD_BYTES + 1


async def test_qos0_is_delivered_without_puback(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    await bench.work()
    connection.deliver(topic(1))
    await eventually_async(lambda: bench.worker.deliveries)
    await eventually_async(lambda: bench.uplink.in_flight == 0)
    assert connection.acknowledged == []
    assert isinstance(bench.worker.deliveries[0], Delivery)


async def test_a_new_connection_owes_no_pubacks_of_the_former(bench: Bench) -> None:
    first = await bench.connect(epoch=1)
    bench.worker.before_ack = lambda batch: not batch.deliveries
    await bench.work()
    first.deliver(topic(1), b"old", 1)
    await eventually_async(lambda: bench.worker.deliveries)
    bench.uplink.disconnected()
    second = await bench.connect(epoch=2)
    bench.worker.before_ack = lambda _batch: True
    second.deliver(topic(1), b"again", 1, dup=True)
    await eventually_async(lambda: second.acknowledged == [1])
    assert first.acknowledged == []
    assert (entered(bench), bench.uplink.in_flight) == (1, 0), "in its epoch"


async def test_a_layer_that_is_down_loses_nothing(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    await bench.work()
    await eventually_async(lambda: len(bench.worker.batches) == 4)
    bench.backend.down = True
    for number in range(1, 101):
        connection.deliver(topic(number), b"", number)
    await asyncio.sleep(0)  # the uplink's turn
    bench.backend.down = False
    await eventually_async(lambda: len(connection.acknowledged) == 100, 15)
    assert len(bench.worker.deliveries) == 100


async def test_a_lost_batch_is_sent_again(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    lost = iter([True])
    take = bench.worker.take

    async def forgetful(batch: Any) -> None:
        if not (batch.deliveries and next(lost, False)):
            await take(batch)

    bench.worker.take = forgetful  # type: ignore[method-assign]
    await bench.work()
    for number in range(1, 51):
        connection.deliver(topic(0), b"%d" % number, number)
    await eventually_async(lambda: len(connection.acknowledged) == 50, 15)
    assert [one.payload for one in bench.worker.deliveries] == [b"%d" % n for n in range(1, 51)]
    assert "gap" in bench.worker.judgements or len(set(bench.worker.judgements)) == 1


async def test_a_worker_with_an_older_database_forces_a_new_epoch(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    await bench.work()
    connection.deliver(topic(0), b"", 1)
    await eventually_async(lambda: connection.acknowledged == [1])
    shard = bench.worker.batches[-1].shard
    for _ in range(5):
        bench.uplink.replied(Acks((LinkAck(shard, "g", 1, 1, gap=True),)))
    assert connection.lost.done()


async def test_draining_waits_for_what_is_in_hand(bench: Bench) -> None:
    connection = await bench.connect(epoch=1)
    connection.deliver(topic(1), b"", 1)
    assert not await bench.uplink.drain(0.05)
    await bench.work()
    assert await bench.uplink.drain(10)
    assert connection.acknowledged == [1]
    assert connection.paused


async def test_too_much_in_hand_stops_the_reading_until_half_is_gone(bench: Bench) -> None:
    """Mosquitto 2.0.11 sends more than it may."""
    connection = await bench.connect(epoch=1)
    sent = 0
    while not connection.paused:
        sent += 1
        connection.deliver(topic(sent), b"", sent)
    assert len(bench.uplink.order) == sent < MAX_IN_FLIGHT
    await bench.work()
    await eventually_async(lambda: not connection.paused, 30)
    await eventually_async(lambda: len(connection.acknowledged) == sent, 60)


async def test_qos_0_is_dropped_rather_than_left_to_pile_up_at_the_broker(bench: Bench) -> None:
    """However much there is of it, while the broker keeps to the limit for QoS 1."""
    connection = await bench.connect(epoch=1)
    for number in range(50_000):
        if number < OPTIONS.in_flight_limit:
            connection.deliver(topic(number), b"", number + 1)
        connection.deliver(topic(number, f"q{number % 900}"), b"", 0)
        if number % 1_000 == 0:
            await eventually_async(lambda: not bench.uplink._wake.is_set(), what="it has seen to them")
            assert not connection.paused
    assert bench.state.counters.dropped > 20_000
    await bench.work()
    await eventually_async(lambda: len(connection.acknowledged) == OPTIONS.in_flight_limit, 30)


async def test_reading_goes_on_when_all_that_was_under_way_is_confirmed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing more waits to leave."""
    monkeypatch.setattr(backpressure, "MAX_UNCONFIRMED", 64)
    connection = await bench.connect(epoch=1)
    await bench.work()
    await eventually_async(lambda: len(bench.worker.batches) == OPTIONS.shards)
    await bench.work_ends()
    for number in range(1, 129):
        connection.deliver(topic(number), b"1", number)
    await eventually_async(lambda: connection.paused and not any(link.queue for link in bench.uplink._links))
    await bench.work()
    await eventually_async(lambda: not connection.paused)
