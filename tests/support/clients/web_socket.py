"""Following a site as long as it takes, every frame checked against docs/websocket.md: causeway_client, with a memory.

``Stream`` keeps all that it was told. ``Follower`` keeps one up to date in a thread, with the client that programs use,
except that it mends nothing: what breaks the stream rule is raised.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self

from causeway_client import (
    Backoff,
    BlockingClient,
    Change,
    Delta,
    Event,
    Gone,
    Link,
    Snapshot,
    merge_patch,
)
from causeway_client import Stream as ClientStream
from causeway_client import StreamBrokenError as ClientStreamBrokenError
from devices.web.live.stream.server_frames import convert
from tests.support.waiting import PATIENCE_S, eventually

__all__ = ["Follower", "Frame", "Stream", "StreamBrokenError", "merge_patch"]

Frame = dict[str, Any]


class StreamBrokenError(ClientStreamBrokenError, AssertionError):
    """The server broke the stream rule; for a test, a failure like any other."""


class Stream(ClientStream):
    """What one subscription has been told. Raises StreamBrokenError on a gap, a repeat or another order."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: dict[str, dict[int, Frame]] = {}  # device → rev → reading
        self.events: dict[str, dict[int, Frame]] = {}
        self.snapshots: list[tuple[str, str]] = []  # (reason, device), each that was shown
        self.gone: list[str] = []

    def take(self, frame: Frame) -> None:
        """Apply a frame; those of another kind are ignored."""
        self.apply(frame)

    def apply(self, frame: Frame) -> list[Change]:
        convert(frame)  # or it is one that docs/websocket.md does not have
        try:
            changes = super().apply(frame)
        except ClientStreamBrokenError as broken:
            raise StreamBrokenError(str(broken), broken.device) from broken
        for change in changes:
            self._remember(change, frame)
        return changes

    def forget(self, devices: Any) -> list[Change]:
        changes = super().forget(devices)
        self.gone += [change.device for change in changes if isinstance(change, Gone)]
        return changes

    def _remember(self, change: Change, frame: Frame) -> None:
        match change:
            case Snapshot():
                self.snapshots.append((change.reason, change.device))
            case Delta():
                readings = self.readings.setdefault(change.device, {})
                readings.update((reading["rev"], reading) for reading in change.readings)
            case Event():
                self.events.setdefault(change.device, {})[change.rev] = frame


class Follower:
    """Follows what it subscribed to, in a thread, until closed. Use it as a context manager.

    Args:
        url: ``ws://…/ws/v1/``.
        token: an API token.
        fields: of the subscribe request, without ``devices``: ``site="demo"``.
    """

    def __init__(self, url: str, token: str, **fields: Any) -> None:
        self.stream = Stream()
        self.links: list[Frame] = []
        self._client = BlockingClient(url, token, strict=True, backoff=Backoff(0.1, 1), proxy=None)
        self._fields = fields
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    @property
    def connections(self) -> int:
        """How often it was connected."""
        return self._client.connections

    def __enter__(self) -> Self:
        self._client.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()
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

    def cut(self) -> None:
        """Break the connection, as a network does."""
        self._client.reconnect()

    def _follow(self) -> None:
        try:
            for change in self._client.follow(stream=self.stream, **self._fields):
                if isinstance(change, Link):
                    self.links.append({"type": "link", **asdict(change)})
        except ClientStreamBrokenError as broken:
            self._failure = StreamBrokenError(str(broken), broken.device)
        except Exception as failure:  # noqa: BLE001  told to whoever waits
            self._failure = failure
