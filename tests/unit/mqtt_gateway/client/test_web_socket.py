"""A WebSocket as a socket: against another implementation's server, with pings, slow readers and refusals."""

import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.server import ServerConnection, serve

from mqtt_gateway.client.paho_socket import PahoSocket
from mqtt_gateway.client.web_socket import WebSocket
from mqtt_gateway.client.websocket_stream import RefusedError

_PATIENCE_S = 20
Serve = Callable[[Callable[[ServerConnection], None]], WebSocket]


@pytest.fixture
def connect() -> Iterator[Serve]:
    """Connected to a server with this handler."""
    ended: list[Callable[[], None]] = []

    def made(handler: Callable[[ServerConnection], None]) -> WebSocket:
        server = serve(handler, "127.0.0.1", 0, subprotocols=["mqtt"])  # type: ignore[list-item]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended.append(server.shutdown)
        port = server.socket.getsockname()[1]
        near = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # what is larger goes out in parts
        ended.append(near.close)
        return WebSocket(near, "127.0.0.1", port, "/mqtt")

    yield made
    for end in ended:
        end()


def _read(ours: PahoSocket) -> Iterator[bytes]:
    """As the event loop does, until it is over."""
    while select.select([ours.fileno()], [], [], _PATIENCE_S)[0]:
        data = ours.read()
        if data is None:
            return
        yield data
    raise AssertionError("no more came")


def test_case_e6_a_ping_between_messages_is_answered_and_nothing_is_lost(connect: Serve) -> None:
    answered = threading.Event()

    def broker(peer: ServerConnection) -> None:
        peer.send(b"one")
        if peer.ping().wait(_PATIENCE_S):  # the server refuses a pong that isn't masked
            answered.set()
        peer.send([b"t", b"w", b"o"])
        peer.close(1008, "enough")

    ours = PahoSocket(connect(broker))
    assert b"".join(_read(ours)) == b"onetwo"
    assert answered.is_set()
    assert ours.failure == "WebSocket closed by the broker: 1008 enough"


def test_case_e6_what_does_not_go_out_at_once_goes_out_whole_and_in_order(connect: Serve) -> None:
    got: list[str | bytes] = []
    done = threading.Event()
    packets = [bytes([n]) * 400_000 for n in range(20)]

    def broker(peer: ServerConnection) -> None:
        got.extend(peer.recv() for _ in packets)
        done.set()

    ours, waits = connect(broker), 0
    for packet in packets:
        while True:
            try:
                assert ours.send(packet) == len(packet)
                break
            except BlockingIOError:
                waits += 1
                select.select([], [ours.fileno()], [], _PATIENCE_S)
    assert done.wait(_PATIENCE_S)
    assert waits > 0
    assert got == packets


def test_case_e6_where_there_is_no_websocket_the_reason_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            peer.recv(2_000)
            peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        near = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        with near, pytest.raises(RefusedError, match="no WebSocket there: HTTP 404 Not Found"):
            WebSocket(near, "127.0.0.1", port, "/mqtt")
        thread.join(_PATIENCE_S)
