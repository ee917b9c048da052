"""Daphne with an ASGI extension: a WebSocket application may write text frames at once, without a task for it.

``scope["extensions"]["causeway.frames"]["write"]`` takes several texts (bytes, UTF-8) and sends each as one frame, in
order with all that is sent by ASGI's ``send``; on a socket that isn't open they vanish, as ASGI says of ``send``.
docs/decisions/0016-frames-past-asgi-send.md says why, and what it saves. Nothing of Daphne's or autobahn's is replaced
but by their own hooks: the command's ``server_class``, the factory's ``protocol``, the protocol's ``sendData``. TLS
endpoints of Daphne's own have it too, but frames go through Twisted's buffer there.
"""

from collections.abc import Sequence
from typing import Any, Final

from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer  # type: ignore[import-untyped]

EXTENSION: Final = "causeway.frames"
CLOSE_S: Final = 10.0  # for the client's answer to a close
_TEXT: Final = 0x81  # FIN and opcode 1, RFC 6455 5.2; what a server sends isn't masked
_SHORT, _LONG_16, _MAX_16 = 125, 126, 0xFFFF
_LONG_64: Final = 127


def install() -> None:
    """Let the ``daphne`` command make such servers; before it makes one."""
    CommandLineInterface.server_class = FrameServer
    WebSocketFactory.protocol = FrameProtocol


class FrameServer(Server):
    """Offers the extension to WebSocket applications."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Daphne's; adds to the scope."""
        if isinstance(protocol, FrameProtocol):
            scope.setdefault("extensions", {})[EXTENSION] = {"write": protocol.write_texts}
        return super().create_application(protocol, scope)

    def kill_all_applications(self) -> Any:
        """Daphne's, at the end; it expects an application of every connection, and half a request has none yet."""
        self.connections: dict[Any, Any] = {
            one: it for one, it in self.connections.items() if "application_instance" in it
        }
        return super().kill_all_applications()


class FrameProtocol(WebSocketProtocol):
    """One socket. All that it writes goes through one :class:`Writer`, so that nothing overtakes anything."""

    writer: "Writer | None" = None

    def onConnect(self, request: Any) -> Any:  # noqa: N802  autobahn's name
        """A handshake. Who sends too large a frame then is told so (1009); autobahn would just hang up.

        A close waits for all that was written before it, on slow ways too: autobahn would cut it off after a second.
        """
        self.failByDrop = False
        self.closeHandshakeTimeout = CLOSE_S
        return super().onConnect(request)

    def write_texts(self, texts: Sequence[bytes]) -> None:
        """Send text frames."""
        if self.state == self.STATE_OPEN:
            self.sendData(b"".join([part for text in texts for part in (_head(len(text)), text)]))

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


def _head(length: int) -> bytes:
    if length <= _SHORT:
        return bytes((_TEXT, length))
    if length <= _MAX_16:
        return bytes((_TEXT, _LONG_16)) + length.to_bytes(2)
    return bytes((_TEXT, _LONG_64)) + length.to_bytes(8)
