"""Daphne with an ASGI extension: a WebSocket application may write text frames at once, without a task for it.

``scope["extensions"]["causeway.frames"]["write"]`` takes several payloads, each a pair of bytes (UTF-8) and whether the
application has compressed them (permessage-deflate, no context), and sends each as one text frame, in order with all
that is sent by ASGI's ``send``; on a socket that isn't open they vanish, as ASGI says of ``send``. Once the socket is
accepted, ``["takes_deflated"]()`` says whether its client takes compressed ones.

docs/decisions/0016-frames-past-asgi-send.md says why, and what it saves. Nothing of Daphne's or autobahn's is replaced
but by their own hooks: the command's ``server_class``, the factory's ``protocol``, the protocol's ``sendData``. TLS
endpoints of Daphne's own have it too, but frames go through Twisted's buffer there.

Neither side of permessage-deflate (RFC 7692) carries a context from one message to the next. So what is compressed can
go to many sockets, and a socket keeps no memory for it: docs/decisions/0031-deflate-shared-by-sockets.md.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer  # type: ignore[import-untyped]

from runtime.http import response_flow
from runtime.http.response_flow import ResponseFlow

reactor: Any = _reactor  # the interfaces that Twisted declares for it are narrower than it is
EXTENSION: Final = "causeway.frames"
INFLATED_A_TURN_BYTES: Final = 1024 * 1024  # of one socket; then whatever else the event loop has to do comes first
CLOSE_S: Final = 10.0  # for the client's answer to a close
_TEXT: Final = 0x81  # FIN and opcode 1, RFC 6455 5.2; what a server sends isn't masked
_DEFLATED_TEXT: Final = 0xC1  # and RSV1, RFC 7692 6
_SHORT, _LONG_16, _MAX_16 = 125, 126, 0xFFFF
_LONG_64: Final = 127
_WINDOW_BITS: Final = 15


def install() -> None:
    """Let the ``daphne`` command make such servers; before it makes one."""
    CommandLineInterface.server_class = FrameServer
    WebSocketFactory.protocol = FrameProtocol


def compress(*, on: bool) -> None:
    """Whether to compress where a client offers it, from now on."""
    FrameProtocol.compresses = on


class FrameServer(Server):
    """Offers the extension to WebSocket applications, and runtime.http.response_flow to those of HTTP."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Daphne's; adds to the scope."""
        if isinstance(protocol, FrameProtocol):
            offered = {"write": protocol.write_payloads, "takes_deflated": protocol.takes_deflated}
            scope.setdefault("extensions", {})[EXTENSION] = offered
        elif isinstance(protocol, WebRequest):
            scope.setdefault("extensions", {})[response_flow.EXTENSION] = partial(ResponseFlow, protocol)
        return super().create_application(protocol, scope)

    def kill_all_applications(self) -> Any:
        """Daphne's, at the end; it expects an application of every connection, and half a request has none yet."""
        self.connections: dict[Any, Any] = {
            one: it for one, it in self.connections.items() if "application_instance" in it
        }
        return super().kill_all_applications()


