"""WebSocket's bytes: frames cut anywhere, the handshake, what a broker may not do."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from mqtt_gateway.client.websocket_stream import RefusedError, WebSocketStream
from mqtt_gateway.rules.packet_reader import MalformedError

HEAD = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def proof_for(request: bytes) -> str:
    """What the answer to this handshake must have."""
    lines = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if line)
    key = lines["Sec-WebSocket-Key"]
    return base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


def opened() -> tuple[WebSocketStream, ServerProtocol]:
    """A stream and the library's server, which refuses what is not masked."""
    ours, peer = WebSocketStream("broker", 9001, "/mqtt", tls=False), ServerProtocol(subprotocols=[Subprotocol("mqtt")])
    peer.receive_data(ours.outgoing())
    [request] = peer.events_received()
    assert isinstance(request, Request)
    peer.send_response(peer.accept(request))
    assert ours.is_open(b"".join(peer.data_to_send()))
    return ours, peer


def sent(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """As a broker sends a frame."""
    return Frame(opcode, data, fin).serialize(mask=False)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("data"), st.lists(st.binary(max_size=300), min_size=1, max_size=3)),
            st.tuples(st.just("ping"), st.lists(st.binary(max_size=125), min_size=1, max_size=1)),
        ),
        max_size=8,
    ),
    st.data(),
)
def test_case_e6_the_stream_is_the_same_wherever_it_is_cut(
    said: list[tuple[str, list[bytes]]], data: st.DataObject
) -> None:
    wire, expected = b"", b""
    pings: list[bytes] = []
    for kind, parts in said:
        if kind == "ping":
            wire += sent(OP_PING, parts[0])
            pings.append(parts[0])
            continue
        for index, part in enumerate(parts):
            wire += sent(OP_CONT if index else OP_BINARY, part, fin=index == len(parts) - 1)
            expected += part
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    ours, peer = opened()
    got = b""
    for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        got += ours.feed(wire[begin:end])
    peer.receive_data(ours.outgoing())
    frames = [event for event in peer.events_received() if isinstance(event, Frame)]
    assert (got, [(one.opcode, one.data) for one in frames]) == (expected, [(OP_PONG, one) for one in pings])
    assert ours.closed is None


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_case_e6_ours_are_masked_and_of_any_length(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    ours, peer = opened()
    ours.send(payload)
    peer.receive_data(ours.outgoing())
    [frame] = peer.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.data, frame.fin) == (OP_BINARY, payload, True)


@pytest.mark.parametrize(
    "wire",
    [
        Frame(Opcode.TEXT, b"x").serialize(mask=False),
        Frame(OP_BINARY, b"x").serialize(mask=True),
        sent(OP_CONT, b"x"),
        b"\xc2\x01x",
        b"\x09\x00",
        b"\x8b\x00",
        b"\x89\x7e\x00\x80" + bytes(128),
        b"\x82\x7f" + (1 << 40).to_bytes(8, "big"),
    ],
    ids=["text", "masked", "continues nothing", "reserved", "split ping", "opcode", "long ping", "endless"],
)
def test_what_a_broker_may_not_send_is_malformed(wire: bytes) -> None:
    with pytest.raises(MalformedError, match="WebSocket"):
        opened()[0].feed(wire)


def test_what_came_before_a_malformed_frame_is_read() -> None:
    ours, _ = opened()
    assert ours.feed(sent(OP_BINARY, b"x", fin=False) + sent(OP_BINARY, b"y")) == b"x"
    with pytest.raises(MalformedError, match="WebSocket"):
        ours.feed(sent(OP_BINARY, b"z"))


@pytest.mark.parametrize(("payload", "words"), [(b"", ""), (b"\x03\xf0policy", "1008 policy")])
def test_a_goodbye_is_told_and_nothing_after_it_is_read(payload: bytes, words: str) -> None:
    ours, _ = opened()
    assert ours.feed(sent(OP_BINARY, b"last") + sent(OP_CLOSE, payload) + sent(OP_BINARY, b"more")) == b"last"
    assert ours.closed == f"WebSocket closed by the broker: {words}".rstrip(": ")
    assert ours.feed(b"whatever") == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HEAD + "Sec-WebSocket-Accept:{proof}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", ""),
        (HEAD + "sec-websocket-accept: {proof}\r\n\r\n", ""),
        (HEAD + "Sec-WebSocket-Accept: {proof}\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "another protocol"),
        (HEAD + "Sec-WebSocket-Accept: other\r\n\r\n", "proof"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 Not Found"),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 20\r\n\r\n", "HTTP 401 Unauthorized"),
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "HTTP 302"),
        ("", "no HTTP answer"),
        ("\x15\x03\x01 TLS", "no HTTP answer"),
    ],
)
def test_case_e6_the_answer_to_the_handshake_is_checked(answer: str, reason: str) -> None:
    ours = WebSocketStream("broker", 9001, "/mqtt", tls=False)
    given_ = answer.replace("{proof}", proof_for(ours.outgoing())).encode("latin-1")
    if not reason:
        assert ours.is_open(given_)
        return
    with pytest.raises(RefusedError, match=reason):
        [ours.is_open(part) for part in (given_, b"")]


def test_the_handshake_names_host_and_port_as_http_does() -> None:
    for host, port, tls, place in (
        ("broker", 80, False, "broker"), ("broker", 443, True, "broker"), ("broker", 9001, True, "broker:9001"),
        ("::1", 9001, False, "[::1]:9001"),
    ):  # fmt: skip
        lines = WebSocketStream(host, port, "/mqtt?a=b", tls=tls).outgoing().decode().split("\r\n")
        assert lines[0] == "GET /mqtt?a=b HTTP/1.1"
        assert f"Host: {place}" in lines
        assert "Sec-WebSocket-Protocol: mqtt" in lines
        assert lines[-2:] == ["", ""]
