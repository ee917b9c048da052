"""The MQTT session against a broker that resets the connection, or has much to say before it answers."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
import uvloop

from mqtt_gateway.client import session
from mqtt_gateway.client.broker import SESSION_TAKEN_OVER, ConnectError, Outgoing
from mqtt_gateway.client.session import AiomqttConnection
from mqtt_gateway.options import GatewayOptions
from tests.support.waiting import eventually_async

_CONNACK: Final = b"\x20\x02\x00\x00"  # MQTT 3.1.1: accepted
_PUBLISH: Final = b"\x30\x04\x00\x01t!"
_SUBSCRIBE: Final = 0x82
_SUBACK: Final = b"\x90\x03\x00\x01\x01"
_PINGREQ, _PINGRESP = b"\xc0\x00", b"\xd0\x00"
_RESET: Final = struct.pack("ii", 1, 0)  # close() then sends RST

Broker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Listener:
    """Counts deliveries."""

    def __init__(self) -> None:
        self.delivered_count = 0

    def opened(self, *, session_present: bool) -> None:
        assert not session_present

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        self.delivered_count += 1


async def _burst_then_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, send more than is read in one turn, and reset: the rest is read by nobody."""
    await reader.read(1024)
    writer.write(_CONNACK + _PUBLISH * 50_000)
    await writer.drain()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _lose_a_connection() -> None:
    server = await asyncio.start_server(_burst_then_reset, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status, listener = Outgoing("causeway/status", b"offline", retain=True), _Listener()
    connection = AiomqttConnection(GatewayOptions(port=port, client_id="g", version="3.1.1"), status)
    await connection.open(listener)

    def is_lost() -> bool:
        connection.publish(status)
        connection.resume()
        return connection.lost.done()

    await eventually_async(is_lost, what="the loss is noticed")
    await connection.close()
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 1)


def test_a_reset_by_the_broker_ends_the_connection_and_nothing_else() -> None:
    for _ in range(5):  # how far the reader came when the reset arrived is chance
        uvloop.run(_lose_a_connection())


class _SlowBroker:
    """Accepts; publishes for a while before it answers anything but a PINGREQ; counts those."""

    def __init__(self, messages: int, *, answers: bool = True) -> None:
        self.pings = 0
        self._messages, self._answers = messages, answers

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(_CONNACK)
        with contextlib.suppress(OSError):
            while data := await reader.read(1024):
                if data == _PINGREQ:
                    self.pings += 1
                    writer.write(_PINGRESP)
                elif data[0] == _SUBSCRIBE:
                    for _ in range(self._messages):
                        writer.write(_PUBLISH)
                        await asyncio.sleep(0.05)
                    writer.write(_SUBACK if self._answers else b"")
        writer.close()


@contextlib.asynccontextmanager
async def _connected(broker: Broker, listener: _Listener) -> AsyncIterator[AiomqttConnection]:
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = GatewayOptions(port=port, client_id="g", version="3.1.1", keepalive_s=1)
    connection = AiomqttConnection(options, Outgoing("causeway/status", b"offline"))
    await connection.open(listener)
    yield connection
    await connection.close()
    server.close()


async def test_a_connection_that_is_not_read_stays_and_is_read_again() -> None:
    broker, listener = _SlowBroker(5), _Listener()
    async with _connected(broker, listener) as connection:
        connection.pause()
        await eventually_async(lambda: broker.pings >= 4, 15, what="it pings on")
        assert not connection.lost.done()
        connection.resume()
        await connection.subscribe(["t"])
        assert listener.delivered_count == 5


