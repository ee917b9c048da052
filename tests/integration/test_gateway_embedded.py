"""The demo's embedded broker with the gateway attached, in one event loop as in the demo."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from amqtt.contexts import BaseContext
from amqtt.session import Session
from channels.layers import InMemoryChannelLayer

from mqtt_gateway import gateway
from mqtt_gateway.client.broker import ConnectError, Outgoing
from mqtt_gateway.client.session import AiomqttConnection
from mqtt_gateway.connection.protocol_version import understood
from mqtt_gateway.demo.embedded_broker import BrokerPortError, embedded_broker
from mqtt_gateway.demo.password import PasswordFromElsewhere
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


@pytest.mark.parametrize(
    ("connect", "answer"),
    [
        (b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04mine", b"\x20\x03\x00\x84\x00"),
        (b"\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x04mine", b"\x20\x02\x00\x01"),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
    ],
    ids=["MQTT 5", "MQTT 3.1", "HTTP"],
)
async def test_who_speaks_something_else_is_refused_in_its_own_words_and_the_log_says_so_once(
    connect: bytes, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    async with embedded_broker(port):
        for _ in range(3):
            assert await _answer(port, connect) == answer
    assert sum("this broker speaks MQTT 3.1.1" in line.getMessage() for line in caplog.records) == 1
    assert not [line for line in caplog.records if line.exc_info]


async def test_a_malformed_connect_ends_in_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    async with embedded_broker(port):
        assert await _answer(port, b"\x10\x0d\x00\x04MQTT\x04\xff" + b"\xff" * 6) == b""
    assert not [line for line in caplog.records if line.exc_info]


async def _answer(port: int, sent: bytes, host: str = "127.0.0.1") -> bytes:
    """What the broker says to these bytes before it hangs up; a reset is nothing."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(sent)
    writer.write_eof()
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_from_elsewhere_it_asks_for_the_password() -> None:
    """Of this machine's own addresses 127.0.0.1 needs none: how others are judged is seen by what they would show."""
    allowed = PasswordFromElsewhere(BaseContext())
    allowed.config = PasswordFromElsewhere.Config(password="secret")

    async def may(address: str, password: str | None) -> bool:
        session = Session()
        session.remote_address, session.password = address, password
        return await allowed.authenticate(session=session)

    assert await may("127.0.0.1", None)
    assert await may("192.0.2.7", "secret")
    assert not await may("192.0.2.7", "guessed")
    assert not await may("192.0.2.7", None)
    allowed.config = PasswordFromElsewhere.Config(password="")
    assert not await may("192.0.2.7", "")


async def test_it_also_listens_where_it_is_told_to() -> None:
    port = free_port()
    connect = b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04mine"
    async with embedded_broker(port, "127.0.0.2", "secret"):
        assert await _answer(port, connect)
        assert await _answer(port, connect, "127.0.0.2")
    async with embedded_broker(port, "0.0.0.0", "secret"):
        assert await _answer(port, connect, "127.0.0.2")


async def test_a_port_in_use_is_said_in_one_line(demo: Demo) -> None:
    with pytest.raises(BrokerPortError, match=rf"port {demo.port} of 127.0.0.1 can't be used: Address already in use"):
        async with embedded_broker(demo.port):
            pass


async def test_case_e7_a_broker_that_does_not_answer_mqtt_5_is_told_with_the_setting() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", port := free_port()):
        connection = AiomqttConnection(GatewayOptions(port=port, client_id="five"), Outgoing("a", b"offline"))
        with pytest.raises(ConnectError, match=r"timed out .*set MQTT_VERSION=3\.1\.1"):
            await asyncio.wait_for(connection.open(Nobody()), 12)


async def test_case_e7_the_demos_broker_refuses_mqtt_5_and_is_spoken_to_in_3_1_1_from_then_on() -> None:
    port, told = free_port(), list[str]()
    options = GatewayOptions(port=port, client_id="five", version="5")
    connect = understood(AiomqttConnection, told.append)
    async with embedded_broker(port):
        with pytest.raises(ConnectError, match=r"unsupported protocol version: .*set MQTT_VERSION=3\.1\.1"):
            await connect(options, Outgoing("a", b"offline")).open(Nobody())
        somebody = Somebody()
        connection = connect(options, Outgoing("a", b"offline"))
        await asyncio.wait_for(connection.open(somebody), 12)
        await asyncio.wait_for(somebody.is_open.wait(), 10)
        await connection.close()
    assert told == ["MQTT 3.1.1"]


class Nobody:
    """A listener that hears nothing: no connection comes about."""

    def opened(self, *, session_present: bool) -> None:
        raise AssertionError(session_present)

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        raise AssertionError(topic)


class Somebody(Nobody):
    """A listener that learns of its connection."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()

    def opened(self, *, session_present: bool) -> None:
        assert not session_present
        self.is_open.set()
