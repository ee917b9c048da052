"""The broker's bytes cut into packets: each PUBLISH is decoded here, all else is handed on as it came. Pure.

    fixed header:  type and flags (1 byte) | remaining length (1 … 4 bytes)                     MQTT 3.1.1 and 5.0, 2.1
    PUBLISH:       topic name | packet id, if QoS > 0 | properties, if MQTT 5 | payload         3.3

A PUBLISH takes 0.7 µs here; in paho-mqtt it took 23, 60 % of a busy gateway's CPU: two or three ``recv``, objects for
its properties, locks, a search for callbacks (docs/decisions/0017-deliveries-past-paho.md).
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

Delivered = Callable[[str, bytes, int, bool, bool, int], None]  # as broker.Listener.delivered


class Copies(Protocol):
    """Who knows that a message came, or comes, once more by another subscription."""

    @property
    def needed(self) -> bool:
        """Whether there may be copies at all; else nobody is asked."""

    def is_copy(self, topic: str, identifiers: Sequence[int], *, retained: bool) -> bool:
        """Whether another one counts, going by the identifiers of the subscriptions that this one was sent for."""

    def copied(self, packet_id: int, *, dup: bool) -> None:
        """One came that doesn't count; ``packet_id`` is 0 for QoS 0."""


_PUBLISH: Final = 0x30
_TYPE, _DUP, _QOS, _RETAIN = 0xF0, 0x08, 0x06, 0x01  # in the first byte
_SHORTEST: Final = 2  # bytes of a packet
_LONGEST_LENGTH: Final = 4  # bytes of a remaining length
_MORE: Final = 0x80  # in a byte of a length: another one follows
NO_TOPIC: Final = "\N{REPLACEMENT CHARACTER}"  # for a name that is not UTF-8: nobody's


class MalformedError(Exception):
    """The broker does not keep to the protocol; ``str()`` says how."""


class PacketReader:
    """What comes in on one connection.

    Args:
        delivered: told each PUBLISH of QoS 0 or 1.
        other: called with each other packet, whole.
        is_5: MQTT 5, else 3.1.1.
        copies: told the PUBLISHes that are only copies of others; None: there are none.
    """

    def __init__(
        self, delivered: Delivered, other: Callable[[bytes], None], *, is_5: bool, copies: Copies | None = None
    ) -> None:
        self._delivered, self._other, self._is_5 = delivered, other, is_5
        self._copies = copies if is_5 else None
        self._waiting: list[bytes] = []  # bounded by MQTT's largest packet, and by what is fed while held
        self._size, self._needed = 0, _SHORTEST  # bytes of it; with how many there is more to do
        self.held = False  # nobody is told anything. Whoever is told may set it, and feeds b"" to go on later

    def feed(self, data: bytes) -> None:
        """Tell of every packet that is complete now, in the order of the wire.

        Raises:
            MalformedError: nothing more on this connection can be understood.
        """
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= self._needed and not self.held:
            self._cut(b"".join(self._waiting))

    def _cut(self, data: bytes) -> None:
        start, size, needed = 0, len(data), _SHORTEST
        deliver = self._sort if self._copies is not None and self._copies.needed else self._publish
        while start + _SHORTEST <= size and not self.held:
            length = data[start + 1]
            body = start + 2
            if length >= _MORE:
                length, body = _length(data, start + 1)
            if body + length > size:
                needed = body + length - start
                break
            first, packet, start = data[start], start, body + length
            if first & _TYPE == _PUBLISH:
                deliver(first, data[body:start])
            else:
                self._other(data[packet:start])
        self._waiting, self._size, self._needed = [data[start:]], size - start, needed

    def _publish(self, first: int, body: bytes) -> None:
        self._delivered(*publish(first, body, self._is_5))

    def _sort(self, first: int, body: bytes) -> None:
        topic, payload, qos, retain, dup, packet_id = publish(first, body, self._is_5)
        identifiers = subscription_identifiers(body, qos)
        if identifiers and self._copies is not None and self._copies.is_copy(topic, identifiers, retained=retain):
            self._copies.copied(packet_id, dup=dup)
        else:
            self._delivered(topic, payload, qos, retain, dup, packet_id)


_IDENTIFIER, _USER_PROPERTY = 0x0B, 0x26
_FIXED_BYTES: Final = {0x01: 1, 0x02: 4, 0x23: 2}  # of properties that a PUBLISH may have; others begin with a length
_TEXTS: Final = (0x03, 0x08, 0x09)


def subscription_identifiers(body: bytes, qos: int) -> list[int]:
    """Of a PUBLISH of MQTT 5 that :func:`publish` could decode: for which subscriptions it was sent (3.3.2.3.8).

    Raises:
        MalformedError: its properties are none.
    """
    at = 2 + (body[0] << 8 | body[1]) + (2 if qos else 0)
    length, at = _length(body, at)
    end, found = at + length, []
    while at < end:
        kind, at = body[at], at + 1
        if kind == _IDENTIFIER:
            value, at = _length(body, at)
            found.append(value)
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        elif kind in _TEXTS or kind == _USER_PROPERTY:
            for _ in range(2 if kind == _USER_PROPERTY else 1):
                at += 2 + int.from_bytes(body[at : at + 2])
        else:
            raise MalformedError(f"a PUBLISH with an unknown property from the broker: {kind:#04x}")
    return found


def publish(first: int, body: bytes, is_5: bool) -> tuple[str, bytes, int, bool, bool, int]:
    """A PUBLISH decoded.

    Args:
        first: its first byte.
        body: all behind the remaining length.
        is_5: MQTT 5, else 3.1.1.

    Returns:
        Topic, payload, QoS, retain, dup, packet id (0 for QoS 0).

    Raises:
        MalformedError: it is not one, or of a QoS that we never ask for.
    """
    qos = (first & _QOS) >> 1
    packet_id, topic = 0, b""
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic = body[2:at]
        if qos:
            packet_id = body[at] << 8 | body[at + 1]
            at += 2
        if is_5:
            properties, at = _length(body, at) if body[at] else (0, at + 1)
            at += properties  # none of them matters: we allow no topic alias (3.1.2.11.5)
    except IndexError:
        at = len(body) + 1
    if at > len(body) or qos > 1 or (qos and not packet_id):
        raise MalformedError(f"a malformed PUBLISH, or one of QoS 2, from the broker: {first:#04x}, {len(body)} bytes")
    try:
        name = topic.decode()
    except UnicodeDecodeError:
        name = NO_TOPIC  # the broker ought to have refused it
    return name, body[at:], qos, first & _RETAIN != 0, first & _DUP != 0, packet_id


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The variable byte integer at ``at`` (1.5.5), and where it ends; incomplete: 1 at the end of ``data``."""
    value = 0
    for index in range(_LONGEST_LENGTH):
        if at + index >= len(data):
            return 1, len(data)
        byte = data[at + index]
        value |= (byte & ~_MORE) << (7 * index)
        if byte < _MORE:
            return value, at + index + 1
    raise MalformedError("a length of more than four bytes from the broker")
