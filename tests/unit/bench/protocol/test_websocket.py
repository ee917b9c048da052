"""The client's end of RFC 6455: messages out of bytes that come in any pieces, and frames that a server can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.protocol.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Messages, frame, upgrade

FINAL = 0x80


def server_frame(first: int, payload: bytes) -> bytes:
    """Unmasked, as servers send them."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload


@given(
    st.lists(st.binary(max_size=300), max_size=8),
    st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_messages_come_whole_however_they_are_cut(payloads: list[bytes], cuts: list[int]) -> None:
    data = b"".join(server_frame(FINAL | TEXT, payload) for payload in payloads)
    messages, found, at = Messages(), [], 0
    while at < len(data):
        size = cuts[at % len(cuts)]
        found += list(messages.feed(data[at : at + size]))
        at += size
    assert found == [(TEXT, payload) for payload in payloads]


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 500_000])
def test_large_messages_too(size: int) -> None:
    messages, data = Messages(), server_frame(FINAL | TEXT, b"x" * size)
    assert not list(messages.feed(data[:-1]))
    assert list(messages.feed(data[-1:])) == [(TEXT, b"x" * size)]


def test_a_message_in_parts_with_a_ping_between() -> None:
    parts = [
        (BINARY, b"a"),
        (FINAL | PING, b"?"),
        (CONTINUATION, b"b"),
        (FINAL | CONTINUATION, b"c"),
        (FINAL | CLOSE, b""),
    ]
    data = b"".join(server_frame(first, payload) for first, payload in parts)
    assert list(Messages().feed(data)) == [(PING, b"?"), (BINARY, b"abc"), (CLOSE, b"")]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_our_frames_are_masked_and_say_their_size(size: int) -> None:
    data = frame(TEXT, b"x" * size)
    assert data[0] == FINAL | TEXT
    assert data[1] & 0x80, "section 5.1: a client masks"
    length, at = data[1] & 0x7F, 2
    if length > 125:
        wide = 2 if length == 126 else 8
        length, at = int.from_bytes(data[2 : 2 + wide]), 2 + wide
    mask, payload = data[at : at + 4], data[at + 4 :]
    assert length == size == len(payload)
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) == b"x" * size


def test_the_upgrade_has_what_section_4_asks_for() -> None:
    request = upgrade("/ws/v1/", "127.0.0.1:80", {"Authorization": "Bearer x"}, "mqtt").decode()
    assert request.startswith("GET /ws/v1/ HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    assert request.endswith("\r\n\r\n")
    for line in (
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
        "Authorization: Bearer x",
    ):
        assert f"\r\n{line}\r\n" in request
