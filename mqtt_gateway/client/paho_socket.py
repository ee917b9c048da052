"""The socket of a connection, as paho-mqtt sees it: without the deliveries, which are read past paho."""

import socket
import ssl
from typing import Any, Final

from mqtt_gateway.client.web_socket import receive

_READ_BYTES: Final = 65_536  # at once, then other tasks get their turn


class PahoSocket:
    """Takes the place of paho's socket: paho sends through it, but receives only what :meth:`hand` gives it.

    Args:
        real: connected, TLS or WebSocket established, not blocking.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self._handed, self._ended = b"", False
        self.failure = ""  # why TLS has ended the connection, in its own words
        real.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send, self.close, self.fileno = real.send, real.close, real.fileno

    # ------------------------------------------------------------------------------------------ our side

    def read(self) -> bytes | None:
        """What has arrived, 64 KiB at most; None: the connection is over."""
        try:
            data = receive(self._real, _READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except ssl.SSLError as error:
            self.failure = f"TLS: {error.reason or error}".replace("_", " ").lower().replace("tls:", "TLS:")
            return None
        except OSError:
            return None
        if not data:
            self.failure = getattr(self._real, "failure", "")
        return data or None

    def send_at_once(self, data: bytes) -> int:
        """Send what the socket takes now, without a turn of the event loop; how many bytes that was."""
        try:
            sent: int = self._real.send(data)
        except OSError:  # full, or lost: that shows again, and is seen to, where the rest is sent
            return 0
        return sent

    def hand(self, packet: bytes) -> None:
        """Give paho something to read, with its next ``loop_read``."""
        self._handed += packet

    def end(self) -> None:
        """Let paho find out that the connection is over."""
        self._ended = True

    # ----------------------------------------------------------------------------------------- paho's side

    def recv(self, size: int) -> bytes:
        """As ``socket.recv``."""
        if not self._handed and not self._ended:
            raise BlockingIOError
        data, self._handed = self._handed[:size], self._handed[size:]
        return data