@pytest.mark.parametrize("paused", [False, True])
async def test_an_answer_is_awaited_while_there_is_something_before_it(
    monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    monkeypatch.setattr(session, "_ANSWER_S", 0.2)
    listener = _Listener()
    async with _connected(_SlowBroker(20), listener) as connection:
        if paused:
            connection.pause()
            asyncio.get_running_loop().call_later(0.7, connection.resume)
        await connection.subscribe(["t"])
        assert listener.delivered_count == 20


async def test_a_silent_broker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ANSWER_S", 0.2)
    async with _connected(_SlowBroker(3, answers=False), _Listener()) as connection:
        with pytest.raises(ConnectError, match="no answer in time"):
            await connection.subscribe(["t"])


class _Recorder(_Listener):
    """Notes packet ids; pauses the connection at one of them."""

    def __init__(self, pause_at: int) -> None:
        super().__init__()
        self.packet_ids: list[int] = []
        self.connection: AiomqttConnection | None = None
        self._pause_at = pause_at

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        self.packet_ids.append(packet_id)
        if packet_id == self._pause_at:
            assert self.connection is not None
            self.connection.pause()


class _Burst:
    """Accepts; answers SUBSCRIBE with so many QoS 1 deliveries and the SUBACK in one piece; keeps what comes then."""

    def __init__(self, messages: int) -> None:
        self.received = b""
        self._burst = b"".join(b"\x32\x06\x00\x01t%b!" % struct.pack(">H", n) for n in range(1, messages + 1))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(_CONNACK)
        await reader.read(1024)
        writer.write(self._burst + _SUBACK)
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                self.received += data
        writer.close()


async def test_a_pause_holds_what_was_read_already_and_nothing_is_lost_or_overtaken() -> None:
    broker, listener = _Burst(100), _Recorder(pause_at=10)
    async with _connected(broker, listener) as connection:
        listener.connection = connection
        subscribing = asyncio.ensure_future(connection.subscribe(["t"]))
        await eventually_async(lambda: len(listener.packet_ids) >= 10, what="it pauses")
        await eventually_async(lambda: broker.received.endswith(_PINGREQ), what="it pings on")
        assert listener.packet_ids == list(range(1, 11))
        assert not subscribing.done(), "the SUBACK waits behind the deliveries"
        connection.resume()
        await subscribing
        assert listener.packet_ids == list(range(1, 101))


async def test_acknowledgements_leave_together_and_in_order() -> None:
    broker, listener = _Burst(300), _Recorder(pause_at=0)
    async with _connected(broker, listener) as connection:
        await connection.subscribe(["t"])
        connection.acknowledge(listener.packet_ids[:100])
        connection.acknowledge([])
        connection.acknowledge(listener.packet_ids[100:])
        await eventually_async(lambda: len(broker.received) >= 1_200, what="all PUBACKs arrive")
        assert broker.received == b"".join(b"\x40\x02" + struct.pack(">H", n) for n in range(1, 301))


async def test_what_the_protocol_forbids_ends_the_connection_with_a_reason() -> None:
    async def forbidden(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(_CONNACK)
        await reader.read(1024)
        writer.write(b"\x34\x06\x00\x01t\x00\x01!" + _PUBLISH)  # QoS 2
        writer.close()

    listener = _Listener()
    async with _connected(forbidden, listener) as connection:
        with pytest.raises(ConnectError, match="QoS 2"):
            await connection.subscribe(["t"])
        assert listener.delivered_count == 0


async def test_case_e1_a_session_that_is_taken_over_is_told_as_that() -> None:
    async def taken_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"\x20\x03\x00\x00\x00")  # CONNACK
        await reader.read(1024)
        writer.write(b"\xe0\x02\x8e\x00")  # DISCONNECT: session taken over
        writer.close()

    server = await asyncio.start_server(taken_over, "127.0.0.1", 0)
    options = GatewayOptions(port=server.sockets[0].getsockname()[1], client_id="s")
    connection = AiomqttConnection(options, Outgoing("causeway/status", b"offline"))
    async with asyncio.timeout(20):
        await connection.open(_Listener())
        with pytest.raises(ConnectError, match=SESSION_TAKEN_OVER):
            await connection.subscribe(["t"])
        assert await connection.lost == SESSION_TAKEN_OVER
        await connection.close()
    server.close()
