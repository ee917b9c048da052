"""WebSocket's bytes: frames cut anywhere, the handshake, what a broker may not do."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, Frame, Opcode

from mqtt_gateway.rules import websocket
from mqtt_gateway.rules.packet_reader import MalformedError
from mqtt_gateway.rules.websocket import Frames

KEY = base64.b64encode(bytes(16)).decode()
PROOF = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
HEAD = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def sent(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """As a broker sends a frame: by another implementation."""
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
    frames, got = Frames(), b""
    for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        got += frames.feed(wire[begin:end])
    assert (got, frames.pings, frames.closed) == (expected, pings, None)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_case_e6_ours_are_masked_and_of_any_length(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    for opcode, known in ((websocket.BINARY, OP_BINARY), (websocket.PONG, OP_PONG), (websocket.CLOSE, OP_CLOSE)):
        made = websocket.frame(payload, b"\x01\x02\x03\x04", opcode)
        head = len(made) - size - 4
        assert made[0] == 0x80 | known
        assert made[1] & 0x80
        assert made[head : head + 4] == b"\x01\x02\x03\x04"
        assert bytes(byte ^ (n % 4 + 1) for n, byte in enumerate(made[head + 4 :])) == payload


@pytest.mark.parametrize(
    "wire",
    [
        Frame(Opcode.TEXT, b"x").serialize(mask=False),
        Frame(OP_BINARY, b"x").serialize(mask=True),
        sent(OP_CONT, b"x"),
        sent(OP_BINARY, b"x", fin=False) + sent(OP_BINARY, b"y"),
        b"\xc2\x01x",
        b"\x09\x00",
        b"\x8b\x00",
        b"\x89\x7e\x00\x80" + bytes(128),
    ],
    ids=["text", "masked", "continues nothing", "not continued", "reserved", "split ping", "opcode", "long ping"],
)
def test_what_a_broker_may_not_send_is_malformed(wire: bytes) -> None:
    with pytest.raises(MalformedError, match="WebSocket"):
        Frames().feed(wire)


@pytest.mark.parametrize(("payload", "words"), [(b"", ""), (b"\x03\xf0policy", "1008 policy")])
def test_a_goodbye_is_told_and_nothing_after_it_is_read(payload: bytes, words: str) -> None:
    frames = Frames()
    assert frames.feed(sent(OP_BINARY, b"last") + sent(OP_CLOSE, payload) + sent(OP_BINARY, b"more")) == b"last"
    assert frames.closed == f"WebSocket closed by the broker: {words}".rstrip(": ")
    assert frames.feed(b"whatever") == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (f"{HEAD}Sec-WebSocket-Accept:{PROOF}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", ""),
        (f"{HEAD}sec-websocket-accept: {PROOF}\r\n\r\n", ""),
        (f"{HEAD}Sec-WebSocket-Accept: {PROOF}\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "another protocol"),
        (f"{HEAD}Sec-WebSocket-Accept: other\r\n\r\n", "proof"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 Not Found"),
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "HTTP 302"),
        ("", "no HTTP answer"),
        ("\x15\x03\x01 TLS", "no HTTP answer"),
    ],
)
def test_case_e6_the_answer_to_the_handshake_is_checked(answer: str, reason: str) -> None:
    found = websocket.refusal(answer.encode("latin-1"), KEY)
    assert reason in found if reason else found == ""


def test_the_handshake_names_host_and_port_as_http_does() -> None:
    for host, port, tls, place in (
        ("broker", 80, False, "broker"), ("broker", 443, True, "broker"), ("broker", 9001, True, "broker:9001"),
        ("::1", 9001, False, "[::1]:9001"),
    ):  # fmt: skip
        lines = websocket.request(host, port, "/mqtt?a=b", KEY, tls=tls).decode().split("\r\n")
        assert lines[0] == "GET /mqtt?a=b HTTP/1.1"
        assert f"Host: {place}" in lines
        assert lines[-2:] == ["", ""]
