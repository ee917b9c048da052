"""What a browser is told, read by dialect: device, number and time of each message.

A reader is one browser's end: it is given what comes in data frames, and sends what its protocol owes. Browsers that
watch the same receive the same texts but for the frame's number, so each is decoded once for all of them.

    causeway   {"n":…,"type":"delta","sub":…,"items":[{"device":…,"readings":[{"metrics":{"n":…,"t":…}}, …]}, …]}
    plain      {"device":…,"payload":{"n":…,"t":…}}
    mqtt       MQTT 3.1.1 in binary frames, as Mosquitto's WebSocket listener speaks it
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct

from bench.protocol import websocket
from tests.support.servers import mqtt_stream
from tests.support.servers.mqtt_stream import PUBACK, PUBLISH, packet, text

_ACK_FRAMES: Final = 64
_ACK_BYTES: Final = 256 * 1024  # as causeway_client.acks
_CONNACK, _SUBSCRIBE_FIRST, _SUBACK, _MQTT_311 = 2, 0x82, 9, 4
_MOST_TEXTS: Final = 1_000  # remembered
Send = Callable[[int, bytes], None]
"""(opcode, payload)"""
Message = tuple[str, int, int]
"""Device key, ``n``, ``t`` (µs of CLOCK_MONOTONIC when it was made)."""
Dialect = Literal["causeway", "plain", "mqtt"]


@dataclass(frozen=True)
class Endpoint:
    """Where a browser would listen."""

    url: str  # ``ws://127.0.0.1:…/…``
    headers: Mapping[str, str] = field(default_factory=dict)
    first: str = ""  # what to send first, to be told everything (of mqtt: the topic filter); "": nothing
    dialect: Dialect = "causeway"
    patience_s: float = 3.0  # nothing has come for so long: what is missing will not come


class ClosedError(Exception):
    """The server closed the connection, or said something that it must not."""


class _Metrics(Struct):
    n: int = -1
    t: int = 0


class _Reading(Struct):
    metrics: _Metrics


class _Item(Struct):
    device: str
    readings: list[_Reading] = []


class _Frame(Struct):
    type: str
    items: list[_Item] = []
    more: bool = False


class _Plain(Struct):
    device: str
    payload: _Metrics


_frame = msgspec.json.Decoder(_Frame).decode
_plain = msgspec.json.Decoder(_Plain).decode
_metrics = msgspec.json.Decoder(_Metrics).decode


@dataclass(frozen=True, eq=False)
class Text:
    """What one text says."""

    messages: Sequence[Message]
    type: str = "delta"  # of the frame
    whole: bool = False  # it is a snapshot's last page

    @cached_property
    def keys(self) -> list[int]:
        """A number drawn for each message, the same wherever the message is met."""
        return [hash((device, n)) for device, n, _ in self.messages]

    @cached_property
    def sum(self) -> int:
        """Of the keys: whoever received the same messages, in whatever texts, has the same sum."""
        return sum(self.keys)


@lru_cache(_MOST_TEXTS)
def _causeway_text(tail: bytes) -> Text:
    """From the comma after the frame's number on."""
    frame = _frame(b"{" + tail[1:])
    messages = [(item.device, one.metrics.n, one.metrics.t) for item in frame.items for one in item.readings]
    return Text(messages, frame.type, frame.type == "snapshot" and not frame.more)


@lru_cache(_MOST_TEXTS)
def _plain_text(data: bytes) -> Text:
    found = _plain(data)
    return Text([(found.device, found.payload.n, found.payload.t)])


class PlainReader:
    """Reads a message a frame; listens once the socket is open, and owes nothing. What readers have in common.

    Attributes:
        protocol: for the upgrade request.
        ready: it is subscribed, and has what there was before.
    """

    protocol = ""
    ready = True

    def __init__(self, send: Send, first: str) -> None:
        """The socket is open."""
        self._send = send
        if first:
            send(websocket.TEXT, first.encode())

    def read(self, payload: bytes) -> Text:
        """What came in a frame.

        Raises:
            ClosedError: the server said something that it must not.
        """
        return _plain_text(payload)

    def acknowledge(self) -> None:
        """Once a second: tell that all is handled, where the protocol wants that."""


class CausewayReader(PlainReader):
    """Acknowledges as the product's clients do."""

    def __init__(self, send: Send, first: str) -> None:
        super().__init__(send, first)
        self._n = self._acknowledged = self._owed_bytes = 0
        self.ready = False

    def read(self, payload: bytes) -> Text:
        comma = payload.index(b",")  # {"n":123,
        n = int(payload[5:comma])
        if n != self._n + 1:
            raise ClosedError(f"frame {n} after frame {self._n}")
        self._n = n
        found = _causeway_text(payload[comma:])
        if found.type == "error":
            raise ClosedError(payload.decode())
        self.ready = self.ready or found.whole
        self._owed_bytes += len(payload)
        if n - self._acknowledged >= _ACK_FRAMES or self._owed_bytes >= _ACK_BYTES:
            self.acknowledge()
        return found

    def acknowledge(self) -> None:
        if self._acknowledged < self._n:
            self._acknowledged, self._owed_bytes = self._n, 0
            self._send(websocket.TEXT, b'{"type":"ack","n":%d}' % self._n)


class MqttReader(PlainReader):
    """An MQTT 3.1.1 client that confirms each message (QoS 1) at once."""

    protocol = "mqtt"

    def __init__(self, send: Send, first: str) -> None:
        super().__init__(send, "")
        self._filter = first
        self._packets = mqtt_stream.Packets()
        self.ready = False
        send(websocket.BINARY, mqtt_stream.connect_packet("bench-recorder", keep_alive_s=0))

    def read(self, payload: bytes) -> Text:
        messages, confirmed = [], []
        for first, body in self._packets.feed(payload):
            kind = first >> 4
            if kind == PUBLISH:
                published = mqtt_stream.read_publish(first, body, _MQTT_311)
                metrics = _metrics(published.payload)
                messages.append(("/".join(published.topic.split("/")[1:3]), metrics.n, metrics.t))
                confirmed.append(packet(PUBACK << 4, published.packet_id.to_bytes(2)))
            elif kind == _CONNACK:
                self._send(websocket.BINARY, packet(_SUBSCRIBE_FIRST, b"\0\1" + text(self._filter.encode()) + b"\1"))
            self.ready = self.ready or kind == _SUBACK
        if confirmed:
            self._send(websocket.BINARY, b"".join(confirmed))
        return Text(messages)


READERS: Final[dict[Dialect, type[PlainReader]]] = {
    "causeway": CausewayReader,
    "plain": PlainReader,
    "mqtt": MqttReader,
}
