"""An MQTT client for tests (paho): publishes and waits for the PUBACK, collects what it is sent."""

import json
import queue
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.waiting import PATIENCE_S, eventually


@dataclass(frozen=True)
class Received:
    """One message that the broker delivered."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Properties | None

    def json(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)


def encode(payload: object) -> bytes:
    """Bytes and text as they are, anything else as JSON."""
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


class MqttClient:
    """A connected client. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        port: int,
        *,
        client_id: str = "",
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        will: tuple[str, object] | None = None,
        username: str | None = None,
        password: str | None = None,
        clean: bool = True,
        session_expiry_s: int = 0,
        comes_back: bool = True,
        authority: str = "",
    ) -> None:
        """Connect; with `clean` false and (in MQTT 5) a `session_expiry_s` the broker keeps the session.

        One that `comes_back` connects anew when it has lost its connection. With an `authority` (PEM): by TLS,
        trusting that one.
        """
        self._comes_back = comes_back
        self._received: queue.Queue[Received] = queue.Queue()
        self._connected = threading.Event()
        self._subscribed: dict[int, threading.Event] = {}
        v5 = version == MQTTProtocolVersion.MQTTv5
        how: dict[str, Any] = {"clean_session": None if v5 else clean, "reconnect_on_failure": comes_back}
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=version, **how)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_subscribe = lambda _client, _data, mid, *_: self._subscription(mid).set()
        self._client.max_inflight_messages_set(1000)
        self._client.username_pw_set(username, password)
        if authority:
            self._client.tls_set_context(ssl.create_default_context(cadata=authority))
        if will:
            self._client.will_set(will[0], encode(will[1]), qos=1, retain=True)
        self._client.connect("127.0.0.1", port, **(_session(clean, session_expiry_s) if v5 else {}))
        self._client.loop_start()
        assert self._connected.wait(PATIENCE_S), "the broker did not accept the client"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect the polite way: the broker publishes no will."""
        self._client.disconnect()
        self._client.loop_stop()

    def break_off(self) -> None:
        """Drop the connection without a DISCONNECT: the broker publishes the will."""
        self._client.loop_stop()
        if connection := self._client.socket():
            connection.close()

    def publish(self, topic: str, payload: object, qos: int = 1, *, retain: bool = False) -> None:
        """Publish and, for QoS 1 and 2, wait until the broker has confirmed it."""
        self.publish_all([(topic, payload)], qos, retain=retain)

    def publish_all(self, messages: Iterable[tuple[str, object]], qos: int = 1, *, retain: bool = False) -> None:
        """Publish many in a burst (once connected again), then wait until the broker has confirmed each."""
        if self._comes_back:
            eventually(self._client.is_connected, what="the client is connected again")
        sent = [self._client.publish(topic, encode(payload), qos, retain) for topic, payload in messages]
        deadline = time.monotonic() + PATIENCE_S + len(sent) / 500
        for one in sent:
            one.wait_for_publish(max(deadline - time.monotonic(), 0.01))
            assert one.is_published(), "the broker did not confirm a publish in time"

    def subscribe(self, topic_filter: str, qos: int = 1) -> None:
        """Subscribe and wait for the SUBACK."""
        _, mid = self._client.subscribe(topic_filter, qos)
        assert mid is not None
        assert self._subscription(mid).wait(PATIENCE_S), f"no SUBACK for {topic_filter}"

    def _subscription(self, mid: int) -> threading.Event:
        return self._subscribed.setdefault(mid, threading.Event())

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = getattr(message, "properties", None)
        received = Received(message.topic, bytes(message.payload), message.qos, message.retain, properties)
        self._received.put(received)

    def expect(self, topic_filter: str = "#", timeout_s: float = PATIENCE_S) -> Received:
        """The next message that matches; others are dropped.

        Raises:
            AssertionError: none within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._received.get(timeout=left)
            except queue.Empty:
                break
            if topic_matches_sub(topic_filter, message.topic):
                return message
        raise AssertionError(f"nothing on {topic_filter} within {timeout_s:g} s")

    def received(self) -> list[Received]:
        """All that came and was not yet taken."""
        messages = []
        while not self._received.empty():
            messages.append(self._received.get_nowait())
        return messages


def _session(clean: bool, expiry_s: int) -> dict[str, Any]:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    return {"clean_start": clean, "properties": properties}
