"""The demo's embedded broker with the gateway attached, in one event loop as in the demo."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from mqtt_gateway import gateway
from mqtt_gateway.demo.embedded_broker import BrokerPortError, embedded_broker
from mqtt_gateway.fakes import FakeWorker
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.simulator import SimulatorOptions, simulate
from mqtt_gateway.status import gateway_status
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.ports import free_port
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

SHARDS = 4


@dataclass
class Demo:
    """What runs."""

    port: int
    worker: FakeWorker
    backend: Any


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    """Broker, gateway and a stand-in for the workers."""
    port, backend, stop = free_port(), InMemoryChannelLayer(capacity=2_000), asyncio.Event()
    options = GatewayOptions(port=port, version="3.1.1", shards=SHARDS, broker_keeps_sessions=False)
    made = Demo(port, FakeWorker(backend, SHARDS), backend)
    async with embedded_broker(port):
        working = asyncio.ensure_future(made.worker.run())
        running = asyncio.ensure_future(gateway.run(options, stop, backend=backend))

        async def up() -> bool:
            return (await asyncio.to_thread(gateway_status)).broker_up

        await eventually_async(up)
        yield made
        stop.set()
        await running
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


def _burst(port: int, count: int) -> None:
    from paho.mqtt.enums import MQTTProtocolVersion

    with MqttClient(port, version=MQTTProtocolVersion.MQTTv311) as client:
        client.publish_all((f"devices/demo/d{n % 5}/telemetry", b"%d" % n) for n in range(count))


async def test_a_burst_of_5000_arrives_once_and_in_order(demo: Demo) -> None:
    await asyncio.to_thread(_burst, demo.port, 5_000)
    await eventually_async(lambda: len(demo.worker.deliveries) >= 5_000, 60)
    for device in range(5):
        got = [one.payload for one in demo.worker.deliveries if one.source == f"demo/d{device}"]
        assert got == [b"%d" % n for n in range(device, 5_000, 5)]


async def test_it_carries_a_hundred_devices(demo: Demo) -> None:
    stop = asyncio.Event()
    options = SimulatorOptions(port=demo.port, devices=100, rate=1, seed=1)
    fleet = asyncio.ensure_future(simulate(options, stop))

    def devices(kind: str) -> int:
        return len({one.source for one in demo.worker.deliveries if one.kind == kind})

    await eventually_async(lambda: devices("telemetry") == 100, 30)
    assert devices("state") == 100
    assert devices("status") == 100
    stop.set()
    await fleet
    last = {one.source: one.payload for one in demo.worker.deliveries if one.kind == "status"}
    await eventually_async(
        lambda: (
            {one.source: one.payload for one in demo.worker.deliveries if one.kind == "status"}
            == dict.fromkeys(last, b"offline")
        )
    )


async def test_its_lag_is_known(demo: Demo) -> None:
    async def lag_ms() -> int | None:
        return (await asyncio.to_thread(gateway_status)).gateways[0].lag_ms

    async def is_small() -> bool:
        return (await lag_ms() or 1e9) < 5_000

    await eventually_async(is_small)


async def test_a_port_in_use_is_said_in_one_line(demo: Demo) -> None:
    with pytest.raises(BrokerPortError, match=rf"port {demo.port} of 127.0.0.1 can't be used: Address already in use"):
        async with embedded_broker(demo.port):
            pass
