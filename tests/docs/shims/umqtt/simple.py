"""micropython-lib's `umqtt.simple` as its documentation has it, on paho; messages are handed over when asked for.

Its rules are kept, so that a program that breaks them fails here, too: a publication with QoS 1 waits for its PUBACK
and so must not come from the callback; nothing is received but in `check_msg`, `subscribe` and `publish`.
"""

import collections
import os
import threading
from collections.abc import Callable

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

Callback = Callable[[bytes, bytes], None]
_PATIENCE_S = 10


class MQTTClient:
    """The client; `server` and `port` are those of the test."""

    def __init__(
        self, client_id: str, server: str, port: int = 0, user: str | None = None, password: str | None = None,
        keepalive: int = 0,
    ) -> None:  # fmt: skip
        self._connected, self._subscribed = threading.Event(), threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id)
        self._client.username_pw_set(user, password)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_connect = lambda *_: self._connected.set()
        self._keepalive = keepalive
        self._waiting: collections.deque[MQTTMessage] = collections.deque()
        self._callback: Callback | None = None
        self._in_callback = False

    def set_callback(self, callback: Callback) -> None:
        """Called with topic and payload, as bytes."""
        self._callback = callback

    def set_last_will(self, topic: str, msg: str, retain: bool = False, qos: int = 0) -> None:
        """Before `connect`."""
        self._client.will_set(topic, msg, qos, retain)

    def connect(self) -> None:
        """To the broker of the test."""
        self._client.connect("127.0.0.1", int(os.environ["MQTT_PORT"]), self._keepalive)
        self._client.loop_start()
        assert self._connected.wait(_PATIENCE_S)

    def subscribe(self, topic: str, qos: int = 0) -> None:
        """Waits for the SUBACK."""
        assert self._callback is not None, "Subscribe callback is not set"
        self._subscribed.clear()
        self._client.subscribe(topic, qos)
        assert self._subscribed.wait(_PATIENCE_S)

    def publish(self, topic: str, msg: str, retain: bool = False, qos: int = 0) -> None:
        """Waits for the PUBACK; messages that come meanwhile are handed to the callback."""
        assert not self._in_callback, "a publication in the callback waits for ever"
        self._client.publish(topic, msg, qos, retain).wait_for_publish(_PATIENCE_S)
        self.check_msg()

    def check_msg(self) -> None:
        """Hand over what has come."""
        while self._waiting:
            message = self._waiting.popleft()
            self._in_callback = True
            assert self._callback is not None
            self._callback(message.topic.encode(), bytes(message.payload))
            self._in_callback = False

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._waiting.append(message)
