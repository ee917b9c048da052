"""The MQTT session against a broker that resets the connection."""

import asyncio
import contextlib
import socket
import struct
from typing import Final

import uvloop

from mqtt_gateway.broker import Outgoing
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.session import AiomqttConnection
from tests.support.waiting import eventually_async

_CONNACK: Final = b"\x20\x02\x00\x00"  # MQTT 3.1.1: accepted
_PUBLISH: Final = b"\x30\x04\x00\x01t!"
_RESET: Final = struct.pack("ii", 1, 0)  # close() then sends RST


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
    writer.write(_CONNACK + _PUBLISH * 2_000)
    await writer.drain()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _lose_a_connection() -> None:
    server = await asyncio.start_server(_burst_then_reset, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status, listener = Outgoing("causeway/status", b"offline", retain=True), _Listener()
    connection = AiomqttConnection(GatewayOptions(port=port, version="3.1.1"), status)
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
