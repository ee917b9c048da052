"""permessage-deflate on a real Daphne: what is agreed on, what is written, and what clients can't do with it."""

import json
import os
import socket
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketProtocol
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from runtime.http import daphne_frames
from runtime.http.daphne_frames import INFLATED_A_TURN_BYTES, FrameProtocol
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.waiting import eventually
from tests.unit.runtime.http.frames_app import text

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Its port and process id."""
    port = free_port()
    options = ["-b", "127.0.0.1", "-p", str(port), "tests.unit.runtime.http.frames_app:application"]
    log = tmp_path_factory.mktemp("d") / "log"
    process = Process("frames", [sys.executable, "-m", "daphne", *options], {"COMPRESS": "true"}, log)
    process.start()
    yield port, process.pid
    end_all([process])


def connected(port: int, extensions: Sequence[Any] | None = None) -> ClientConnection:
    """Offers compression as `websockets` does, unless told how."""
    compression = None if extensions is not None else "deflate"
    return eventually(
        lambda: connect(
            f"ws://127.0.0.1:{port}/",
            max_size=None,
            proxy=None,
            extensions=extensions,
            compression=compression,
            close_timeout=1,
        )
    )


def agreed(port: int, offer: str) -> str:
    """The server's answer to an offer."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + (f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else "").encode()
            + b"\r\n"
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += raw.recv(4096)
    found = [line for line in head.decode().splitlines() if line.lower().startswith("sec-websocket-extensions:")]
    return found[0].partition(": ")[2] if found else ""


NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("", ""),
        ("permessage-deflate; client_max_window_bits", NO_CONTEXT),  # browsers and `websockets`
        ("permessage-deflate", NO_CONTEXT),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", NO_CONTEXT),
        ("permessage-deflate; server_max_window_bits=15", f"{NO_CONTEXT}; server_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=10", ""),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", NO_CONTEXT),
        ("x-webkit-deflate-frame", ""),
    ],
)
def test_compression_is_agreed_on_without_context_where_it_is_offered(
    server: tuple[int, int], offer: str, answer: str
) -> None:
    eventually(lambda: connected(server[0])).close()
    assert agreed(server[0], offer) == answer


def test_what_is_compressed_and_what_is_not_arrives_in_order_as_it_was(server: tuple[int, int]) -> None:
    with connected(server[0]) as client:
        sizes = [0, 1, 125, 126, 1_000, 65_535, 65_536, 400_000]
        for how in ("deflated", "write", "send", "deflated"):
            client.send(json.dumps({"how": how, "sizes": sizes}))
        assert [client.recv(10) for _ in range(4 * len(sizes))] == [
            text(number, size) for number, size in enumerate(sizes * 4)
        ]


def test_a_client_that_does_not_offer_it_gets_no_compressed_frame(server: tuple[int, int]) -> None:
    with connected(server[0], extensions=[]) as client:
        client.send(json.dumps({"how": "deflated", "sizes": [5_000]}))
        assert client.recv(10) == text(0, 5_000)


def test_a_client_that_keeps_its_context_all_the_same_is_closed_and_harms_nobody(server: tuple[int, int]) -> None:
    port, _ = server
    with connected(port) as client, connected(port) as neighbour:
        client.send("x" * 2_000)
        assert client.recv(10) == "2000"
        deflate = client.protocol.extensions[0]
        deflate.local_no_context_takeover = False  # type: ignore[attr-defined]
        deflate.encoder = zlib.compressobj(wbits=-15)  # type: ignore[attr-defined]
        message = os.urandom(500).hex()
        client.send(message)
        assert client.recv(10) == "1000"
        client.send(message)  # refers to the one before
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
        neighbour.send("fine")
        assert neighbour.recv(10) == "4"


@pytest.mark.parametrize("size", [MIB + 1, 200 * MIB])
def test_a_message_that_inflates_to_more_than_a_mebibyte_is_refused_with_1009(
    server: tuple[int, int], size: int
) -> None:
    with connected(server[0]) as client:
        client.send("x" * MIB)
        assert client.recv(10) == str(MIB)
        client.send("x" * size)  # 200 KB on the wire
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_many_small_messages_that_inflate_to_a_mebibyte_each_are_taken_a_few_at_a_time(
    server: tuple[int, int],
) -> None:
    """60 kB on the wire are 60 MiB. Without a bound all of them would be in memory before the first is looked at."""
    port, pid = server
    with connected(port) as client, connected(port) as neighbour:
        client.send("x" * MIB)
        assert client.recv(10) == str(MIB)
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        before = _peak_kib(pid)
        frames = _frames(client, ["x" * MIB] * 60)
        assert len(frames) < 64 * 1024
        client.socket.sendall(frames)
        neighbour.send("fine")
        assert neighbour.recv(10) == "4"
        assert [client.recv(20) for _ in range(60)] == [str(MIB)] * 60
        assert _peak_kib(pid) - before < 20 * 1024


def _frames(client: Any, texts: Sequence[str]) -> bytes:
    """As they go over the wire, not sent."""
    for one in texts:
        client.protocol.send_text(one.encode())
    return b"".join(client.protocol.data_to_send())


class _Transport:
    def __init__(self) -> None:
        self.reads = True

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        self.reads = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.reads = True


def test_what_is_inflated_in_a_turn_is_bounded_and_reading_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Any] = []
    monkeypatch.setattr(daphne_frames.reactor, "callLater", lambda _, call: turns.append(call))
    protocol = FrameProtocol()
    protocol.transport, protocol.state = _Transport(), protocol.STATE_OPEN
    left = 7
    taken: list[int] = []

    def frame(_: Any) -> bool:
        nonlocal left
        if left:
            left -= 1
            taken[-1] += 1
            protocol._inflated(INFLATED_A_TURN_BYTES // 2)
        return left > 0

    monkeypatch.setattr(WebSocketProtocol, "processData", frame)
    taken.append(0)
    protocol.consumeData()
    reads = [protocol.transport.reads]
    while turns:
        taken.append(0)
        turns.pop()()
        reads.append(protocol.transport.reads)
    assert (taken, left) == ([2, 2, 2, 1, 0], 0)
    assert reads == [False, False, False, True, True]


def test_switched_off_an_offer_is_declined(tmp_path: Path) -> None:
    port = free_port()
    options = ["-b", "127.0.0.1", "-p", str(port), "tests.unit.runtime.http.frames_app:application"]
    process = Process("frames", [sys.executable, "-m", "daphne", *options], {}, tmp_path / "log")
    process.start()
    try:
        with connected(port) as client:
            client.send(json.dumps({"how": "deflated", "sizes": [5_000]}))
            assert client.recv(10) == text(0, 5_000)
            assert client.protocol.extensions == []
    finally:
        end_all([process])
