"""Which MQTT version is spoken after a broker has refused one."""

import asyncio
from typing import Any

import pytest

from mqtt_gateway.client.broker import ConnectError, Listener, Outgoing
from mqtt_gateway.client.session import AiomqttConnection
from mqtt_gateway.connection.protocol_version import understood
from mqtt_gateway.options import GatewayOptions, MqttVersion
from mqtt_gateway.rules.packet_reader import Copies

WILL = Outgoing("causeway/status", b"offline")


class Nobody:
    """A listener that hears nothing: no connection comes about."""

    def opened(self, *, session_present: bool) -> None:
        raise AssertionError(session_present)

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        raise AssertionError(topic)


class Broker:
    """Speaks these versions, or hangs up."""

    def __init__(self, *versions: str, hangs_up: bool = False) -> None:
        self.versions, self.hangs_up = versions, hangs_up
        self.asked: list[str] = []

    def connect(self, options: GatewayOptions, _will: Outgoing) -> Any:
        """An unopened connection."""
        return _Connection(self, options.version)


class _Connection:
    def __init__(self, broker: Broker, version: str) -> None:
        self._broker, self._version = broker, version

    async def open(self, _listener: Listener, _copies: Copies | None = None) -> None:
        self._broker.asked.append(self._version)
        if self._broker.hangs_up:
            raise ConnectError("connection lost")
        if self._version not in self._broker.versions:
            raise ConnectError("unsupported protocol version", refused=True, other_version=True)


async def attempts(broker: Broker, version: MqttVersion, count: int) -> tuple[list[str], list[str]]:
    """Connect so often; the reasons, and what was told."""
    reasons: list[str] = []
    told: list[str] = []
    connect = understood(broker.connect, told.append)
    for _ in range(count):
        try:
            await connect(GatewayOptions(version=version), WILL).open(Nobody())
        except ConnectError as error:
            reasons.append(str(error))
    return reasons, told


async def test_case_e7_a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1() -> None:
    broker = Broker("3.1.1")
    reasons, told = await attempts(broker, "5", 3)
    assert broker.asked == ["5", "3.1.1", "3.1.1"]
    assert len(reasons) == 1
    assert "unsupported protocol version" in reasons[0]
    assert "MQTT_VERSION=3.1.1" in reasons[0]
    assert told == ["MQTT 3.1.1"]


async def test_case_e7_one_that_refuses_3_1_1_is_not_spoken_to_in_another_version_than_was_set() -> None:
    broker = Broker("5")
    reasons, told = await attempts(broker, "3.1.1", 2)
    assert broker.asked == ["3.1.1", "3.1.1"]
    assert all("set MQTT_VERSION=5" in reason for reason in reasons)
    assert told == []


async def test_case_e7_one_that_speaks_neither_or_has_changed_is_tried_in_turn() -> None:
    broker = Broker()
    reasons, _ = await attempts(broker, "5", 4)
    assert broker.asked == ["5", "3.1.1", "5", "3.1.1"]
    assert "neither" in reasons[1]


async def test_case_e7_one_that_hangs_up_without_a_word_has_proven_nothing() -> None:
    broker = Broker(hangs_up=True)
    await attempts(broker, "5", 3)
    assert broker.asked == ["5", "5", "5"]


@pytest.mark.parametrize("connack", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"], ids=["3.1.1", "5"])
async def test_case_e7_both_forms_of_the_refusal_are_known(connack: bytes) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(connack)
        writer.close()

    server = await asyncio.start_server(refuses, "127.0.0.1", 0)
    options = GatewayOptions(port=server.sockets[0].getsockname()[1], client_id="v")
    connection = AiomqttConnection(options, WILL)
    with pytest.raises(ConnectError, match="unsupported protocol version") as refused:
        await asyncio.wait_for(connection.open(Nobody()), 10)
    assert (refused.value.refused, refused.value.other_version) == (True, True)
    server.close()


async def test_case_e7_a_broker_that_hangs_up_before_an_answer_is_told_at_once_with_the_setting() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.close()

    server = await asyncio.start_server(hangs_up, "127.0.0.1", 0)
    connection = AiomqttConnection(GatewayOptions(port=server.sockets[0].getsockname()[1], client_id="v"), WILL)
    with pytest.raises(ConnectError, match=r"connection lost .*set MQTT_VERSION=3\.1\.1"):
        await asyncio.wait_for(connection.open(Nobody()), 3)
    server.close()
