"""A client of the WebSocket that follows a site as long as it takes, and checks every frame against docs/websocket.md.

``Stream`` is the stream rule as a client sees it, without a socket. ``Follower`` keeps one up to date in a
thread: it acknowledges, and when the connection breaks it comes back and resumes from the revs that it has.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.waiting import eventually

Frame = dict[str, Any]
ACK_EVERY_FRAMES = 64
ACK_EVERY_S = 1.0


class StreamBrokenError(AssertionError):
    """The server broke the stream rule."""


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396 section 2."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge_patch(out.get(name), value)
    return out


class Stream:
    """What one subscription has been told. Raises StreamBrokenError on a gap, a repeat or another order."""

    def __init__(self) -> None:
        self.devices: dict[str, Frame] = {}
        self.readings: dict[str, dict[int, Frame]] = {}  # device → rev → reading
        self.events: dict[str, dict[int, Frame]] = {}
        self.snapshots: list[tuple[str, str]] = []  # (reason, device), each that was shown
        self.gone: list[str] = []

    @property
    def revs(self) -> dict[str, int]:
        """What to resume from."""
        return {device: state["rev"] for device, state in self.devices.items()}

    def take(self, frame: Frame) -> None:
        """Apply a frame; those of another kind are ignored."""
        match frame["type"]:
            case "snapshot":
                for state in frame["devices"]:
                    self._show(frame["reason"], state)
            case "delta":
                for item in frame["items"]:
                    self._advance(item)
            case "event":
                self._expect(frame["device"], frame["rev"] - 1, frame)
                self.events.setdefault(frame["device"], {})[frame["rev"]] = frame
                self.devices[frame["device"]]["rev"] = frame["rev"]
            case "gone":
                self.devices.pop(frame["device"], None)
                self.gone.append(frame["device"])

    def _show(self, reason: str, state: Frame) -> None:
        device = state["device"]
        if reason in {"subscribe", "new"} and device in self.devices:
            raise StreamBrokenError(f"{device} was shown again ({reason}), nothing was missing: {state}")
        self.snapshots.append((reason, device))
        self.devices[device] = state

    def _expect(self, device: str, prev: int, what: Frame) -> None:
        at = self.devices.get(device, {}).get("rev")
        if at != prev:
            raise StreamBrokenError(f"{device} is at {at}, and this begins at {prev}: {what}")

    def _advance(self, item: Frame) -> None:
        device = item["device"]
        self._expect(device, item["prev"], item)
        state, last = self.devices[device], item["prev"]
        for reading in item["readings"]:
            if not last < reading["rev"] <= item["rev"]:
                raise StreamBrokenError(f"{device}: reading {reading['rev']} is out of order in {item}")
            last = reading["rev"]
            self.readings.setdefault(device, {})[last] = reading
            _apply_reading(state["metrics"], reading)
        for section in ("metrics", "reported", "desired", "presence"):
            if section in item:
                state[section] = merge_patch(state[section], item[section])
        for section in ("tags", "desired_version", "rev"):
            state[section] = item.get(section, state[section])


def _apply_reading(metrics: Frame, reading: Frame) -> None:
    """The time rule: an older ts never overwrites a newer value; equal: the later rev wins."""
    for name, value in reading["metrics"].items():
        if name not in metrics or reading["ts"] >= metrics[name]["ts"]:
            metrics[name] = {"value": value, "ts": reading["ts"]}


class Follower:
    """Follows what it subscribed to, in a thread, until closed. Use it as a context manager.

    Args:
        url: ``ws://…/ws/v1/``.
        token: an API token.
        fields: of the subscribe request, without ``devices``: ``site="demo"``.
    """

    def __init__(self, url: str, token: str, **fields: Any) -> None:
        self.stream = Stream()
        self.connections = 0  # how often it was connected
        self.links: list[Frame] = []
        self._url, self._token, self._fields = url, token, fields
        self._connection: Connection | None = None
        self._stopped = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped = True
        self.cut()
        self._thread.join(20)
        self.check()

    def check(self) -> None:
        """Raise what the thread raised."""
        if self._failure is not None:
            raise self._failure

    def until(self, wanted: Callable[[Stream], object], timeout_s: float = 15, what: str | None = None) -> None:
        """Wait until the stream is as wanted."""

        def probe() -> object:
            self.check()
            return wanted(self.stream)

        eventually(probe, timeout_s, what=what, retry_on=(RuntimeError, KeyError))

    def cut(self) -> None:
        """Break the connection, as a network does."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):  # it may be closed already
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> None:
        while not self._stopped:
            try:
                self._connect()
            except (ConnectionClosed, OSError, TimeoutError):
                time.sleep(0.05)
            except Exception as failure:  # noqa: BLE001  told to whoever waits
                self._failure = failure
                return

    def _connect(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with connect(self._url, additional_headers=headers, max_size=None, proxy=None, close_timeout=1) as connection:
            self._connection = connection
            self.connections += 1
            subscribe = {"type": "subscribe", "id": "1", **self._fields, "devices": self.stream.revs}
            connection.send(json.dumps(subscribe))
            n = acked = 0
            acked_at = time.monotonic()
            while not self._stopped:
                frame = self._frame(connection, n)
                if frame is not None:
                    n += 1
                if n - acked >= ACK_EVERY_FRAMES or (n > acked and time.monotonic() - acked_at >= ACK_EVERY_S):
                    connection.send(json.dumps({"type": "ack", "n": n}))
                    acked, acked_at = n, time.monotonic()

    def _frame(self, connection: Connection, n: int) -> Frame | None:
        try:
            frame: Frame = json.loads(connection.recv(timeout=ACK_EVERY_S))
        except TimeoutError:
            return None
        if frame["n"] != n + 1:
            raise StreamBrokenError(f"frame {frame['n']} follows frame {n}")
        if frame["type"] == "link":
            self.links.append(frame)
        for device in frame.get("refused", ()):
            self.stream.devices.pop(device, None)
        self.stream.take(frame)
        return frame
