"""What a browser is told, read by dialect (``endpoint.Dialect``): device, number and time of each message.

A dialect is one browser's end: it is given what comes in data frames, and sends what its protocol owes. Browsers that
watch the same receive the same texts but for the frame's number, so what they say is remembered for all of them.

    Causeway   {"n":…,"type":"delta","sub":…,"items":[{"device":…,"readings":[{"metrics":{"n":…,"t":…}}, …]}, …]}
    plain      {"device":…,"payload":{"n":…,"t":…}}
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from bench.protocol import websocket
from bench.protocol.endpoint import Dialect
from tests.support.servers.mqtt_stream import PUBACK, PUBLISH, Packets, connect_packet, packet, read_publish, text

_ACK_FRAMES: Final = 64
_ACK_BYTES: Final = 256 * 1024  # as causeway_client.acks
_CONNACK, _SUBSCRIBE_FIRST, _SUBACK, _MQTT_311 = 2, 0x82, 9, 4
_MOST_TEXTS: Final = 1_000  # remembered; beyond, the oldest are decoded anew
_SUM_MASK: Final = 2**62 - 1
Send = Callable[[int, bytes], None]
"""(opcode, payload)"""
Message = tuple[str, int, int]
"""Device key, ``n``, ``t`` (µs of CLOCK_MONOTONIC when it was made)."""


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
    device: str = ""
    payload: _Metrics | None = None


class Text:
    """What one text says.

    Attributes:
        type: of the frame.
        messages: of devices.
        whole: it is a snapshot's last page.
    """

    def __init__(self, kind: str, messages: Sequence[Message], *, whole: bool = False) -> None:
        self.type, self.messages, self.whole = kind, messages, whole

    @cached_property
    def keys(self) -> list[int]:
        """A number drawn for each message, the same wherever the message is met."""
        return [hash((device, n)) & _SUM_MASK for device, n, _ in self.messages]

    @cached_property
    def sum(self) -> int:
        """Of the keys: whoever received the same messages, in whatever texts, has the same sum."""
        return sum(self.keys)


class _Texts:
    """Decodes each distinct text once."""

    def __init__(self, decode: Callable[[bytes], Text]) -> None:
        self._decode = decode
        self._texts: dict[bytes, Text] = {}
        self._last, self._last_text = b"", Text("", ())

    def __call__(self, data: bytes) -> Text:
        if data != self._last:  # mostly the next browser's turn to receive the same
            self._last, self._last_text = data, self._texts.get(data) or self._learn(data)
        return self._last_text

    def _learn(self, data: bytes) -> Text:
        if len(self._texts) >= _MOST_TEXTS:
            del self._texts[next(iter(self._texts))]
        found = self._texts[data] = self._decode(data)
        return found


_frame = msgspec.json.Decoder(_Frame).decode
_plain = msgspec.json.Decoder(_Plain).decode
_metrics = msgspec.json.Decoder(_Metrics).decode


def _causeway_text(tail: bytes) -> Text:
    """From the comma after the frame's number on."""
    frame = _frame(b"{" + tail[1:])
    messages = [(item.device, one.metrics.n, one.metrics.t) for item in frame.items for one in item.readings]
    return Text(frame.type, messages, whole=frame.type == "snapshot" and not frame.more)


def _plain_text(data: bytes) -> Text:
    found = _plain(data)
    return Text("delta", [(found.device, found.payload.n, found.payload.t)]) if found.payload else Text("other", ())


class Reader(Protocol):
    """One browser's end.

    Attributes:
        protocol: for the upgrade request.
        ready: it is subscribed, and has what there was before.
    """

    protocol: str
    ready: bool

    def __init__(self, send: Send, first: str) -> None:
        """The socket is open."""

    def read(self, payload: bytes) -> Text:
        """What came in a frame.

        Raises:
            ClosedError: the server said something that it must not.
        """

    def acknowledge(self) -> None:
        """Once a second: tell that all is handled, where the protocol wants that."""


class CausewayReader:
    """Acknowledges as the product's clients do."""

    protocol = ""
    _texts = _Texts(_causeway_text)

    def __init__(self, send: Send, first: str) -> None:
        self._send = send
        self._n = self._acknowledged = self._owed_bytes = 0
        self.ready = False
        if first:
            send(websocket.TEXT, first.encode())

    def read(self, payload: bytes) -> Text:
        comma = payload.index(b",")  # {"n":123,
        n = int(payload[5:comma])
        if n != self._n + 1:
            raise ClosedError(f"frame {n} after frame {self._n}")
        self._n = n
        found = self._texts(payload[comma:])
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


class PlainReader:
    """Reads a message a frame; listens once the socket is open, and owes nothing."""

    protocol = ""
    _texts = _Texts(_plain_text)

    def __init__(self, send: Send, first: str) -> None:
        self.ready = True
        if first:
            send(websocket.TEXT, first.encode())

    def read(self, payload: bytes) -> Text:
        return self._texts(payload)

    def acknowledge(self) -> None:
        """Nothing is owed."""


class MqttReader:
    """An MQTT 3.1.1 client that confirms each message (QoS 1) at once."""

    protocol = "mqtt"

    def __init__(self, send: Send, first: str) -> None:
        self._send, self._filter = send, first
        self._packets = Packets()
        self.ready = False
        send(websocket.BINARY, connect_packet("bench-recorder", keep_alive_s=0))

    def read(self, payload: bytes) -> Text:
        messages: list[Message] = []
        confirmed = []
        for first, body in self._packets.feed(payload):
            kind = first >> 4
            if kind == PUBLISH:
                published = read_publish(first, body, _MQTT_311)
                metrics = _metrics(published.payload)
                messages.append(("/".join(published.topic.split("/")[1:3]), metrics.n, metrics.t))
                confirmed.append(packet(PUBACK << 4, published.packet_id.to_bytes(2)))
            elif kind == _CONNACK:
                self._send(websocket.BINARY, packet(_SUBSCRIBE_FIRST, b"\0\1" + text(self._filter.encode()) + b"\1"))
            self.ready = self.ready or kind == _SUBACK
        if confirmed:
            self._send(websocket.BINARY, b"".join(confirmed))
        return Text("delta", messages)

    def acknowledge(self) -> None:
        """Nothing is owed."""


READERS: Final[dict[Dialect, type[Reader]]] = {"causeway": CausewayReader, "plain": PlainReader, "mqtt": MqttReader}
