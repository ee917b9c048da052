"""The client's end of a WebSocket (RFC 6455) as far as a benchmark needs it: no extensions, nothing fragmented."""

import base64
import os
from collections.abc import Iterator, Mapping

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_SHORT, _LONG_16, _LONG_64 = 125, 126, 127


def upgrade(path: str, host: str, headers: Mapping[str, str], protocol: str = "") -> bytes:
    """The request (section 4.1). Nothing checks the server's answer to the key."""
    lines = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **({"Sec-WebSocket-Protocol": protocol} if protocol else {}),
        **headers,
    }
    return "\r\n".join([f"GET {path} HTTP/1.1", *map(": ".join, lines.items()), "", ""]).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame to the server. Its mask is zero: it costs nothing, and there is no proxy to protect."""
    size = len(payload)
    if size <= _SHORT:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | _LONG_16)) + size.to_bytes(2)
    else:
        head = bytes((0x80 | opcode, 0x80 | _LONG_64)) + size.to_bytes(8)
    return head + bytes(4) + payload


def frames(data: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """First byte, payload's start and end of each frame from a server that is complete between these places."""
    while end - at >= 2:
        length, start = data[at + 1], at + 2
        if length > _SHORT:
            start += 2 if length == _LONG_16 else 8
            length = int.from_bytes(data[at + 2 : start])
        if start + length > end:
            return
        yield data[at], start, start + length
        at = start + length
