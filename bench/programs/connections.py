"""MQTT 3.1.1 connections on raw sockets, packets by hand: cheap enough for thousands of devices in one process."""

import socket
from typing import Final

from tests.support.servers.mqtt_stream import packet, text

KEEP_ALIVE_S: Final = 60  # of devices
_TIMEOUT_S: Final = 120.0  # of a broker that reads nothing
_CONNACK, _PUBACK, _PINGRESP = 0x20, 0x40, 0xD0
_LENGTHS: Final = {_CONNACK: 4, _PUBACK: 4, _PINGRESP: 2}
PINGREQ, DISCONNECT = b"\xc0\x00", b"\xe0\x00"


class BrokerGoneError(Exception):
    """The broker closed the connection, or refused it."""


class Connection:
    """One connection.

    Attributes:
        connected: CONNACK has come.
    """

    __slots__ = ("_rest", "connected", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.connected = False
        self._rest = b""  # a packet that came in part

    def receive(self) -> int:
        """Read what there is; how many PUBACKs.

        Raises:
            BrokerGoneError: the broker closed, refused, or sent what nobody asked for.
        """
        data = self.socket.recv(65_536)
        if not data:
            raise BrokerGoneError("the broker closed a connection")
        data = self._rest + data
        whole = len(data) // 4
        if data[: whole * 4 : 4] == b"\x40" * whole:  # PUBACKs only, as mostly
            self._rest = data[whole * 4 :]
            return whole
        return self._various(data)

    def _various(self, data: bytes) -> int:
        pubacks = start = 0
        while start + (length := _LENGTHS.get(data[start], 0) if start < len(data) else 1) <= len(data):
            if not length or (data[start] == _CONNACK and data[start + 3]):
                raise BrokerGoneError(f"unexpected: {data[start : start + 8]!r}")
            self.connected |= data[start] == _CONNACK
            pubacks += data[start] == _PUBACK
            start += length
        self._rest = data[start:]
        return pubacks


def dialled(port: int, *packets: bytes) -> Connection:
    """A connection on which these packets are sent: a client may, before its CONNACK (MQTT-3.1.4)."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"".join(packets))
    return Connection(connection)


def connect_packet(client_id: str, will_topic: str) -> bytes:
    """CONNECT (MQTT-3.1): clean session, keep-alive, and a retained will ``offline`` at QoS 1."""
    flags = 0b0010_1110  # will retain, will QoS 1, will, clean session
    head = text(b"MQTT") + bytes((4, flags)) + KEEP_ALIVE_S.to_bytes(2)
    return packet(0x10, head + b"".join(text(part.encode()) for part in (client_id, will_topic, "offline")))


def birth_packet(topic: str) -> bytes:
    """PUBLISH ``online``, retained, QoS 1, packet id 1: nothing else is under way yet."""
    return packet(0x33, text(topic.encode()) + b"\x00\x01online")
