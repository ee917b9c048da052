"""A WebSocket client for tests that speaks docs/websocket.md and checks what must hold for every frame."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from devices.web.live.stream.server_frames import decode
from tests.support.waiting import PATIENCE_S

Frame = dict[str, Any]

_OPEN_TIMEOUT_S = PATIENCE_S


class LiveSocket:
    """One connection. Frames that a call passes over while it waits stay in `seen`."""

    def __init__(self, url: str, token: str | None = None, **options: Any) -> None:
        """Connect with a token, or with the headers in `options` (websockets' own)."""
        headers = dict(options.pop("additional_headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._connection: ClientConnection = connect(
            url, additional_headers=headers, open_timeout=_OPEN_TIMEOUT_S, max_size=None, proxy=None, **options
        )
        self._ids = itertools.count(1)
        self._n = 0
        self.seen: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close from our side."""
        self._connection.close()

    def send(self, frame: Frame) -> None:
        """Send one frame as it is."""
        self._connection.send(json.dumps(frame))

    def send_text(self, text: str) -> None:
        """Send what may be no JSON at all."""
        self._connection.send(text)

    def receive(self, timeout_s: float = PATIENCE_S) -> Frame:
        """The next frame; its `n` must be one more than the last one's.

        Raises:
            ValidationError: docs/websocket.md does not have such a frame.
            TimeoutError: none came in time.
            ConnectionClosed: the server closed.
        """
        text = self._connection.recv(timeout=timeout_s)
        decode(text)
        frame: Frame = json.loads(text)
        self._n += 1
        assert frame.get("n") == self._n, f"frame {self._n} is numbered {frame.get('n')}"
        self.seen.append(frame)
        return frame

    def until(self, wanted: Callable[[Frame], object], timeout_s: float = PATIENCE_S) -> Frame:
        """The next frame that `wanted` is true for.

        Raises:
            AssertionError: none came within `timeout_s`; it shows what came instead.
        """
        deadline = time.monotonic() + timeout_s
        passed = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = self.receive(left)
            except TimeoutError:
                break
            if wanted(frame):
                return frame
            passed.append(frame)
        raise AssertionError(f"the awaited frame did not come within {timeout_s:g} s; these did: {passed}")

    def until_type(self, kind: str, timeout_s: float = PATIENCE_S) -> Frame:
        """The next frame of this type."""
        return self.until(lambda frame: frame["type"] == kind, timeout_s)

    def request(self, kind: str, timeout_s: float = PATIENCE_S, **fields: Any) -> Frame:
        """Send a request with a fresh id; returns the reply to it (`ok` or `error`)."""
        identity = str(next(self._ids))
        self.send({"type": kind, "id": identity, **fields})
        return self.until(lambda frame: frame["type"] in {"ok", "error"} and frame.get("id") == identity, timeout_s)

    def acknowledge(self) -> None:
        """Tell the server that all frames up to now were handled."""
        self.send({"type": "ack", "n": self._n})

    def closed_with(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait until the server closes; returns the close code.

        Raises:
            AssertionError: it did not close within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.receive(left)
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006  # RFC 6455 7.1.5: closed without a close frame
            except TimeoutError:
                break
        raise AssertionError(f"the server did not close within {timeout_s:g} s")
