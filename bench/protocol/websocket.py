"""The client's end of a WebSocket (RFC 6455) as far as a benchmark needs it: cheap, no extensions, whole messages."""

import base64
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_SHORT, _LONG_16, _LONG_64 = 125, 126, 127
_TIMEOUT_S: Final = 15
_MOST_OF_A_HEAD: Final = 65_536


class RefusedError(Exception):
    """The server did not upgrade; the message is its answer."""


def opened(url: str, headers: Mapping[str, str], protocol: str = "") -> tuple[socket.socket, bytes]:
    """A connected socket after the upgrade, and what came behind it already.

    Raises:
        RefusedError: the server answered anything but 101.
    """
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    connection = socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(upgrade(parts.path or "/", parts.netloc, headers, protocol))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = connection.recv(_MOST_OF_A_HEAD)
        answer += data
        if not data or len(answer) > _MOST_OF_A_HEAD:
            break
    head, _, rest = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        connection.close()
        raise RefusedError(head.decode(errors="replace")[:500])
    return connection, rest


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
    return (
        f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    ).encode()


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


class Messages:
    """Cuts what arrives into messages. Feed it whatever came."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._parts: list[bytes] = []  # of a message in several frames
        self._opcode = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(opcode, payload) of each message that is complete by now; control frames as they come."""
        self._rest += data
        at = 0
        while (found := self._next(at)) is not None:
            first, start, at = found
            if (message := self._whole(first, bytes(self._rest[start:at]))) is not None:
                yield message
        del self._rest[:at]

    def _next(self, at: int) -> tuple[int, int, int] | None:
        """First byte, payload's start and end."""
        rest, start = self._rest, at + 2
        if len(rest) < start:
            return None
        size = rest[at + 1] & 0x7F
        if size > _SHORT:
            wide = 2 if size == _LONG_16 else 8
            if len(rest) < start + wide:
                return None
            size, start = int.from_bytes(rest[start : start + wide]), start + wide
        return (rest[at], start, start + size) if len(rest) >= start + size else None

    def _whole(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        opcode, final = first & 0x0F, first & 0x80
        if opcode >= CLOSE or (final and opcode):
            return opcode, payload
        self._opcode = opcode or self._opcode
        self._parts.append(payload)
        if not final:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return self._opcode, whole
