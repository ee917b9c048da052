"""What a browser takes from each dialect, and what it owes to its server."""

import json
from typing import Any

import pytest

from bench.protocol import websocket
from bench.protocol.dialects import CausewayReader, ClosedError, MqttReader, PlainReader
from tests.support.servers.mqtt_stream import PUBLISH, Packets, packet, text


class Server:
    """What was sent to it, and what was taken of what it said."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.taken: list[tuple[str, int, int]] = []

    def send(self, opcode: int, payload: bytes) -> None:
        self.sent.append((opcode, payload))

    def tell(self, reader: PlainReader, payload: bytes) -> None:
        self.taken += reader.read(payload).messages


@pytest.fixture
def server() -> Server:
    return Server()


def delta(n: int, *items: dict[str, Any]) -> bytes:
    return json.dumps({"n": n, "type": "delta", "sub": "1", "items": items}, separators=(",", ":")).encode()


def item(device: str, *numbers: int) -> dict[str, Any]:
    readings = [{"rev": n, "ts": 1, "metrics": {"n": n, "t": n * 10, "pad": "x"}} for n in numbers]
    return {"device": device, "prev": 0, "rev": 1, "readings": readings, "presence": {"status": "online"}}


def test_causeway_readings_of_all_items(server: Server) -> None:
    reader = CausewayReader(server.send, "{}")
    assert server.sent == [(websocket.TEXT, b"{}")]
    server.tell(reader, b'{"n":1,"type":"link","broker":"up"}')
    server.tell(reader, b'{"n":2,"type":"snapshot","more":true,"devices":[{"device":"s/d0","rev":1}]}')
    assert [reader.ready] == [False]  # in a list: mypy believes that it stays so
    server.tell(reader, b'{"n":3,"type":"snapshot","more":false,"devices":[]}')
    assert reader.ready
    server.tell(
        reader, delta(4, item("s/d0", 1, 2), {"device": "s/d1", "prev": 1, "rev": 2, "tags": []}, item("s/d2", 3))
    )
    assert server.taken == [("s/d0", 1, 10), ("s/d0", 2, 20), ("s/d2", 3, 30)]


def test_causeway_acknowledges_by_count_and_by_size(server: Server) -> None:
    reader = CausewayReader(server.send, "{}")
    for n in range(1, 65):
        server.tell(reader, delta(n))
    assert server.sent[1:] == [(websocket.TEXT, b'{"type":"ack","n":64}')]
    server.tell(reader, delta(65, {**item("s/d0", 1), "pad": "x" * 300_000}))
    assert server.sent[2:] == [(websocket.TEXT, b'{"type":"ack","n":65}')]


@pytest.mark.parametrize(
    "payload", [b'{"n":2,"type":"delta","items":[]}', b'{"n":1,"type":"error","id":"1","code":"forbidden"}']
)
def test_causeway_frames_that_must_not_be(server: Server, payload: bytes) -> None:
    with pytest.raises(ClosedError):
        CausewayReader(server.send, "{}").read(payload)


def test_plain(server: Server) -> None:
    reader = PlainReader(server.send, "")
    assert reader.ready
    assert not server.sent
    server.tell(reader, b'{"device":"bench/d7","payload":{"n":5,"t":6,"pad":"x"}}')
    assert server.taken == [("bench/d7", 5, 6)]


def test_mqtt_subscribes_takes_and_confirms(server: Server) -> None:
    reader = MqttReader(server.send, "devices/#")
    server.tell(reader, b"\x20\x02\x00\x00")
    assert [reader.ready] == [False]
    server.tell(reader, b"\x90\x03\x00\x01\x01")
    assert reader.ready
    body = text(b"devices/bench/d3/telemetry") + b"\x01\x02" + b'{"n":  4,"t": 5}'
    server.tell(reader, packet(PUBLISH << 4 | 2, body)[:9])
    server.tell(reader, packet(PUBLISH << 4 | 2, body)[9:])
    assert server.taken == [("bench/d3", 4, 5)]
    (first, _), (second, subscribe) = Packets().feed(server.sent[0][1] + server.sent[1][1])
    assert (first, second, subscribe) == (0x10, 0x82, b"\0\1" + text(b"devices/#") + b"\1")
    assert server.sent[2:] == [(websocket.BINARY, b"\x40\x02\x01\x02")]
