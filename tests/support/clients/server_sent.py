"""Server-Sent Events as a client reads them (WHATWG HTML, 9.2.6), and what must hold for each of a device stream."""

import contextlib
import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode

from devices.web.live.stream.server_frames import convert
from tests.support.clients.follower_thread import FollowerThread

MAX_ID_BYTES = 1024


class EventReader:
    """Turns bytes into the stream's frames; ``last_id`` is what a client goes on from."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.comments = 0
        self.retry_ms: int | None = None
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The frames that are complete now, each checked."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        frames = [self._line(line.decode()) for line in lines]
        return [frame for frame in frames if frame is not None]

    def _line(self, line: str) -> dict[str, Any] | None:
        if line.startswith(":"):
            self.comments += 1
        elif line:
            name, _, value = line.partition(": ")
            assert name in ("id", "event", "data", "retry"), line
            assert name not in self._fields, "a frame is one line"
            self._fields[name] = value
        else:
            return self._dispatch()
        return None

    def _dispatch(self) -> dict[str, Any] | None:
        fields, self._fields = self._fields, {}
        if "retry" in fields:
            self.retry_ms = int(fields["retry"])
        if "data" not in fields:
            return None
        frame: dict[str, Any] = json.loads(fields["data"])
        convert(frame)
        assert fields["event"] == frame["type"]
        has_id = frame["type"] in ("delta", "event", "gone") or (frame["type"] == "snapshot" and not frame["more"])
        assert ("id" in fields) == has_id, frame["type"]
        self.last_id = fields.get("id", self.last_id)
        assert len(fields.get("id", "")) <= MAX_ID_BYTES
        return frame


class EventFollower(FollowerThread):
    """Follows by events what it asked for, in a thread, until closed; comes again whenever the stream has ended.

    Args:
        port: of the web process.
        token: an API token.
        query: the request's.
    """

    def __init__(self, port: int, token: str, **query: Any) -> None:
        super().__init__(port, token)
        self._path = f"/api/v1/stream?{urlencode(query, doseq=True)}"
        self._last_id = ""
        self._unsure: set[str] = set()  # shown since the last id: they will be shown again
        self._socket: socket.socket | None = None

    def cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _once(self) -> None:
        try:
            self._one_stream()
        finally:
            self._forget_unsure()

    def _one_stream(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": self._authorization} | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        with contextlib.closing(connection):
            connection.request("GET", self._path, headers=headers)
            self._socket = connection.sock
            answer = connection.getresponse()
            if answer.status == 503:
                return
            assert answer.status == 200, answer.read()
            self.connections += 1
            reader = EventReader(self._last_id)
            while data := answer.read1(65_536):
                for frame in reader.feed(data):
                    self._take(frame)
                self._last_id = reader.last_id

    def _take(self, frame: dict[str, Any]) -> None:
        self.stream.take(frame)
        if frame["type"] == "snapshot" and frame["more"]:
            self._unsure |= {one["device"] for one in frame["devices"]}
        elif frame["type"] in ("snapshot", "delta", "event", "gone"):
            self._unsure.clear()

    def _forget_unsure(self) -> None:
        for device in self._unsure:
            self.stream.devices.pop(device, None)
        self._unsure.clear()
