"""The client's end of RFC 6455: frames in what has come so far, and frames that a server can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.protocol.websocket import PING, TEXT, frame, frames, upgrade

FINAL = 0x80


def server_frame(first: int, payload: bytes) -> bytes:
    """Unmasked, as servers send them."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 400))
def test_frames_that_are_complete_are_found_and_no_more(payloads: list[bytes], cut: int) -> None:
    whole = [server_frame(FINAL | TEXT, payload) for payload in payloads]
    data = b"".join(whole)
    end = max(0, len(data) - cut)
    found = list(frames(memoryview(data), 0, end))
    complete = [sum(map(len, whole[: count + 1])) for count in range(len(whole))]
    assert [stop for _, _, stop in found] == [stop for stop in complete if stop <= end]
    assert all(first == FINAL | TEXT for first, _, _ in found)
    assert [data[start:stop] for _, start, stop in found] == payloads[: len(found)]


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 500_000])
def test_large_ones_too(size: int) -> None:
    data = server_frame(FINAL | PING, b"x" * size)
    assert not list(frames(memoryview(data), 0, len(data) - 1))
    assert list(frames(memoryview(data), 0, len(data))) == [(FINAL | PING, len(data) - size, len(data))]


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
