"""Packets out of a stream of bytes: however it is cut, whatever it holds; held back and gone on with."""

import struct
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion

from mqtt_gateway.rules.packet_reader import NO_TOPIC, MalformedError, PacketReader, publish, subscription_identifiers

_PINGRESP: Final = b"\xd0\x00"
_SUBACK_5: Final = b"\x90\x04\x00\x01\x00\x01"
Told = list[Any]  # each PUBLISH as a tuple, each other packet as bytes


def length(number: int) -> bytes:
    """A variable byte integer (1.5.5)."""
    out = bytearray()
    while True:
        number, seven = divmod(number, 128)
        out.append(seven | (0x80 if number else 0))
        if not number:
            return bytes(out)


def packet(first: int, body: bytes) -> bytes:
    """A packet with its remaining length."""
    return bytes((first,)) + length(len(body)) + body


def publish_body(topic: bytes, payload: bytes, packet_id: int | None, properties: bytes | None) -> bytes:
    """All of a PUBLISH behind its remaining length; ``properties`` None: MQTT 3.1.1."""
    identified = struct.pack(">H", packet_id) if packet_id else b""
    extra = b"" if properties is None else length(len(properties)) + properties
    return struct.pack(">H", len(topic)) + topic + identified + extra + payload


def incoming(is_5: bool = True) -> tuple[PacketReader, Told]:
    """One, and what it has told."""
    told: Told = []
    return PacketReader(lambda *publish: told.append(publish), told.append, is_5=is_5), told


USER_PROPERTY: Final = b"\x26\x00\x01k\x00\x02vv"
properties = st.sampled_from([b"", USER_PROPERTY, USER_PROPERTY * 30])


@st.composite
def publishes(draw: st.DrawFn, is_5: bool) -> tuple[bytes, tuple[Any, ...]]:
    """A PUBLISH, and what is to be told of it."""
    topic, payload = draw(st.text(max_size=20)), draw(st.binary(max_size=300))
    qos, retain, dup = draw(st.integers(0, 1)), draw(st.booleans()), draw(st.booleans())
    packet_id = draw(st.integers(1, 65_535)) if qos else 0
    body = publish_body(topic.encode(), payload, packet_id, draw(properties) if is_5 else None)
    return packet(0x30 | dup << 3 | qos << 1 | retain, body), (topic, payload, qos, retain, dup, packet_id)


@st.composite
def streams(draw: st.DrawFn, is_5: bool) -> tuple[list[bytes], Told]:
    """A stream in pieces, and what is to be told of it."""
    others = st.sampled_from([_PINGRESP, _SUBACK_5, b"\x40\x02\x12\x34"]).map(lambda other: (other, other))
    packets = draw(st.lists(st.one_of(publishes(is_5), others), max_size=8))
    stream = b"".join(raw for raw, _ in packets)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[low:high] for low, high in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return pieces, [told for _, told in packets]


@pytest.mark.parametrize("is_5", [True, False])
@given(data=st.data())
def test_a_stream_in_any_pieces(is_5: bool, data: st.DataObject) -> None:
    pieces, expected = data.draw(streams(is_5))
    one, told = incoming(is_5)
    for piece in pieces:
        one.feed(piece)
    assert told == expected


@given(data=st.data())
def test_every_packet_is_told_as_soon_as_it_is_complete(data: st.DataObject) -> None:
    pieces, expected = data.draw(streams(is_5=True))
    one, told = incoming()
    for byte in b"".join(pieces):
        one.feed(bytes((byte,)))
    assert told == expected


@given(data=st.data(), stops=st.sets(st.integers(0, 8)))
def test_nothing_is_told_while_held_and_all_afterwards(data: st.DataObject, stops: set[int]) -> None:
    pieces, expected = data.draw(streams(is_5=True))
    told: Told = []

    def tell(what: Any) -> None:
        assert not one.held
        told.append(what)
        one.held = len(told) in stops

    one = PacketReader(lambda *publish: tell(publish), tell, is_5=True)
    for piece in pieces:
        one.feed(piece)
    while one.held:
        one.feed(b"")
        one.held = False
        one.feed(b"")
    assert told == expected


@pytest.mark.parametrize("is_5", [True, False])
@given(data=st.data())
def test_a_publish_means_what_paho_takes_it_for(is_5: bool, data: st.DataObject) -> None:
    raw, _ = data.draw(publishes(is_5).filter(lambda one: one[1][0] != ""))
    body = raw[2 if raw[1] < 128 else 3 :]
    version = MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311
    theirs = decode_publish(raw[0], body, version)
    expected = (theirs.topic.decode(), theirs.payload, theirs.qos, theirs.retain, theirs.dup, theirs.mid)
    assert publish(raw[0], body, is_5) == expected


