"""What follows a device stream in a thread, by whichever way, and comes again whenever a connection has ended."""

import contextlib
import http.client
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from websockets.exceptions import WebSocketException

from tests.support.clients.web_socket import Stream
from tests.support.waiting import PATIENCE_S, eventually

_AGAIN_S = 0.1


class FollowerThread(ABC):
    """Follows until it is closed. A context manager.

    Args:
        port: of the web process.
        token: an API token.
    """

    def __init__(self, port: int, token: str) -> None:
        self.stream = Stream()
        self.connections = 0
        self._port, self._authorization = port, f"Bearer {token}"
        self._closed = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closed.set()
        self.cut()
        self._thread.join(20)
        self.check()

    def check(self) -> None:
        """Raise what the thread raised."""
        if self._failure is not None:
            raise self._failure

    def until(self, wanted: Callable[[Stream], object], timeout_s: float = PATIENCE_S, what: str | None = None) -> None:
        """Wait until the stream is as wanted."""

        def probe() -> object:
            self.check()
            return wanted(self.stream)

        eventually(probe, timeout_s, what=what, retry_on=(RuntimeError, KeyError))

    @abstractmethod
    def cut(self) -> None:
        """Break the connection, as a network does."""

    @abstractmethod
    def _once(self) -> None:
        """Follow until the connection ends."""

    def _follow(self) -> None:
        try:
            while not self._closed.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException, WebSocketException):
                    self._once()
                self._closed.wait(_AGAIN_S)
        except Exception as failure:  # noqa: BLE001  told to whoever waits
            self._failure = failure
