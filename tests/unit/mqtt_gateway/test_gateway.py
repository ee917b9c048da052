"""A whole gateway process on stand-ins: start, deliver, command, stop."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.db import OperationalError

from bridge import wire
from bridge.names import gateway_channel
from mqtt_gateway import gateway
from mqtt_gateway.fakes import FakeBroker, FakeWorker
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import heartbeat
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import FiltersOverlapError, Former
from mqtt_gateway.rules.incident_reports import Report
from mqtt_gateway.status import gateway_status
from mqtt_gateway.uplink.uplink import Uplink
from runtime.database_clock import DatabaseNowMs
from tests.support.waiting import eventually_async
from tests.support.worlds.downlinks import command

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = GatewayOptions(name="g")


class Bench:
    def __init__(self) -> None:
        self.backend, self.broker, self.stop = InMemoryChannelLayer(), FakeBroker(), asyncio.Event()
        self.worker = FakeWorker(self.backend, OPTIONS.shards)
        self.tasks = [asyncio.ensure_future(self.worker.run())]
        self.running = self.run()

    def run(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(gateway.run(OPTIONS, self.stop, connect=self.broker, backend=self.backend))

    async def subscribed(self) -> Any:
        await eventually_async(lambda: self.broker.connections and self.broker.connections[-1].published)
        return self.broker.connections[-1]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.stop.set()
    with contextlib.suppress(BaseExceptionGroup):
        await made.running
    made.tasks[0].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await made.tasks[0]


async def row() -> GatewayProcess:
    return await GatewayProcess.objects.aget(key="g")


async def written(write: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Write beside the gateway. SQLite in shared memory doesn't wait for a table that is locked just now."""
    await eventually_async(write, retry_on=(OperationalError,))


async def test_up_and_down_stream(bench: Bench) -> None:
    connection = await bench.subscribed()
    connection.deliver("devices/demo/d1/telemetry", b"{}", 1)
    await eventually_async(lambda: connection.acknowledged == [1])
    order = command(1, "demo/d1", "c1", "reboot", b"{}", int(time.time() * 1000) + 60_000)
    await bench.backend.send(gateway_channel("g"), wire.pack(order))
    await eventually_async(lambda: bench.worker.published)
    assert bench.worker.published[0].ok


async def test_the_row_says_how_it_is(bench: Bench) -> None:
    connection = await bench.subscribed()
    connection.deliver("nonsense", b"", 1)
    await eventually_async(gateway_is_up)
    status = await asyncio.to_thread(gateway_status)
    assert status.gateways[0].filters == ("devices/#",)
    bench.stop.set()
    await bench.running
    written = await row()
    assert not written.broker_up
    assert written.counters["rejected"] == {"foreign_root": 1}


async def gateway_is_up() -> bool:
    return (await asyncio.to_thread(gateway_status)).broker_up


async def test_a_link_change_is_written_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await bench.subscribed()
    await eventually_async(gateway_is_up)
    monkeypatch.setattr(heartbeat, "BEAT_S", 3_600)
    await beaten_since(await row())  # from now on no beat comes by itself
    bench.broker.refusal = "gone fishing"
    connection.drop("connection lost")

    async def is_down() -> bool:
        return not (await row()).broker_up

    await eventually_async(is_down)


async def beaten_since(before: GatewayProcess) -> None:
    async def beaten() -> bool:
        return (await row()).beat_ms > before.beat_ms

    await eventually_async(beaten)


async def test_counters_go_on_after_a_restart(bench: Bench) -> None:
    (await bench.subscribed()).deliver("nonsense", b"", 1)
    bench.stop.set()
    await bench.running
    bench.stop.clear()
    bench.running = bench.run()
    await eventually_async(lambda: len(bench.broker.connections) == 2)
    (await bench.subscribed()).deliver("nonsense", b"", 1)
    bench.stop.set()
    await bench.running
    assert (await row()).counters["rejected"] == {"foreign_root": 2}


async def test_stopping_waits_for_what_is_in_hand(bench: Bench) -> None:
    connection = await bench.subscribed()
    for number in range(1, 101):
        connection.deliver(f"devices/demo/d{number}/telemetry", b"{}", number)
    bench.stop.set()
    await bench.running
    assert connection.acknowledged == list(range(1, 101))
    assert [message.payload for message in connection.published] == [b"online", b"offline"]
    assert connection.lost.result() == "closed"


# ---- two of them


async def test_who_loses_the_client_id_drops_its_connection_and_stands_by(bench: Bench) -> None:
    connection = await bench.subscribed()
    connection.deliver("nonsense", b"", 1)
    await written(lambda: GatewayProcess.objects.filter(key="g").aupdate(instance="another", beat_ms=DatabaseNowMs()))
    await eventually_async(connection.lost.done)
    assert [message.payload for message in connection.published] == [b"online"], "the other is online: no goodbye"
    assert not bench.running.done()
    order = command(1, "demo/d1", "c1", "reboot", b"{}", int(time.time() * 1000) + 60_000)
    await bench.backend.send(gateway_channel("g"), wire.pack(order))
    await written(lambda: GatewayProcess.objects.filter(key="g").aupdate(instance="another", beat_ms=DatabaseNowMs()))
    assert (len(bench.broker.connections), bench.worker.published) == (1, [])
    await written(
        lambda: GatewayProcess.objects.filter(key="g").aupdate(beat_ms=0, counters={"rejected": {"bad_name": 4}})
    )
    await eventually_async(lambda: len(bench.broker.connections) == 2)
    await eventually_async(lambda: bench.worker.published)  # it was left on the channel for whoever works
    bench.stop.set()
    await bench.running
    assert (await row()).counters["rejected"]["bad_name"] == 4, "what the other has counted goes on"
    assert (await row()).beat_ms == 0, "the next has it at once"


async def test_what_a_process_counted_before_it_lost_the_client_id_is_added_later() -> None:
    earlier = State(OPTIONS, Former({"dropped": 10}))
    earlier.counters.dropped += 5
    earlier.reports.add(Report("qos0_dropped", 1, 1, 5))
    later = State(OPTIONS, Former({"dropped": 100}))
    later.inherit(earlier)
    assert later.counters.dropped == 105
    assert [report.count for report in later.reports.take()] == [5]


async def test_overlapping_filters_end_it(bench: Bench) -> None:
    await bench.subscribed()
    other = replace(OPTIONS, name="other", topic_filters=("devices/a/#",))
    with pytest.raises(FiltersOverlapError, match=r"^GATEWAY_TOPIC_FILTERS: .* gateway 'g', which is running"):
        await gateway.run(other, asyncio.Event(), connect=FakeBroker(), backend=bench.backend)


async def test_a_neighbour_who_came_in_between_ends_it_too(bench: Bench) -> None:
    """Two that start at the same moment may not see each other at first."""
    connection = await bench.subscribed()
    await written(
        lambda: GatewayProcess.objects.acreate(key="other", name="other", beat_ms=DatabaseNowMs(), instance="x")
    )
    await written(
        lambda: BrokerSession.objects.acreate(gateway="other", broker=OPTIONS.broker, filters={"devices/a/#": False})
    )
    connection.drop("gone")
    with pytest.raises(FiltersOverlapError):
        await bench.running
    bench.running = asyncio.ensure_future(asyncio.sleep(0))


async def test_the_death_of_a_part_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(self: Uplink) -> None:
        raise AssertionError("a bug")

    bench.stop.set()
    await bench.running
    bench.stop.clear()
    monkeypatch.setattr(Uplink, "run", die)
    bench.running = bench.run()
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(bench.running, 10)
