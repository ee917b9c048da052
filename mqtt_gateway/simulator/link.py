"""One simulated device's MQTT connection: paho-mqtt on asyncio's readers and writers, without a thread of its own."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_gateway.simulator.client import Publish
from mqtt_gateway.simulator.options import SimulatorOptions

_KEEPALIVE_S: Final = 30
_CONNECT_S: Final = 5
_QUEUED: Final = 200  # QoS 1 messages; a small device has no room for more, new ones are lost then


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """What a link tells, on the event loop's thread."""

    up: Callable[[], None]  # connected and subscribed
    down: Callable[[str, bool], None]  # reason in words, whether the broker refused; once a link
    message: Callable[[str, bytes], None]  # topic, payload


class Link:
    """One connection, used once. A new one is made to reconnect.

    Args:
        options: the broker.
        client_id: MQTT client id.
        filters: topic filters to subscribe to at QoS 1.
        will: what the broker publishes should we vanish.
        tls: context, or None.
        handlers: who is told.
    """

    def __init__(
        self,
        options: SimulatorOptions,
        client_id: str,
        filters: list[str],
        will: Publish,
        tls: ssl.SSLContext | None,
        handlers: Handlers,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._options, self._filters, self._handlers = options, filters, handlers
        self._thread = threading.get_ident()
        self._over = False
        is_5 = options.version == "5"
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if is_5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            transport="websockets" if options.websocket_path else "tcp",
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_S
        client.max_queued_messages_set(_QUEUED)
        client.username_pw_set(options.username, options.password)
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        if options.websocket_path:
            client.ws_set_options(options.websocket_path)
        if tls is not None:
            client.tls_set_context(tls)
        self._take_callbacks(client)

    def _take_callbacks(self, client: Client) -> None:
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = lambda _c, _u, sock: self._forget(sock.fileno())
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda *_: self._handlers.up()
        client.on_message = self._on_message

    async def open(self) -> None:
        """Connect; the handlers hear how it went. Never raises."""
        try:
            await self._loop.run_in_executor(
                None, self._client.connect, self._options.host, self._options.port, _KEEPALIVE_S
            )
        except OSError as error:
            self._end(error.strerror or str(error))

    def publish(self, what: Publish) -> None:
        """Send it; lost without a word when the link is."""
        if not self._over:
            self._client.publish(what.topic, what.payload, what.qos, what.retain)

    def misc(self) -> None:
        """Keep-alive; call it about every second."""
        if not self._over:
            self._guarded(self._client.loop_misc)

    def break_off(self) -> None:
        """Vanish without DISCONNECT: the broker publishes the will. Nobody is told."""
        self._over = True
        self._close()

    async def close(self) -> None:
        """Say goodbye; the will stays unpublished. Nobody is told."""
        if not self._over:
            self._over = True
            self._client.disconnect()
            self._guarded(self._client.loop_write)
        self._close()

    # --------------------------------------------------------------------------------------- paho's callbacks

    def _on_socket_open(self, _client: Client, _userdata: Any, sock: Any) -> None:
        """In the connecting thread."""
        self._loop.call_soon_threadsafe(self._loop.add_reader, sock.fileno(), self._read)

    def _on_register_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        if threading.get_ident() == self._thread:
            try:
                self._loop.add_writer(sock.fileno(), self._write)  # at once: later the number may be another socket's
            except RuntimeError:  # uvloop refuses after a reset by the broker
                self._end("connection lost")
        else:
            self._loop.call_soon_threadsafe(self._loop.add_writer, sock.fileno(), self._write)

    def _on_unregister_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        if (fd := sock.fileno()) >= 0:  # -1: closed by us before
            self._loop.remove_writer(fd)

    def _forget(self, fd: int) -> None:
        if fd >= 0:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def _read(self) -> None:
        self._guarded(self._client.loop_read)
        while (pending := getattr(self._client.socket(), "pending", None)) and pending():  # TLS has read them already
            self._guarded(self._client.loop_read)

    def _write(self) -> None:
        self._guarded(self._client.loop_write)

    def _guarded(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - a foreign broker's packet that paho can't read ends this link only
            self._end(str(error))

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            hint = "; set MQTT_VERSION" if "protocol version" in (reason := code.getName().lower()) else ""
            self._end(reason + hint, refused=True)
        else:
            client.subscribe([(name, 1) for name in self._filters])

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, _code: ReasonCode, _props: Any) -> None:
        self._end("connection lost")

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if not self._over:
            self._handlers.message(message.topic, bytes(message.payload))

    def _end(self, reason: str, *, refused: bool = False) -> None:
        if not self._over:
            self._over = True
            self._loop.call_soon(self._close)  # not now: paho's lock, held around callbacks, would wait for itself
            self._handlers.down(reason, refused)

    def _close(self) -> None:
        sock = self._client.socket()
        if sock is None or sock.fileno() < 0:
            return
        self._forget(sock.fileno())
        sock.close()
