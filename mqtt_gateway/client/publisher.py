"""What we publish, until the broker has confirmed it."""

import asyncio
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_gateway.client import packets
from mqtt_gateway.client.broker import NeverTaken, Outgoing


class Publisher:
    """Publishes, and keeps a future for each publication of QoS 1 that has no PUBACK yet.

    Args:
        client: paho's, connected or not; its ``on_publish`` is ours from now on.
        is_5: it speaks MQTT 5.
    """

    def __init__(self, client: paho.Client, *, is_5: bool) -> None:
        self._paho, self._is_5 = client, is_5
        self.max_packet: int | None = None  # bytes; the broker's Maximum Packet Size (MQTT-3.2.2-15), if it has one
        self._unconfirmed: dict[int, asyncio.Future[str]] = {}
        self._lost: str | None = None
        client.on_publish = self._on_publish

    def publish(self, message: Outgoing) -> "asyncio.Future[str]":
        """Hand a message over. The future gets "" once the broker has it, else the reason why not."""
        confirmed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._lost is not None:
            confirmed.set_result(self._lost)
            return confirmed
        properties = packets.publish_properties(message) if self._is_5 else None
        if self.max_packet is not None and (size := packets.publish_size(message, properties)) > self.max_packet:
            text = f"too large for the broker: a packet of {size} bytes, its Maximum Packet Size is {self.max_packet}"
            confirmed.set_result(NeverTaken(text))
            return confirmed
        try:
            sent = self._paho.publish(message.topic, message.payload, message.qos, message.retain, properties)
        except ValueError as error:  # no topic name
            confirmed.set_result(str(error))
            return confirmed
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            confirmed.set_result(paho.error_string(sent.rc))
        elif message.qos == 0:  # nobody will confirm it
            confirmed.set_result("")
        else:
            self._unconfirmed[sent.mid] = confirmed
        return confirmed

    def lose(self, reason: str) -> None:
        """The connection is over: so is all that waits, and whatever is published from now on. Safe to repeat."""
        self._lost = self._lost or reason
        for waiting in self._unconfirmed.values():
            if not waiting.done():
                waiting.set_result(reason)
        self._unconfirmed.clear()

    def _on_publish(self, _client: paho.Client, _userdata: Any, mid: int, code: ReasonCode, _props: Any) -> None:
        confirmed = self._unconfirmed.pop(mid, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(packets.words(code) if code.is_failure else "")
