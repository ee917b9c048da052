"""What paho's socket is replaced with: reading past paho, plain and by TLS; what paho is handed, and the end."""

import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mqtt_gateway.client.paho_socket import PahoSocket
from tests.support.servers.installing import program

Pair = tuple[PahoSocket, Any]  # ours, and the broker's end

_BURST: Final = bytes(range(256)) * 2_000
_PATIENCE_S: Final = 20


def _secured(near: socket.socket, far: socket.socket, directory: Path) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    file, key = directory / "certificate.pem", directory / "key.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(file), "-days", "2"]
    subprocess.run([program("openssl"), *made, "-subj", "/CN=x"], check=True, capture_output=True)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(file, key)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    accepted: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: accepted.append(server.wrap_socket(far, server_side=True)))
    thread.start()
    connected = client.wrap_socket(near)
    thread.join(_PATIENCE_S)
    return connected, accepted[0]


@pytest.fixture(params=["plain", "TLS"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Connected."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near: socket.socket = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    ends = _secured(near, far, tmp_path) if request.param == "TLS" else (near, far)
    ends[0].setblocking(False)
    yield PahoSocket(ends[0]), ends[1]
    for end in ends:
        end.close()


def _read(ours: PahoSocket, enough: Callable[[bytes], bool]) -> tuple[bytes, bool]:
    """Read as the event loop does, only when the socket is readable; what came, and whether it is over."""
    got = b""
    while not enough(got):
        assert select.select([ours.fileno()], [], [], _PATIENCE_S)[0], f"{len(got)} bytes, and no more"
        if (data := ours.read()) is None:
            return got, True
        got += data
    return got, False


def test_all_that_arrives_is_read_whatever_tls_holds_back(pair: Pair) -> None:
    ours, broker = pair
    sending = threading.Thread(target=lambda: broker.sendall(_BURST))
    sending.start()
    assert _read(ours, lambda got: len(got) >= len(_BURST)) == (_BURST, False)
    sending.join(_PATIENCE_S)
    assert ours.read() == b"", "nothing more is there, and it is not over"


def test_what_was_sent_before_the_end_is_read_before_it(pair: Pair) -> None:
    ours, broker = pair
    broker.sendall(b"last")
    broker.close()
    assert _read(ours, lambda _: False) == (b"last", True)


def test_paho_receives_what_it_is_handed_and_nothing_else(pair: Pair) -> None:
    ours, broker = pair
    broker.sendall(b"a delivery")
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    ours.hand(b"\xd0\x00")
    assert (ours.recv(1), ours.recv(10)) == (b"\xd0", b"\x00")
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    ours.end()
    assert ours.recv(1) == b"", "as at the end of a stream"


def test_paho_sends_through_it(pair: Pair) -> None:
    ours, broker = pair
    assert ours.send(b"\xc0\x00") == 2
    assert broker.recv(10) == b"\xc0\x00"
