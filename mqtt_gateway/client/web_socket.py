"""A WebSocket in the place of a connected socket: MQTT's bytes go in and come out, frames are seen to here."""

import contextlib
import ssl
from typing import Any, Final

from mqtt_gateway.client.websocket_stream import RefusedError, WebSocketStream
from mqtt_gateway.rules.packet_reader import MalformedError

_MAX_ANSWER_BYTES: Final = 16_384  # of the handshake


def receive(real: Any, size: int) -> bytes:
    """``real.recv``, and what TLS has read already, which the event loop does not see."""
    data: bytes = real.recv(size)
    while isinstance(real, ssl.SSLSocket) and (pending := real.pending()):
        data += real.recv(pending)
    return data


class WebSocket:
    """See the file. Made in the connecting thread.

    Args:
        real: connected, TLS established, blocking with a time limit; it is not blocking afterwards.
        host: the broker's name or address.
        port: its TCP port.
        path: of the URL, with its query.

    Raises:
        RefusedError: no WebSocket is there.
        OSError: the connection is over, or nothing came in time.
    """

    def __init__(self, real: Any, host: str, port: int, path: str) -> None:
        self._real = real
        self._out, self._size = b"", 0  # what is still to be sent; of it, the bytes of MQTT that are reported when done
        self._frames = WebSocketStream(host, port, path, tls=isinstance(real, ssl.SSLSocket))
        self.failure = ""  # why the connection is over, if that is known
        self.fileno, self.setblocking, self.setsockopt = real.fileno, real.setblocking, real.setsockopt
        real.sendall(self._frames.outgoing())
        self._open()
        real.setblocking(False)

    def _open(self) -> None:
        """Byte by byte up to the end of the head: what follows are frames already, and belong to the event loop."""
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and len(answer) < _MAX_ANSWER_BYTES:
            if not (byte := self._real.recv(1)):
                break
            answer += byte
        if not (answer and self._frames.is_open(answer)):
            self._frames.is_open(b"")
            raise RefusedError("no HTTP answer to the WebSocket handshake")

    def recv(self, size: int) -> bytes:
        """As ``socket.recv``, but may return more; b"": the connection is over."""
        data = receive(self._real, size)
        try:
            stream = self._frames.feed(data) if data else b""
        except MalformedError as error:
            self.failure = str(error)
            return b""
        self._out += self._frames.outgoing()  # pongs, a goodbye
        with contextlib.suppress(OSError):
            self._flush()  # else it goes with what is sent next
        if stream:
            return stream
        if data and self._frames.closed is None:
            raise BlockingIOError
        self.failure = self._frames.closed or ""
        return b""

    def send(self, data: bytes) -> int:
        """As ``socket.send``: all or nothing. Called with the same bytes again until they are reported as sent."""
        if not self._size:
            self._frames.send(bytes(data))
            self._out += self._frames.outgoing()
            self._size = len(data)
        self._flush()
        sent, self._size = self._size, 0
        return sent

    def _flush(self) -> None:
        while self._out:
            self._out = self._out[self._real.send(self._out) :]

    def close(self) -> None:
        """As ``socket.close``; says goodbye if it can at once."""
        if not self._out:
            self._frames.close()
            with contextlib.suppress(OSError):
                self._real.send(self._frames.outgoing())
        self._real.close()
