"""Followers by other ways than the WebSocket's and events': long polling, and an app's consumer (tests.apps.relay)."""

import contextlib
import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode

from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.clients.follower_thread import FollowerThread
from tests.support.clients.web_socket import Frame

_STREAMED = ("snapshot", "delta", "event", "gone")


class PollFollower(FollowerThread):
    """By long polling.

    Args:
        port: of the web process.
        token: an API token.
        query: the requests'.
    """

    def __init__(self, port: int, token: str, **query: Any) -> None:
        super().__init__(port, token)
        self._query = {"wait": 5, **query}
        self._after = ""
        self._socket: socket.socket | None = None

    def cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _once(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with contextlib.closing(connection):
            connection.connect()
            self._socket = connection.sock
            self.connections += 1
            while not self._closed.is_set():
                query = self._query | ({"after": self._after} if self._after else {})
                path = f"/api/v1/stream?{urlencode(query, doseq=True)}"
                connection.request("GET", path, headers={"Authorization": self._authorization})
                if not self._take(connection.getresponse()):
                    return

    def _take(self, answer: http.client.HTTPResponse) -> bool:
        """One answer; False: it is none, or not whole, and is to be asked for again."""
        content = answer.read()
        if answer.status == 503:
            return False
        assert answer.status == 200, content
        try:
            told = json.loads(content)
        except ValueError:
            return False
        for frame in told["items"]:
            if frame["type"] in _STREAMED:
                self.stream.take(frame)
        self._after = told["next"]
        return True


class RelayFollower(FollowerThread):
    """By the consumer of tests.apps.relay.

    Args:
        port: of the web process.
        token: an API token.
        site: whose devices.
    """

    def __init__(self, port: int, token: str, *, site: str) -> None:
        super().__init__(port, token)
        self._target = f"{site}/*"
        self._connection: Connection | None = None
        self._n = 0

    def cut(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.socket.shutdown(socket.SHUT_RDWR)

    def _once(self) -> None:
        headers = {"Authorization": self._authorization}
        url = f"ws://127.0.0.1:{self._port}/apps/relay/events/"
        with connect(url, additional_headers=headers, proxy=None, max_size=None) as connection:
            self._connection = connection
            self.connections += 1
            connection.send(json.dumps({"target": self._target, "revs": self.stream.revs}))
            for text in connection:
                self.stream.take(self._frame(json.loads(text)))

    def _frame(self, event: Frame) -> Frame:
        """The frame that has such an event."""
        kind = event.pop("type").removeprefix("device.")
        self._n += 1
        frame: Frame = {"n": self._n, "type": kind, "sub": event.pop("watch")}
        if kind == "snapshot":
            return frame | {"reason": event.pop("reason"), "more": False, "devices": [event]}
        return frame | ({"items": [event]} if kind == "delta" else event)