@pytest.mark.parametrize("is_5", [True, False])
def test_a_publish_cut_short_is_malformed(is_5: bool) -> None:
    head = publish_body(b"a/b", b"", 7, USER_PROPERTY if is_5 else None)
    for size in range(len(head)):
        with pytest.raises(MalformedError):
            publish(0x32, head[:size], is_5)
    assert publish(0x32, head, is_5) == ("a/b", b"", 1, False, False, 7)


@pytest.mark.parametrize(
    "raw",
    [
        packet(0x34, publish_body(b"a", b"", 7, b"")),  # QoS 2
        packet(0x36, publish_body(b"a", b"", 7, b"")),  # QoS 3
        packet(0x32, struct.pack(">H1sHB", 1, b"a", 0, 0)),  # packet id 0 (2.2.1)
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        packet(0x30, b"\x00\x01a\xff\xff\xff\xff\x01"),  # of the properties
    ],
)
def test_what_the_protocol_forbids_ends_it(raw: bytes) -> None:
    one, told = incoming()
    with pytest.raises(MalformedError):
        one.feed(raw)
    assert told == []


def test_a_topic_that_is_no_text_is_nobodys() -> None:
    one, told = incoming(is_5=False)
    one.feed(packet(0x30, publish_body(b"devices/\xff/d/state", b"1", None, None)))
    assert told == [(NO_TOPIC, b"1", 0, False, False, 0)]


def test_a_large_packet_comes_in_many_pieces() -> None:
    one, told = incoming()
    payload = bytes(3_000_000)
    raw = packet(0x30, publish_body(b"a", payload, None, b"")) + _PINGRESP
    for start in range(0, len(raw), 65_536):
        assert not told
        one.feed(raw[start : start + 65_536])
    assert told == [("a", payload, 0, False, False, 0), _PINGRESP]


# ---- copies


class Sorted:
    """Says that what comes with identifier 9 is a copy."""

    needed = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int], bool]] = []
        self.told: list[tuple[int, bool]] = []

    def is_copy(self, topic: str, identifiers: Any, *, retained: bool) -> bool:
        self.asked.append((topic, list(identifiers), retained))
        return 9 in identifiers

    def copied(self, packet_id: int, *, dup: bool) -> None:
        self.told.append((packet_id, dup))


@given(st.lists(st.integers(1, 268_435_455), max_size=4), st.integers(0, 1), st.binary(max_size=20))
def test_the_identifiers_are_found_among_all_properties(identifiers: list[int], qos: int, payload: bytes) -> None:
    each = [b"\x01\x01", b"\x02\x00\x00\x00\x3c", b"\x03\x00\x01t", b"\x08\x00\x02ab", b"\x09\x00\x01\xff"]
    extra = b"".join(each) + b"".join(b"\x0b" + length(one) for one in identifiers) + USER_PROPERTY * 40
    body = publish_body(b"a/b", payload, 7 if qos else None, extra)
    assert publish(0x30 | qos << 1, body, True)[1] == payload
    assert subscription_identifiers(body, qos) == identifiers


def test_a_copy_is_told_as_such_and_everything_else_is_delivered() -> None:
    told: Told = []
    copies = Sorted()
    reader = PacketReader(lambda *publish: told.append(publish), told.append, is_5=True, copies=copies)
    for identifier in (8, 9):
        body = publish_body(b"a/b", b"1", identifier, b"\x0b" + length(identifier))
        reader.feed(packet(0x3B, body))
    reader.feed(packet(0x32, publish_body(b"a/c", b"1", 3, b"")))
    assert told == [("a/b", b"1", 1, True, True, 8), ("a/c", b"1", 1, False, False, 3)]
    assert copies.told == [(9, True)]
    assert copies.asked == [("a/b", [8], True), ("a/b", [9], True)]
    copies.needed = False
    reader.feed(packet(0x32, publish_body(b"a/b", b"1", 4, b"\x0b\x09")))
    assert told[-1][5] == 4


def test_unknown_properties_are_malformed_where_identifiers_are_read() -> None:
    reader = PacketReader(lambda *_: None, lambda _: None, is_5=True, copies=Sorted())
    with pytest.raises(MalformedError, match="0x7f"):
        reader.feed(packet(0x30, publish_body(b"a", b"", None, b"\x7f\x00")))
