"""A WebSocket in the place of a connected socket: MQTT's bytes go in and come out, frames are seen to here."""

import base64
import contextlib
import os
import ssl
from typing import Any, Final

from mqtt_gateway.rules import websocket
from mqtt_gateway.rules.packet_reader import MalformedError

_MAX_PINGS: Final = 100  # unanswered ones that are kept; older ones need no answer any more (RFC 6455, 5.5.3)


class RefusedError(ConnectionError):
    """There is no WebSocket at that address; ``str()`` says why."""


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
        self._frames = websocket.Frames()
        self.failure = ""  # why the connection is over, if that is known
        self.fileno, self.setblocking, self.setsockopt = real.fileno, real.setblocking, real.setsockopt
        key = base64.b64encode(os.urandom(16)).decode()
        real.sendall(websocket.request(host, port, path, key, tls=isinstance(real, ssl.SSLSocket)))
        if reason := websocket.refusal(self._answer(), key):
            raise RefusedError(reason)
        real.setblocking(False)

    def _answer(self) -> bytes:
        """Byte by byte: what follows are frames already."""
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = self._real.recv(1)
            if not byte or len(answer) >= websocket.MAX_ANSWER_BYTES:
                break
            answer += byte
        return answer

    def recv(self, size: int) -> bytes:
        """As ``socket.recv``, but may return more; b"": the connection is over."""
        data = receive(self._real, size)
        try:
            stream = self._frames.feed(data)
        except MalformedError as error:
            self.failure = str(error)
            return b""
        self._pong()
        if data and self._frames.closed is not None:
            self._say_goodbye()
        if stream:
            return stream
        if data and self._frames.closed is None:
            raise BlockingIOError
        self.failure = self._frames.closed or ""
        return b""

    def _pong(self) -> None:
        if self._frames.pings:
            pings, self._frames.pings = self._frames.pings[-_MAX_PINGS:], []
            self._out += b"".join(self._frame(one, websocket.PONG) for one in pings)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._flush()  # else it goes with what is sent next

    def send(self, data: bytes) -> int:
        """As ``socket.send``: all or nothing. Called with the same bytes again until they are reported as sent."""
        if not self._size:
            self._out += self._frame(bytes(data))
            self._size = len(data)
        self._flush()
        sent, self._size = self._size, 0
        return sent

    def _flush(self) -> None:
        while self._out:
            self._out = self._out[self._real.send(self._out) :]

    def _frame(self, payload: bytes, opcode: int = websocket.BINARY) -> bytes:
        return websocket.frame(payload, os.urandom(4), opcode)

    def close(self) -> None:
        """As ``socket.close``; says goodbye if it can at once."""
        self._say_goodbye()
        self._real.close()

    def _say_goodbye(self) -> None:
        if not self._out:
            with contextlib.suppress(OSError):
                self._real.send(self._frame(b"\x03\xe8", websocket.CLOSE))
