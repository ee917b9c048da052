"""Markers on a real broker: what came across an outage, and how far the gateway is behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gateway_rig import MARKER_TOPIC, Rig, gateway_rig, numbered
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.service import Service
from tests.support.thorough import thorough
from tests.support.waiting import eventually_async


@pytest.fixture(params=["5", *thorough("3.1.1")])
async def rig(request: pytest.FixtureRequest, mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig for each MQTT version."""
    async with gateway_rig(mosquitto, redis, tmp_path, MQTT_VERSION=request.param) as made:
        yield made


def drained_ms(rig: Rig) -> int:
    """As stored."""
    with rig.database() as database:
        row = database.execute("SELECT drained_ms FROM mqtt_gateway_gatewayprocess").fetchone()
    return int(row[0]) if row else 0


async def drained_after(rig: Rig, ms: int, timeout_s: float = 30) -> None:
    """Wait until all that the broker had at that time is committed."""
    await eventually_async(lambda: drained_ms(rig) > ms, timeout_s, what="the gateway has caught up")


async def test_what_waited_for_the_gateway_is_late_and_what_follows_is_not(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await drained_after(rig, 0)
    await asyncio.to_thread(rig.gateway.terminate)
    await rig.publish(numbered(1_000))
    began_ms = time.time_ns() // 1_000_000
    await rig.start()
    await drained_after(rig, began_ms)
    await rig.publish(numbered(1, start=1_000))
    await rig.applied(1_001)
    late = {int(one.payload): one.late for one in rig.worker.deliveries}
    assert all(late[number] for number in range(1_000))
    assert not late[1_000]
    assert rig.gateway.count_lines("no markers|no marker of") == 0


async def test_what_a_killed_gateway_had_is_late_again_in_the_same_session(rig: Rig) -> None:
    rig.worker.before_ack = lambda batch: not batch.deliveries  # applied, but the gateway never hears of it
    rig.work()
    await rig.start()
    await eventually_async(lambda: drained_ms(rig) > 0)
    await rig.publish(numbered(2))  # no more batches than may be under way
    await rig.applied(2)
    assert not any(one.late or one.dup for one in rig.worker.deliveries)
    await asyncio.to_thread(rig.gateway.kill)
    rig.worker.before_ack = lambda _batch: True
    await rig.start()
    await rig.applied(4)
    assert all(one.late and one.dup for one in rig.worker.deliveries[2:])
    assert len({batch.session for batch in rig.worker.batches}) == 1
    assert len({batch.epoch for batch in rig.worker.batches}) == 2
    now_ms = time.time_ns() // 1_000_000
    await drained_after(rig, now_ms)
    await rig.publish(numbered(1, start=2))
    await rig.applied(5)
    assert not rig.worker.deliveries[-1].late
    again = [batch for batch in rig.worker.batches if any(one.dup for one in batch.deliveries)]
    assert {batch.connection_count for batch in again} == {0}, "redelivered ones are not new"


async def test_drained_stands_still_while_a_worker_holds_back(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await drained_after(rig, 0)
    rig.worker.before_ack = lambda batch: not batch.deliveries
    await rig.publish(numbered(2))
    await rig.applied(2)
    published_ms = time.time_ns() // 1_000_000
    await asyncio.to_thread(_see_markers, rig, 3)
    assert drained_ms(rig) <= published_ms
    rig.worker.before_ack = lambda _batch: True
    await drained_after(rig, published_ms + 4_000)


def _see_markers(rig: Rig, count: int) -> None:
    """Wait until the gateway has published so many: they come every 2 s."""
    with MqttClient(rig.mosquitto.port) as client:
        client.subscribe(MARKER_TOPIC)
        for _ in range(count):
            client.expect(MARKER_TOPIC)


async def test_a_status_is_confirmed_soon(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await drained_after(rig, 0)
    await rig.publish([("devices/demo/d0/status", b"offline")])
    await rig.applied(1)
    began_s = time.monotonic()
    await eventually_async(lambda: drained_ms(rig) >= rig.worker.deliveries[0].received_ms)
    assert time.monotonic() - began_s < 1
