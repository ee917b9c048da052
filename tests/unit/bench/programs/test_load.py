"""The load generator against a broker's end of the socket, played here: what it sends, and how far it goes."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import NamedTuple

import pytest

from bench.programs import load
from bench.programs.connections import BrokerGoneError
from bench.programs.load import Generator
from bench.protocol.packets import Packets, Plan


class Published(NamedTuple):
    qos: int
    topic: str
    packet_id: int
    payload: bytes


class FakeBroker:
    """Accepts one client; confirms every QoS 1 message, in PUBACKs cut at odd places."""

    def __init__(self, connack: bytes = b"\x20\x02\x00\x00") -> None:
        self.published: list[Published] = []
        self._connack = connack
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as stream:
            assert stream.read(14) == b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
            connection.sendall(self._connack)
            while (first := stream.read(1)) not in {b"", b"\xe0"}:
                self._take(first[0], stream.read(_remaining_length(stream)), connection)

    def _take(self, first: int, body: bytes, connection: socket.socket) -> None:
        qos, end = first >> 1 & 3, 2 + int.from_bytes(body[:2])
        start = end + 2 * qos
        packet_id = int.from_bytes(body[end:start])
        self.published.append(Published(qos, body[2:end].decode(), packet_id, body[start:]))
        if qos:
            puback = b"\x40\x02" + packet_id.to_bytes(2)
            connection.sendall(puback[:3])
            connection.sendall(puback[3:])


def _remaining_length(stream: BufferedReader) -> int:
    length, shift = 0, 0
    while True:
        (byte,) = stream.read(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length


@contextmanager
def broker(connack: bytes = b"\x20\x02\x00\x00") -> Iterator[FakeBroker]:
    fake = FakeBroker(connack)
    try:
        yield fake
    finally:
        fake.close()


def test_each_device_counts_its_own_messages_and_ids_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "WINDOW", 2)
    with broker() as fake, Generator(Plan(port=fake.port, devices=3)) as generator:
        outcome = generator.run(messages=10)
    assert (outcome.sent, outcome.confirmed, outcome.unconfirmed) == (10, 10, 0)
    assert [json.loads(one.payload)["n"] for one in fake.published] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert [one.topic for one in fake.published[:4]] == [
        f"devices/bench/d{number}/telemetry" for number in (0, 1, 2, 0)
    ]
    assert [one.packet_id for one in fake.published] == list(range(1, 11))


@pytest.mark.parametrize("sent", [0, 1, 7, 13, 300])
def test_whoever_knows_the_count_knows_the_last_number_of_each_device(sent: int) -> None:
    with broker() as fake, Generator(Plan(port=fake.port, devices=5, qos0=2)) as generator:
        generator.run(messages=sent)
    plan = generator.plan
    assert len(set(plan.names)) == plan.total_devices == 7
    last = {name: plan.last(index, sent) for index, name in enumerate(plan.names)}
    seen = dict.fromkeys(plan.names, -1)
    seen.update({one.topic.split("/")[2]: json.loads(one.payload)["n"] for one in fake.published})
    assert last == seen
    assert Counter(one.qos for one in fake.published)[0] == sum(last[name] + 1 for name in ("q0", "q1"))


def test_a_payload_may_hold_several_readings_a_second_apart_and_text() -> None:
    plan = Plan(port=0, devices=1, readings=3, start_ms=1_700_000_000_000, padding=200)
    with broker() as fake, Generator(Plan(**{**plan.__dict__, "port": fake.port})) as generator:
        generator.run(messages=2)
    readings = [one for published in fake.published for one in json.loads(published.payload)]
    assert [one["n"] for one in readings] == list(range(6))
    assert [one["ts"] - plan.start_ms for one in readings] == [n * 1000 for n in range(6)]
    assert {len(one["text"]) for one in readings} == {200}
    assert plan.last(0, 2) == 5


def test_it_goes_on_from_where_another_stopped() -> None:
    with broker() as fake, Generator(Plan(port=fake.port, devices=2)) as generator:
        assert generator.run(first=4, messages=6).sent == 2
    assert [json.loads(one.payload)["n"] for one in fake.published] == [2, 2]


def test_it_stops_at_its_limit_and_at_its_rate() -> None:
    with broker() as fake, Generator(Plan(port=fake.port)) as generator:
        generator.limit = 5
        assert generator.run(seconds=0.05).sent == 5
    with broker() as fake, Generator(Plan(port=fake.port)) as generator:
        outcome = generator.run(messages=20, rate=100)
    assert outcome.seconds > 0.18


def test_a_broker_that_refuses_is_told() -> None:
    with broker(b"\x20\x02\x00\x05") as fake, pytest.raises(BrokerGoneError), Generator(Plan(port=fake.port)):
        pass


def test_payloads_of_a_size_with_the_time_of_their_encoding() -> None:
    begun_us = time.monotonic_ns() // 1000
    with broker() as fake, Generator(Plan(port=fake.port, devices=3, size=120, stamp=True)) as generator:
        generator.run(messages=7)
    ended_us = time.monotonic_ns() // 1000
    assert {len(one.payload) for one in fake.published} == {120}
    payloads = [json.loads(one.payload) for one in fake.published]
    assert [one["n"] for one in payloads] == [0, 0, 0, 1, 1, 1, 2]
    assert all(begun_us <= one["t"] <= ended_us for one in payloads)


def test_packet_ids_begin_again_after_the_last() -> None:
    packets = Packets(Plan(port=0, devices=1))
    first, count = packets.encode(0, 65_535)
    second, _ = packets.encode(65_535, 2)
    size = len(second) // 2
    ids = [
        int.from_bytes(data[at - 16 - 2 : at - 16])
        for data in (first, second)
        for at in range(size, len(data) + 1, size)
    ]
    assert count == 65_535
    assert ids == [*range(1, 65_536), 1, 2]
