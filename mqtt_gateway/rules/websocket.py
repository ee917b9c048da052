"""WebSocket, as far as it carries MQTT (RFC 6455, MQTT 5.0 section 6): the client's bytes. Pure.

    frame:  FIN, reserved, opcode (1 byte) | mask bit, length (1, 3 or 9 bytes) | key, if masked (4) | payload

A stream of MQTT: frames and packets need not begin or end together, and only binary frames are allowed (MQTT-6.0.0-1).
paho-mqtt's own does not mask its pongs, which ends the connection at brokers that go by the RFC, and writes them into
frames that are half sent.
"""

import base64
import hashlib
from typing import Final

from mqtt_gateway.rules.packet_reader import MalformedError

CONTINUATION, BINARY, CLOSE, PING, PONG = 0x0, 0x2, 0x8, 0x9, 0xA  # opcodes
MAX_ANSWER_BYTES: Final = 16_384  # of the handshake
_ACCEPTED: Final = 101  # Switching Protocols
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FIN, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_LONGEST: Final = 125  # bytes whose length fits into seven bits; also of a control frame
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_KEY_BYTES: Final = 4


def request(host: str, port: int, path: str, key: str, *, tls: bool) -> bytes:
    """The handshake (4.1); ``key``: 16 random bytes in base64."""
    name = f"[{host}]" if ":" in host else host
    place = name if port == (443 if tls else 80) else f"{name}:{port}"
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {place}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Origin: {'https' if tls else 'http'}://{place}",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def refusal(answer: bytes, key: str) -> str:
    """What is wrong with the answer to the handshake, in words; "": nothing."""
    status, _, headers = answer.decode("latin-1").partition("\r\n")
    version, _, code = status.partition(" ")
    if not version.startswith("HTTP/"):
        return "no HTTP answer to the WebSocket handshake"
    if code[:3] != str(_ACCEPTED):
        return f"no WebSocket there: HTTP {code.strip()[:60]}"
    pairs = (line.partition(":") for line in headers.split("\r\n"))
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    proof = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    if found.get("sec-websocket-accept") != proof:
        return "the answer to the WebSocket handshake lacks the proof of it (Sec-WebSocket-Accept)"
    if found.get("sec-websocket-protocol", "mqtt") != "mqtt":
        return "the WebSocket there carries another protocol than MQTT"
    return ""


def frame(payload: bytes, key: bytes, opcode: int = BINARY) -> bytes:
    """One whole frame of ours, masked with ``key``, 4 random bytes (5.3)."""
    size = len(payload)
    if size <= _LONGEST:
        head = bytes((_FIN | opcode, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FIN | opcode, _MASKED | _TWO_BYTES)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASKED | _EIGHT_BYTES)) + size.to_bytes(8, "big")
    stream = (key * (size // _KEY_BYTES + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return head + key + masked.to_bytes(size, "big")


class Frames:
    """What comes in on one connection, after the handshake. Keeps at most a head or a control frame."""

    def __init__(self) -> None:
        self._waiting = b""  # of a frame whose head, or whose control payload, is not complete
        self._left = 0  # bytes of the present frame's payload that are still to come
        self._fragmented = False
        self.pings: list[bytes] = []  # payloads to be answered with a PONG
        self.closed: str | None = None  # in words, once the broker has said goodbye

    def feed(self, data: bytes) -> bytes:
        """The stream of MQTT in what has arrived.

        Raises:
            MalformedError: nothing more on this connection can be understood.
        """
        data = self._waiting + data if self._waiting else data
        at, parts = 0, []
        while at < len(data) and self.closed is None:
            if self._left:
                parts.append(data[at : at + self._left])
                at += len(parts[-1])
                self._left -= len(parts[-1])
            elif (begun := self._begin(data, at)) is not None:
                at = begun
            else:
                break
        self._waiting = data[at:] if self.closed is None else b""
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _begin(self, data: bytes, at: int) -> int | None:
        """Begin the frame there: where its payload does, or behind it if it is a control frame; None: incomplete."""
        if at + 2 > len(data):
            return None
        first, length = data[at], data[at + 1]
        if first & _RESERVED or length & _MASKED:
            raise MalformedError("a malformed WebSocket frame from the broker")
        body = at + 2
        if length > _LONGEST:
            body += 2 if length == _TWO_BYTES else 8
            length = int.from_bytes(data[at + 2 : body], "big")
        if body > len(data):
            return None
        if first & _OPCODE >= CLOSE:
            return self._control(first, length, data, body)
        self._check_order(first)
        self._left, self._fragmented = length, not first & _FIN
        return body

    def _check_order(self, first: int) -> None:
        expected = CONTINUATION if self._fragmented else BINARY
        if first & _OPCODE != expected:
            raise MalformedError("a WebSocket frame from the broker that is not binary, or out of order")

    def _control(self, first: int, length: int, data: bytes, body: int) -> int | None:
        opcode = first & _OPCODE
        if length > _LONGEST or not first & _FIN or opcode > PONG:
            raise MalformedError("a malformed WebSocket control frame from the broker")
        if body + length > len(data):
            return None
        payload = data[body : body + length]
        if opcode == PING:
            self.pings.append(payload)
        elif opcode == CLOSE:
            self.closed = _goodbye(payload)
        return body + length


def _goodbye(payload: bytes) -> str:
    code = int.from_bytes(payload[:2], "big")
    said = payload[2:].decode(errors="replace")
    return " ".join(part for part in ("WebSocket closed by the broker:", str(code or ""), said) if part).rstrip(":")
