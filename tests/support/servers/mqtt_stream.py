"""Just enough of MQTT 3.1.1 and 5 on the wire to see which PUBLISH packets pass, and to write them cheaply."""

from collections.abc import Iterator
from dataclasses import dataclass

CONNECT, PUBLISH, PUBACK = 1, 3, 4
VERSION_5 = 5


@dataclass(frozen=True)
class Published:
    """A PUBLISH packet (MQTT 5 section 3.3)."""

    topic: str
    payload: bytes
    qos: int
    dup: bool
    retain: bool
    packet_id: int  # 0 at QoS 0


def variable_length(number: int) -> bytes:
    """A variable byte integer (MQTT 5 section 1.5.5)."""
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def packet(first_byte: int, body: bytes) -> bytes:
    """A control packet: fixed header and the rest."""
    return bytes([first_byte]) + variable_length(len(body)) + body


def text(value: bytes) -> bytes:
    """A UTF-8 string with its length in front."""
    return len(value).to_bytes(2, "big") + value


def connect_packet(client_id: str, keep_alive_s: int) -> bytes:
    """CONNECT of MQTT 3.1.1 with a clean session."""
    return packet(
        CONNECT << 4, text(b"MQTT") + bytes([4, 2]) + keep_alive_s.to_bytes(2, "big") + text(client_id.encode())
    )


class Packets:
    """Cuts a stream of bytes into packets. Feed it whatever arrives."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(first byte, body) of each packet that is complete by now."""
        self._rest += data
        at = 0
        while (found := self._next(at)) is not None:
            first, body, at = found
            yield first, body
        del self._rest[:at]

    def _next(self, start: int) -> tuple[int, bytes, int] | None:
        length, at = 0, start + 1
        for shift in (0, 7, 14, 21):
            if at >= len(self._rest):
                return None
            digit = self._rest[at]
            length |= (digit & 0x7F) << shift
            at += 1
            if digit < 0x80:
                break
        end = at + length
        return (self._rest[start], bytes(self._rest[at:end]), end) if end <= len(self._rest) else None


def version_of(connect_body: bytes) -> int:
    """The protocol level that a CONNECT asks for: 4 is 3.1.1."""
    return connect_body[2 + int.from_bytes(connect_body[:2], "big")]


def read_publish(first: int, body: bytes, version: int) -> Published:
    """A PUBLISH packet's content."""
    end = 2 + int.from_bytes(body[:2], "big")
    topic, qos, packet_id, at = body[2:end].decode(), first >> 1 & 3, 0, end
    if qos:
        packet_id, at = int.from_bytes(body[at : at + 2], "big"), at + 2
    if version == VERSION_5:
        at = _after_properties(body, at)
    return Published(topic, body[at:], qos, bool(first & 8), bool(first & 1), packet_id)


def _after_properties(body: bytes, at: int) -> int:
    length, shift = 0, 0
    while True:
        digit = body[at]
        length |= (digit & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if digit < 0x80:
            return at + length
