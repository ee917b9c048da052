"""The few packets that the proxies and the load know."""

import pytest

from tests.support.servers.mqtt_stream import (
    CONNECT,
    PUBLISH,
    Packets,
    connect_packet,
    packet,
    read_publish,
    text,
    version_of,
)

PROPERTIES = bytes([2, 0x01, 0x01])  # payload format indicator


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_packets_are_found_however_the_bytes_arrive(size: int) -> None:
    sent = [(PUBLISH << 4, bytes(length)) for length in (0, 1, 127, 128, 16_384)]
    stream = b"".join(packet(first, body) for first, body in sent)
    packets = Packets()
    found = [one for at in range(0, len(stream), size) for one in packets.feed(stream[at : at + size])]
    assert found == sent


def test_a_publish_is_read() -> None:
    body = text(b"a/b") + (7).to_bytes(2, "big") + b"payload"
    one = read_publish(PUBLISH << 4 | 0b1011, body, version=4)
    assert (one.topic, one.payload, one.packet_id) == ("a/b", b"payload", 7)
    assert (one.qos, one.dup, one.retain) == (1, True, True)


def test_the_properties_of_mqtt_5_are_passed_over() -> None:
    body = text(b"a/b") + (7).to_bytes(2, "big") + PROPERTIES + b"payload"
    assert read_publish(PUBLISH << 4 | 2, body, version=5).payload == b"payload"
    assert read_publish(PUBLISH << 4, text(b"a/b") + PROPERTIES + b"payload", version=5).payload == b"payload"


def test_a_connect_says_its_version() -> None:
    [(first, body)] = Packets().feed(connect_packet("me", keep_alive_s=0))
    assert (first >> 4, version_of(body)) == (CONNECT, 4)
