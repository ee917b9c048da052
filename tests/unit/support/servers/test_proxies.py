"""The proxies do to connections what they say."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.servers.mqtt_stream import PUBACK, PUBLISH, connect_packet, packet, text
from tests.support.servers.proxies import Confirmed, Delivered, Proxies
from tests.support.waiting import eventually


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def proxies(target: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    with Proxies({"broker": target}, tmp_path_factory.mktemp("proxies") / "witness.jsonl") as made:
        yield made


@pytest.fixture
def connection(proxies: Proxies) -> Iterator[socket.socket]:
    proxies.heal("broker")
    with socket.create_connection(("127.0.0.1", proxies.ports["broker"]), timeout=5) as made:
        yield made


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """What comes back until it ends with `data`."""
    connection.sendall(data)
    found = b""
    while not found.endswith(data):
        found += connection.recv(65_536) or b"closed"
    return found


def test_bytes_pass(connection: socket.socket) -> None:
    assert echoed(connection, b"hello" * 10_000) == b"hello" * 10_000


def test_a_cut_ends_connections_and_lets_new_ones_in(proxies: Proxies, connection: socket.socket) -> None:
    assert echoed(connection, b"x") == b"x"
    proxies.cut("broker")
    with pytest.raises(ConnectionResetError):
        connection.recv(1)
    with socket.create_connection(("127.0.0.1", proxies.ports["broker"]), timeout=5) as new:
        assert echoed(new, b"y") == b"y"


def test_a_refusal_lasts_until_healed(proxies: Proxies, connection: socket.socket) -> None:
    proxies.refuse("broker")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxies.ports["broker"]), timeout=5)
    proxies.heal("broker")
    with socket.create_connection(("127.0.0.1", proxies.ports["broker"]), timeout=5) as new:
        assert echoed(new, b"y") == b"y"


def test_what_was_stalled_passes_later_and_whole(proxies: Proxies, connection: socket.socket) -> None:
    assert echoed(connection, b"x") == b"x"
    proxies.stall("broker")
    connection.sendall(b"held")
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    proxies.heal("broker")
    connection.settimeout(5)
    connection.sendall(b" back")
    assert echoed(connection, b"!") == b"held back!"


def test_a_slow_link_delays(proxies: Proxies, connection: socket.socket) -> None:
    assert echoed(connection, b"x") == b"x"
    proxies.slow("broker", delay_s=0.1, bytes_per_s=1e6)
    began_s = time.monotonic()
    assert echoed(connection, b"y") == b"y"
    assert time.monotonic() - began_s >= 0.2, "there and back"


def test_what_passes_a_broker_is_witnessed(proxies: Proxies, connection: socket.socket) -> None:
    proxies.witnessed()
    published = packet(PUBLISH << 4 | 2, text(b"a/b") + (7).to_bytes(2, "big") + b"{}")
    sent = connect_packet("me", keep_alive_s=0) + published + packet(PUBACK << 4, (7).to_bytes(2, "big"))
    assert echoed(connection, sent) == sent
    seen: list[Delivered | Confirmed] = []

    def both() -> bool:
        seen.extend(proxies.witnessed())
        return len(seen) == 2

    eventually(both)
    number = seen[0].connection
    assert seen == [Confirmed(number, 7), Delivered(number, "a/b", "{}", 1, dup=False, retain=False, packet_id=7)]


def test_a_witness_without_a_file_is_refused(target: int) -> None:
    with Proxies({"other": target}) as plain, pytest.raises(AssertionError, match="nothing"):
        plain.witnessed()