class FrameProtocol(WebSocketProtocol):
    """One socket. All that it writes goes through one :class:`Writer`, so that nothing overtakes anything."""

    compresses = False  # whether clients may have it
    writer: "Writer | None" = None
    _inflated_bytes = 0  # in this turn of the event loop

    def onConnect(self, request: Any) -> Any:  # noqa: N802  autobahn's name
        """A handshake. Who sends too large a frame then is told so (1009); autobahn would just hang up.

        A close waits for all that was written before it, on slow ways too: autobahn would cut it off after a second.
        """
        self.failByDrop = False
        self.closeHandshakeTimeout = CLOSE_S
        if self.compresses:
            self.perMessageCompressionAccept = first_acceptable
        return super().onConnect(request)

    # Out ---------------------------------------------------------------------------------------------------------

    def takes_deflated(self) -> bool:
        """Whether compression was agreed on with the client."""
        return self._perMessageCompress is not None

    def write_payloads(self, payloads: Sequence[tuple[bytes, bool]]) -> None:
        """Send text frames."""
        if self.state == self.STATE_OPEN:
            parts = [part for data, is_deflated in payloads for part in (_head(len(data), is_deflated), data)]
            self.sendData(b"".join(parts))

    def sendMessage(self, payload: bytes, isBinary: bool = False, **options: Any) -> None:  # noqa: N802, N803
        """Autobahn's, for ASGI's ``send``. It would compress small messages too, and keep 256 KiB a socket for that."""
        super().sendMessage(payload, isBinary, **options | {"doNotCompress": True})

    def onOpen(self) -> None:  # noqa: N802  autobahn's name
        """The answer to the upgrade is written, but perhaps not sent."""
        super().onOpen()
        if isinstance(self.transport, Connection):
            self.unregisterProducer()  # the HTTP channel, whose part is over
            self.writer = Writer(self.transport)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        """Autobahn's way to the transport, of handshakes, pings, pongs and closes."""
        if self.writer is None:
            super().sendData(data, sync, chopsize)
        else:
            self.writer.write(data)

    # In ----------------------------------------------------------------------------------------------------------

    def processData(self) -> bool:  # noqa: N802  autobahn's name
        """Take the next frame of what was read. A few bytes may inflate to a thousand times as many: not too often."""
        if self._inflated_bytes >= INFLATED_A_TURN_BYTES:
            return False
        return bool(super().processData())

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """A whole message, of at most 1 MiB."""
        if self._isMessageCompressed:
            self._perMessageCompress._decompressor = None  # 40 KB; the next message gets a new one in any case
            self._inflated(len(payload))
        super().onMessage(payload, isBinary)

    def _inflated(self, size: int) -> None:
        before, self._inflated_bytes = self._inflated_bytes, self._inflated_bytes + size
        if before == 0:
            reactor.callLater(0, self._next_turn)
        if before < INFLATED_A_TURN_BYTES <= self._inflated_bytes:
            self.transport.pauseProducing()

    def _next_turn(self) -> None:
        before, self._inflated_bytes = self._inflated_bytes, 0
        if before >= INFLATED_A_TURN_BYTES and self.state != self.STATE_CLOSED:
            self.consumeData()
            if self._inflated_bytes < INFLATED_A_TURN_BYTES:
                self.transport.resumeProducing()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Twisted's."""
        self.writer = None
        super().connectionLost(reason)


@implementer(IPullProducer)
class Writer:
    """Writes straight to the socket while Twisted has nothing waiting for it: that saves the event loop's part.

    What the socket does not take goes to Twisted's buffer, and so does everything after it until Twisted, asking this
    for more as it asks any pull producer, says that its buffer is empty.

    Args:
        transport: may have something waiting already.
    """

    def __init__(self, transport: Connection) -> None:
        self._transport: Any = transport
        self._direct = False
        self._await_empty()

    def write(self, data: bytes) -> None:
        """Send; in order."""
        sent: int | Exception = 0
        if self._direct:
            sent = self._transport.writeSomeData(data)
            if sent == len(data):
                return
            self._await_empty()
        self._transport.write(data[sent:] if isinstance(sent, int) else data)  # Twisted sees for itself if it is closed

    def _await_empty(self) -> None:
        self._direct = False
        self._asked = False
        self._transport.registerProducer(self, streaming=False)

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        """Twisted: at once when registered, and then when its buffer is empty."""
        if self._asked:
            self._transport.unregisterProducer()
            self._direct = True
        self._asked = True

    def stopProducing(self) -> None:  # noqa: N802
        """Twisted: the connection is lost."""
        self._direct = False


def _head(length: int, is_deflated: bool) -> bytes:
    first = _DEFLATED_TEXT if is_deflated else _TEXT
    if length <= _SHORT:
        return bytes((first, length))
    if length <= _MAX_16:
        return bytes((first, _LONG_16)) + length.to_bytes(2)
    return bytes((first, _LONG_64)) + length.to_bytes(8)


class Agreement(PerMessageDeflateOfferAccept):
    """The answer to an offer: no context takeover in either direction, asked for or not (RFC 7692 7.1.1)."""

    def __init__(self, offer: PerMessageDeflateOffer) -> None:
        made: Any = super()  # untyped
        made.__init__(offer, request_no_context_takeover=True, no_context_takeover=True)

    def get_extension_string(self) -> str:
        """The header's value. A limit of our window is repeated, as it must be."""
        limit = f"; server_max_window_bits={_WINDOW_BITS}" if self.offer.request_max_window_bits else ""
        return f"{self.EXTENSION_NAME}; server_no_context_takeover; client_no_context_takeover{limit}"


def first_acceptable(offers: Sequence[Any]) -> Agreement | None:
    """Accept the first offer that leaves us our window: what is compressed once has one size of window."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in (0, _WINDOW_BITS):
            return Agreement(offer)
    return None
