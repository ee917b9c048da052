"""Frames written past ASGI's send: in order with everything else, whatever the client does, on a real Daphne."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from runtime.http.daphne_frames import Writer
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.waiting import eventually
from tests.unit.runtime.http.frames_app import text

EDGES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]  # of the three kinds of length, RFC 6455 5.2


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    options = ["-b", "127.0.0.1", "-p", str(port), "tests.unit.runtime.http.frames_app:application"]
    process = Process("frames", [sys.executable, "-m", "daphne", *options], {}, tmp_path_factory.mktemp("d") / "log")
    process.start()
    yield port
    end_all([process])


@contextlib.contextmanager
def connected(port: int) -> Iterator[ClientConnection]:
    socket = eventually(lambda: connect(f"ws://127.0.0.1:{port}/", max_size=None, proxy=None))
    with socket:
        yield socket


def ask(socket: ClientConnection, how: str, sizes: list[int], **more: Any) -> None:
    socket.send(json.dumps({"how": how, "sizes": sizes, **more}))


def test_texts_of_all_sizes_arrive_as_they_are(port: int) -> None:
    with connected(port) as socket:
        ask(socket, "write", EDGES)
        assert [socket.recv(10) for _ in EDGES] == [text(number, size) for number, size in enumerate(EDGES)]


def test_what_is_written_and_what_is_sent_keep_their_order(port: int) -> None:
    with connected(port) as socket:
        for index in range(200):
            ask(socket, ("write", "send")[index % 2], [10, 70_000, 10])
        got = [str(socket.recv(10)).split()[0] for _ in range(600)]
        assert got == [str(number) for number in range(600)]


def test_a_client_that_does_not_read_loses_nothing_and_pings_are_answered_in_between(port: int) -> None:
    sizes = [30_000] * 1_000  # 30 MB: no system buffers as much
    with connected(port) as socket:
        ask(socket, "write", sizes)
        pong = socket.ping()
        ask(socket, "write", [10])
        got = [str(socket.recv(10)).split()[0] for _ in range(1_001)]
        assert got == [str(number) for number in range(1_001)]
        assert pong.wait(10)
        ask(socket, "write", [10])  # straight to the socket again
        assert str(socket.recv(10)).split()[0] == "1001"


@pytest.mark.parametrize("sizes", [[10], [30_000] * 500])
def test_a_close_comes_after_what_was_written_before_and_ends_it(port: int, sizes: list[int]) -> None:
    with connected(port) as socket:
        ask(socket, "write", sizes, close=True)
        got = [str(socket.recv(10)).split()[0] for _ in sizes]
        assert got == [str(number) for number in range(len(sizes))]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4000


class Transport:
    """Twisted's, as far as a Writer goes: takes ``room`` bytes at once and keeps the rest until ``drain``."""

    def __init__(self, *, room: int, waiting: bytes = b"") -> None:
        self.room, self.gone, self.waiting = room, b"", waiting
        self.producer: Any = None

    def writeSomeData(self, data: bytes) -> int | Exception:  # noqa: N802  Twisted's name
        assert not self.waiting, "it would overtake what waits"
        if self.room < 0:
            return ConnectionError()
        sent = data[: self.room]
        self.gone += sent
        self.room -= len(sent)
        return len(sent)

    def write(self, data: bytes) -> None:
        self.waiting += data

    def drain(self) -> None:
        self.gone, self.waiting = self.gone + self.waiting, b""
        if self.producer:
            self.producer.resumeProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802  Twisted's name
        assert self.producer is None
        assert not streaming
        self.producer = producer
        producer.resumeProducing()

    def unregisterProducer(self) -> None:  # noqa: N802  Twisted's name
        self.producer = None


def test_a_writer_waits_for_what_was_there_before_it() -> None:
    transport = Transport(room=100, waiting=b"HTTP/1.1 101")
    writer = Writer(transport)  # type: ignore[arg-type]
    writer.write(b" first")
    assert transport.gone == b""
    transport.drain()
    writer.write(b" second")
    assert transport.gone == b"HTTP/1.1 101 first second"
    assert transport.producer is None


def test_a_writer_keeps_the_order_when_the_socket_is_full() -> None:
    transport = Transport(room=3)
    writer = Writer(transport)  # type: ignore[arg-type]
    transport.drain()
    for part in (b"ab", b"cd", b"ef"):
        writer.write(part)
    assert (transport.gone, transport.waiting) == (b"abc", b"def")
    transport.drain()
    transport.room = 10
    writer.write(b"gh")
    assert (transport.gone, transport.waiting) == (b"abcdefgh", b"")


def test_a_writer_leaves_a_broken_connection_to_the_transport() -> None:
    transport = Transport(room=-1)
    writer = Writer(transport)  # type: ignore[arg-type]
    transport.drain()
    writer.write(b"ab")
    assert transport.waiting == b"ab"
    writer.stopProducing()
    writer.write(b"cd")
    assert transport.waiting == b"abcd"
