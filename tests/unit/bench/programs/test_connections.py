"""Connections: the packets by hand, and what comes back in parts."""

import socket
from collections.abc import Iterator

import pytest

from bench.programs.connections import BrokerGoneError, Connection, birth_packet, connect_packet

CONNACK, PUBACK, PINGRESP = b"\x20\x02\x00\x00", b"\x40\x02\x00\x01", b"\xd0\x00"


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, brokers = socket.socketpair()
    with ours, brokers:
        yield Connection(ours), brokers


def test_the_will_says_offline_and_is_retained() -> None:
    packet = connect_packet("c", "t/status")
    flags = packet[9]
    assert packet[0] == 0x10
    assert packet[1] == len(packet) - 2
    assert (flags >> 1 & 1, flags >> 2 & 1, flags >> 3 & 3, flags >> 5 & 1) == (1, 1, 1, 1)  # clean, will, QoS, retain
    assert packet.endswith(b"\x00\x01c\x00\x08t/status\x00\x07offline")


def test_the_birth_is_retained_at_qos_1() -> None:
    assert birth_packet("t") == b"\x33\x0b\x00\x01t\x00\x01online"


def test_answers_are_counted_however_they_are_cut(pair: tuple[Connection, socket.socket]) -> None:
    device, broker = pair
    stream, pubacks = CONNACK + PUBACK + PINGRESP + PUBACK, 0
    for position in range(len(stream)):
        broker.sendall(stream[position : position + 1])
        pubacks += device.receive()
        assert device.connected == (position >= 3)
    assert pubacks == 2


def test_many_pubacks_at_once_and_one_in_part(pair: tuple[Connection, socket.socket]) -> None:
    device, broker = pair
    broker.sendall(100 * PUBACK + PUBACK[:1])
    assert device.receive() == 100
    broker.sendall(PUBACK[1:] + PINGRESP)
    assert device.receive() == 1


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x05", b"\x30\x02\x00\x00"], ids=["refused", "not asked for"])
def test_what_should_not_come_ends_it(pair: tuple[Connection, socket.socket], answer: bytes) -> None:
    device, broker = pair
    broker.sendall(answer)
    with pytest.raises(BrokerGoneError, match="unexpected"):
        device.receive()


def test_a_connection_that_ends_is_noticed(pair: tuple[Connection, socket.socket]) -> None:
    device, broker = pair
    broker.close()
    with pytest.raises(BrokerGoneError, match="closed"):
        device.receive()
