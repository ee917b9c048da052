"""What the broker has of what we publish."""

import asyncio
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_gateway.client.broker import Outgoing
from mqtt_gateway.client.publisher import Publisher


class Client:
    """As far as a publisher needs paho's."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, int, bool]] = []
        self.on_publish: Any = None

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool, _properties: Any) -> paho.MQTTMessageInfo:
        self.sent.append((topic, payload, qos, retain))
        info = paho.MQTTMessageInfo(len(self.sent))
        info.rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        if qos == 0:  # as paho does, once it is in the socket
            self.on_publish(self, None, info.mid, ReasonCode(PacketTypes.PUBACK), None)
        return info


async def test_qos_1_waits_for_the_brokers_word_and_qos_0_for_nobodys() -> None:
    client: Any = Client()
    publisher = Publisher(client, is_5=True)
    one, zero = publisher.publish(Outgoing("a", b"1")), publisher.publish(Outgoing("b", b"0", qos=0))
    assert client.sent == [("a", b"1", 1, False), ("b", b"0", 0, False)]
    assert (one.done(), await asyncio.wait_for(zero, 1)) == (False, "")
    client.on_publish(client, None, 1, ReasonCode(PacketTypes.PUBACK, "Not authorized"), None)
    assert await asyncio.wait_for(one, 1) == "not authorized"


async def test_a_lost_connection_ends_what_waits_and_what_comes() -> None:
    client: Any = Client()
    publisher = Publisher(client, is_5=False)
    waiting = publisher.publish(Outgoing("a", b"1"))
    publisher.lose("gone")
    late = [publisher.publish(Outgoing("b", b"2", qos=qos)) for qos in (0, 1)]
    assert [await asyncio.wait_for(one, 1) for one in (waiting, *late)] == ["gone"] * 3
    assert len(client.sent) == 1
