"""What a browser is told, read by dialect (``endpoint.Dialect``): device, number and time of each message.

A reader is given whole WebSocket messages, calls ``take`` for each MQTT message in them, and sends what its protocol
owes. Only the fields that are looked at are decoded.
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from bench.protocol import websocket
from bench.protocol.endpoint import Dialect
from tests.support.mqtt_stream import PUBACK, PUBLISH, Packets, connect_packet, packet, read_publish, text

_ACK_S: Final = 1.0
_ACK_FRAMES: Final = 64
_ACK_BYTES: Final = 256 * 1024  # as causeway_client.acks
_CONNACK, _SUBSCRIBE_FIRST, _SUBACK, _MQTT_311 = 2, 0x82, 9, 4
Take = Callable[[str, int, int], None]
"""(device key, n, t)"""
Send = Callable[[int, bytes], None]
"""(opcode, payload)"""


class ClosedError(Exception):
    """The server closed the connection, or said something that it must not."""


class Metrics(msgspec.Struct):
    """The metrics that a load's reading has; others are passed over."""

    n: int = -1
    t: int = 0


class Reading(msgspec.Struct):
    """One of a delta's item."""

    metrics: Metrics


class Item(msgspec.Struct):
    """One device's part of a delta."""

    device: str
    readings: list[Reading] = []


class Frame(msgspec.Struct):
    """A server frame (docs/websocket.md), as far as it is looked at."""

    type: str
    n: int
    items: list[Item] = []
    more: bool = False


class Plain(msgspec.Struct):
    """A message of the plain dialect."""

    device: str
    payload: Metrics


class CausewayReader:
    """Reads deltas; acknowledges as the product's clients do."""

    protocol = ""

    def __init__(self, send: Send, first: str) -> None:
        self._send = send
        self._decode = msgspec.json.Decoder(Frame).decode
        self._n = self._acknowledged = self._owed_bytes = 0
        self._at = time.monotonic()
        self.ready = False
        send(websocket.TEXT, first.encode())

    def read(self, payload: bytes, take: Take) -> None:
        frame = self._decode(payload)
        self._n += 1
        if frame.n != self._n:
            raise ClosedError(f"frame {self._n} is numbered {frame.n}")
        if frame.type == "delta":
            for item in frame.items:
                device = item.device
                for reading in item.readings:
                    take(device, reading.metrics.n, reading.metrics.t)
        elif frame.type == "snapshot" and not frame.more:
            self.ready = True
        elif frame.type == "error":
            raise ClosedError(payload.decode())
        self._owed_bytes += len(payload)
        if self._n - self._acknowledged >= _ACK_FRAMES or self._owed_bytes >= _ACK_BYTES:
            self.tick(at_once=True)

    def tick(self, *, at_once: bool = False) -> None:
        """Acknowledge what is due."""
        now = time.monotonic()
        if self._n > self._acknowledged and (at_once or now - self._at >= _ACK_S):
            self._acknowledged, self._owed_bytes, self._at = self._n, 0, now
            self._send(websocket.TEXT, b'{"type":"ack","n":%d}' % self._n)


class PlainReader:
    """Reads a message a frame; listens once the socket is open."""

    protocol = ""

    def __init__(self, send: Send, first: str) -> None:
        self._decode = msgspec.json.Decoder(Plain).decode
        self.ready = True
        if first:
            send(websocket.TEXT, first.encode())

    def read(self, payload: bytes, take: Take) -> None:
        message = self._decode(payload)
        take(message.device, message.payload.n, message.payload.t)

    def tick(self) -> None:
        """Nothing is owed."""


class MqttReader:
    """An MQTT 3.1.1 client that confirms each message (QoS 1)."""

    protocol = "mqtt"

    def __init__(self, send: Send, first: str) -> None:
        self._send = send
        self._packets = Packets()
        self._decode = msgspec.json.Decoder(Metrics).decode
        self._filter = first
        self.ready = False
        send(websocket.BINARY, connect_packet("bench-recorder", keep_alive_s=0))

    def read(self, payload: bytes, take: Take) -> None:
        confirmed = []
        for first, body in self._packets.feed(payload):
            kind = first >> 4
            if kind == PUBLISH:
                published = read_publish(first, body, _MQTT_311)
                metrics = self._decode(published.payload)
                take("/".join(published.topic.split("/")[1:3]), metrics.n, metrics.t)
                confirmed.append(packet(PUBACK << 4, published.packet_id.to_bytes(2)))
            elif kind == _CONNACK:
                self._send(websocket.BINARY, packet(_SUBSCRIBE_FIRST, b"\0\1" + text(self._filter.encode()) + b"\1"))
            self.ready = self.ready or kind == _SUBACK
        if confirmed:
            self._send(websocket.BINARY, b"".join(confirmed))

    def tick(self) -> None:
        """Nothing is owed."""


READERS: Final[dict[Dialect, type[CausewayReader | PlainReader | MqttReader]]] = {
    "causeway": CausewayReader,
    "plain": PlainReader,
    "mqtt": MqttReader,
}
