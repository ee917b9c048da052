"""The persistent MQTT session: the only module that knows aiomqtt, and paho-mqtt beneath it.

aiomqtt 2.5 does the sockets, TLS, keep-alive and SUBSCRIBE; PUBACKs and PUBLISH go straight through the paho client
that it wraps, because aiomqtt has no manual acknowledgement, and hides session-present and the reason codes of PUBACK.
Deliveries pass both of them by::

    socket ──> paho_socket.read ──> incoming ─┬─ PUBLISH ─────> Listener.delivered
                                              └─ all else ────> paho, as from its socket
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import aiomqtt
import structlog
from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_gateway.client import packets
from mqtt_gateway.client.broker import NEWS, ConnectError, Listener, Manner, Outgoing
from mqtt_gateway.client.keepalive import PausedKeepalive
from mqtt_gateway.client.packets import LOST, words
from mqtt_gateway.client.paho_socket import PahoSocket
from mqtt_gateway.client.publisher import Publisher
from mqtt_gateway.client.web_socket import WebSocket
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules.packet_reader import Copies, MalformedError, PacketReader

log = structlog.get_logger(__name__)

_ANSWER_S: Final = 5  # without the awaited answer of the broker, or anything before it
_NEVER_S: Final = 1e6  # aiomqtt's own time limit: ours is another
_OPEN_S: Final = 12  # name look-up, TCP, TLS, CONNACK together
_CLOSE_S: Final = 2


class AiomqttConnection:
    """One connection (see :class:`mqtt_gateway.client.broker.Connection`). Made on the running event loop.

    Args:
        options: where and as whom to connect.
        will: published by the broker should we vanish.
    """

    def __init__(self, options: GatewayOptions, will: Outgoing) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._is_5, self._stays = options.version == "5", not options.clean
        self._options = options
        self._client = _client(options, will)
        self._paho = self._client._client
        self._listener: Listener
        self._reader: PacketReader
        self._socket: PahoSocket | None = None
        self._read = 0  # times
        self._refused = ""  # the broker's "no", in words
        self._reader_fd = -1
        self._keepalive = PausedKeepalive(self._paho, options.keepalive_s)
        self._publisher = Publisher(self._paho, is_5=self._is_5)
        self.publish = self._publisher.publish  # see the protocol
        self.max_outgoing = 65_535
        self.identifies = self._is_5
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._take_over()

    def _take_over(self) -> None:
        """Manual PUBACKs; our callbacks in place of, or before, aiomqtt's."""
        client = self._paho
        self._aiomqtt_connect: Any = client.on_connect
        self._aiomqtt_disconnect: Any = client.on_disconnect
        self._aiomqtt_socket_open: Any = client.on_socket_open
        client.manual_ack_set(True)
        client.disable_logger()  # it formats several lines a message
        client.connect_timeout = _ANSWER_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_socket_open = self._on_socket_open
        client.on_socket_register_write = self._on_register_write

    # ------------------------------------------------------------------------------------------ connecting

    async def open(self, listener: Listener, copies: Copies | None = None) -> None:
        """See the protocol."""
        self._listener = listener
        self._reader = PacketReader(listener.delivered, self._pass_to_paho, is_5=self._is_5, copies=copies)
        try:
            if self._options.tls:
                self._paho.tls_set_context(packets.tls_context(self._options))
            await self._open()
        except BaseException as error:
            self.drop(LOST)
            if not isinstance(error, aiomqtt.MqttError | OSError):  # TLS's errors are OSErrors, too
                raise
            raise packets.no_connection(self._refused, str(error), is_5=self._is_5) from None
        self._client._disconnected.add_done_callback(self._on_aiomqtt_done)
        if self.lost.done():
            raise ConnectError(self.lost.result())

    async def _open(self) -> None:
        """Connect until CONNACK; aiomqtt alone would wait for one that can't come any more."""
        connecting = asyncio.ensure_future(self._client.__aenter__())
        try:
            await asyncio.wait((connecting, self.lost), timeout=_OPEN_S, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                connecting.result()
            else:
                raise ConnectionError(self.lost.result() if self.lost.done() else "no answer in time")
        finally:
            connecting.cancel()

    def _on_aiomqtt_done(self, done: "asyncio.Future[None]") -> None:
        """Aiomqtt gave up: mostly after our own callback, but an error while writing shows here only."""
        if not done.cancelled():
            done.exception()  # else asyncio complains that nobody looked at it
        self.drop(LOST)

    async def subscribe(self, filters: Sequence[str], manner: Manner = NEWS) -> None:
        """See the protocol."""
        how, properties = packets.how_to_subscribe(manner, is_5=self._is_5)
        wanted = [(name, how) for name in filters]
        codes = await self._answer(self._client.subscribe(wanted, properties=properties, timeout=_NEVER_S))
        packets.raise_if_refused(filters, codes)

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """See the protocol."""
        await self._answer(self._client.unsubscribe(list(filters), timeout=_NEVER_S))

    async def _answer(self, call: Any) -> Any:
        """The call's answer; ConnectError once the connection is lost, or the broker silent too long while we read."""
        task = asyncio.ensure_future(call)
        try:
            while True:
                read = self._read
                await asyncio.wait((task, self.lost), timeout=_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
                if self.lost.done():
                    raise ConnectError(self.lost.result())
                if self._read == read and not self._keepalive:
                    raise ConnectError("no answer in time")
        except aiomqtt.MqttError as error:
            raise ConnectError(str(error)) from None
        finally:
            task.cancel()

    async def close(self) -> None:
        """See the protocol."""
        if not self.lost.done():
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await self._client.__aexit__(None, None, None)
            except (aiomqtt.MqttError, OSError) as error:
                log.info("could not disconnect cleanly", reason=str(error))
        self.drop("closed")
        await asyncio.sleep(0)  # the socket closes in the loop's next turn

    def drop(self, reason: str) -> None:
        """See the protocol. Frees the socket, tells everybody who waits."""
        self._keepalive.end()
        self._reader.held = True
        if not self.lost.done():
            self.lost.set_result(reason)
        # aiomqtt leaves the socket open after an error. Not now: in paho's callbacks its lock would wait for itself.
        self._loop.call_soon(self._paho._sock_close)
        self._publisher.lose(reason)

    # ---------------------------------------------------------------------- what we confirm, and when we read

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """See the protocol."""
        if self.lost.done():
            return
        if not (pubacks := packets.pubacks(packet_ids)):
            return
        if self._socket is not None and not self._paho._out_packet:  # nothing waits that they would overtake
            pubacks = pubacks[self._socket.send_at_once(pubacks) :]
        if pubacks:  # the rest as one packet of paho's
            self._paho._packet_queue(paho.PUBACK, pubacks, 0, 1)

    def pause(self) -> None:
        """See the protocol."""
        if self._reader_fd >= 0 and not self.lost.done():
            self._loop.remove_reader(self._reader_fd)
            self._reader.held = True  # what has been read, 64 KiB and a packet at most, waits there
            self._keepalive.begin()

    def resume(self) -> None:
        """See the protocol."""
        self._keepalive.end()
        if self._reader_fd >= 0 and not self.lost.done():
            self._reader.held = False
            self._watch(self._loop.add_reader, self._reader_fd, self._on_readable)
            self._loop.call_soon(self._on_readable)

    # --------------------------------------------------------------------------------------- paho's callbacks

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """In aiomqtt's connecting thread. Socket and reader are replaced by ours."""
        if path := self._options.websocket_path:
            sock.settimeout(_ANSWER_S)
            sock = WebSocket(sock, self._options.host, self._options.port, path)
        self._aiomqtt_socket_open(client, userdata, sock)
        self._socket = PahoSocket(sock)
        self._paho._sock = self._socket  # type: ignore[assignment]
        self._reader_fd = sock.fileno()
        self._loop.call_soon_threadsafe(self._begin_reading)

    def _on_register_write(self, _client: paho.Client, _userdata: Any, sock: Any) -> None:
        """Like aiomqtt's, but at once when it can be: a turn later the number may be another socket's."""
        if threading.get_ident() == self._thread:
            self._watch(self._loop.add_writer, sock.fileno(), self._on_writable)
        else:
            self._loop.call_soon_threadsafe(self._loop.add_writer, sock.fileno(), self._on_writable)

    def _watch(self, add: Callable[[int, Callable[[], None]], None], fd: int, callback: Callable[[], None]) -> None:
        """Have the loop watch the socket. After a reset by the peer, uvloop refuses to, and no longer reads either."""
        try:
            add(fd, callback)
        except RuntimeError:
            self.drop(LOST)

    def _on_writable(self) -> None:
        try:
            self._paho.loop_write()
        except Exception:
            log.exception("writing to the broker failed")
            self.drop(LOST)

    def _begin_reading(self) -> None:
        if self.lost.done():  # given up while the thread was still connecting
            self._paho._sock_close()
        else:
            self._watch(self._loop.add_reader, self._reader_fd, self._on_readable)

    def _on_readable(self) -> None:
        if self._reader.held or self._socket is None:  # since this call was planned
            return
        try:
            data = self._socket.read()
            if data is None:
                self._socket.end()
                self._paho.loop_read()
            else:
                self._read += 1
                self._paho._last_bytes_received = time.monotonic()  # else it would ping
                self._reader.feed(data)
        except MalformedError as error:
            self.drop(str(error))
        except Exception:
            log.exception("reading from the broker failed")
            self.drop("unreadable packet from the broker")

    def _pass_to_paho(self, packet: bytes) -> None:
        assert self._socket is not None  # it was read from it
        self._socket.hand(packet)
        self._paho.loop_read()

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if not code.is_failure:
            self.max_outgoing = getattr(properties, "ReceiveMaximum", 65_535)
            self.identifies = self._is_5 and bool(getattr(properties, "SubscriptionIdentifierAvailable", 1))
            self._publisher.max_packet = getattr(properties, "MaximumPacketSize", None)
            kept_s = getattr(properties, "SessionExpiryInterval", packets.FOR_EVER)
            if kept_s != packets.FOR_EVER and self._stays:
                log.warning("the broker keeps our session for a limited time only", seconds=kept_s)
            self._listener.opened(session_present=bool(flags.session_present))
        else:
            self._refused = words(code)
        self._aiomqtt_connect(client, userdata, flags, code, properties)

    def _on_disconnect(self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._aiomqtt_disconnect(client, userdata, flags, code, properties)
        by_broker = flags.is_disconnect_packet_from_server
        failure = self._socket.failure if self._socket else ""
        self.drop(f"closed by the broker: {words(code)}" if by_broker else failure or words(code))


def _client(options: GatewayOptions, will: Outgoing) -> aiomqtt.Client:
    is_5 = options.version == "5"
    return aiomqtt.Client(
        options.host,
        options.port,
        username=options.username,
        password=options.password,
        identifier=options.client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if is_5 else aiomqtt.ProtocolVersion.V311,
        will=aiomqtt.Will(will.topic, will.payload, 1, will.retain),
        clean_session=None if is_5 else options.clean,
        # aiomqtt's default would wipe the session at every start; 3.1.1 has none but paho insists on this value.
        clean_start=options.clean if is_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=packets.connect_properties(options.in_flight_limit, stays=not options.clean) if is_5 else None,
        keepalive=options.keepalive_s,
        timeout=_ANSWER_S,
        max_inflight_messages=65_535,  # downlink.py bounds them
    )
