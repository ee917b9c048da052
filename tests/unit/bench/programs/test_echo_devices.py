"""Devices that obey at once: the packets of their connection, from CONNECT to the answer of a command."""

from hypothesis import given
from hypothesis import strategies as st

from bench.programs.echo_devices import Devices
from tests.support.servers.mqtt_stream import PUBLISH, Packets, Published, packet, read_publish, text

CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"
COMMAND = packet(PUBLISH << 4 | 2, text(b"devices/actors/d1/command/0123/set_led") + b"\x00\x09" + b'{"on":true}')


def published(data: bytes) -> list[Published]:
    return [read_publish(first, body, 4) for first, body in Packets().feed(data) if first >> 4 == PUBLISH]


def test_it_subscribes_then_says_something_then_is_ready() -> None:
    devices = Devices("actors", 2)
    assert devices.connect()[0] == 0x10
    ((first, body),) = Packets().feed(devices.feed(CONNACK))
    assert (first, body) == (0x82, b"\0\1" + text(b"devices/actors/+/command/#") + b"\1")
    readings = published(devices.feed(SUBACK))
    assert [one.topic for one in readings] == ["devices/actors/d0/telemetry", "devices/actors/d1/telemetry"]
    assert not devices.ready
    for one in readings:
        assert devices.feed(packet(0x40, one.packet_id.to_bytes(2))) == b""
    assert devices.ready


@given(st.integers(0, len(COMMAND)))
def test_a_command_is_confirmed_and_done_however_it_is_cut(at: int) -> None:
    devices = Devices("actors", 2)
    out = devices.feed(COMMAND[:at]) + devices.feed(COMMAND[at:])
    (puback, identity), _ = Packets().feed(out)
    assert (puback, identity) == (0x40, b"\x00\x09")
    (answer,) = published(out)
    assert (answer.topic, answer.payload, answer.qos) == ("devices/actors/d1/ack/0123", b'{"status":"done"}', 1)
    assert devices.answered == 1
