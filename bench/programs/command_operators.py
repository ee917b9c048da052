"""Operators who give commands.

``python -m bench.programs.command_operators --url http://… --operators 16 --seconds 5``

Each operator posts a command to a device of its own over a connection that stays, waits until the WebSocket says that
the command is ``done``, and posts the next. It prints ``{"done", "seconds", "p50_ms", …}``; a round trip lasts from
before the POST to the frame. The API token comes in the environment variable TOKEN.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from bench.measure.results import quantile
from bench.protocol import websocket
from bench.protocol.endpoint import Endpoint

_TIMEOUT_S: Final = 15.0
_BODY: Final = b'{"name":"set_led","args":{"on":true},"ttl_s":60}'
_ACK_FRAMES: Final = 32


class Command(msgspec.Struct):
    """A command, as far as it is looked at."""

    id: str = ""
    status: str = ""


class Frame(msgspec.Struct):
    """A server frame; ``command`` frames have a command."""

    type: str
    n: int
    more: bool = False
    command: Command | None = None


class Watcher:
    """The one WebSocket: tells when a command is done.

    Args:
        endpoint: which watches the site of the devices.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._socket, rest = websocket.opened(endpoint.url, endpoint.headers)
        self._messages = websocket.Messages()
        self._decode = msgspec.json.Decoder(Frame).decode
        self._done: dict[str, float] = {}
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._n = 0
        self._socket.sendall(websocket.frame(websocket.TEXT, endpoint.first.encode()))
        self._thread = threading.Thread(target=self._run, args=(rest,), daemon=True)
        self._thread.start()
        if not self._ready.wait(_TIMEOUT_S):
            raise TimeoutError("no snapshot came")

    def done_at(self, identity: str) -> float:
        """When the command was done (time.perf_counter); waits for that.

        Raises:
            TimeoutError: it is not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: identity in self._done, _TIMEOUT_S):
                raise TimeoutError(f"command {identity} was not done within {_TIMEOUT_S:g} s")
            return self._done.pop(identity)

    def _run(self, data: bytes) -> None:
        while True:
            now = time.perf_counter()
            for opcode, payload in self._messages.feed(data):
                if opcode == websocket.TEXT:
                    self._read(self._decode(payload), now)
            data = self._socket.recv(1 << 18)
            if not data:
                return

    def _read(self, frame: Frame, now: float) -> None:
        self._n = frame.n
        if frame.n % _ACK_FRAMES == 0:
            self._socket.sendall(websocket.frame(websocket.TEXT, b'{"type":"ack","n":%d}' % frame.n))
        if frame.type == "snapshot" and not frame.more:
            self._ready.set()
        if frame.command and frame.command.status == "done":
            with self._changed:
                self._done[frame.command.id] = now
                self._changed.notify_all()


class Operator(threading.Thread):
    """Gives commands to one device until it is time.

    Attributes:
        times_ms: of its round trips.
        failure: what ended it early.
    """

    def __init__(self, watcher: Watcher, url: str, path: str, headers: dict[str, str], ends: float) -> None:
        super().__init__(daemon=True)
        self._watcher, self._path, self._headers, self._ends = watcher, path, headers, ends
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        self.times_ms: list[float] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while time.perf_counter() < self._ends:
                begun = time.perf_counter()
                self.times_ms.append((self._watcher.done_at(self._post()) - begun) * 1000)
        except (OSError, http.client.HTTPException) as failure:
            self.failure = failure
        finally:
            self._connection.close()

    def _post(self) -> str:
        self._connection.request("POST", self._path, _BODY, self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise http.client.HTTPException(f"{answer.status}: {body[:200]!r}")
        return str(msgspec.json.decode(body, type=Command).id)


def give(url: str, token: str, site: str, operators: int, seconds: float) -> dict[str, Any]:
    """All operators for a time; returns what is printed.

    Raises:
        Exception: what ended an operator.
    """
    headers = {"Authorization": f"Bearer {token}"}
    first = json.dumps({"type": "subscribe", "id": "1", "site": site, "max_rate_hz": 100})
    watcher = Watcher(Endpoint(f"{url.replace('http', 'ws', 1)}/ws/v1/", headers, first))
    posting = {**headers, "Content-Type": "application/json"}
    begun = time.perf_counter()
    team = [
        Operator(watcher, url, f"/api/v1/devices/{site}/d{number}/commands", posting, begun + seconds)
        for number in range(operators)
    ]
    for one in team:
        one.start()
    for one in team:
        one.join()
        if one.failure:
            raise one.failure
    took = time.perf_counter() - begun
    times = sorted(time_ms for one in team for time_ms in one.times_ms)
    quantiles = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        "done": len(times),
        "seconds": took,
        **{f"{name}_ms": quantile(times, part) for name, part in quantiles.items()},
    }


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.programs.command_operators", description=sys.modules[__name__].__doc__
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--site", default="actors")
    parser.add_argument("--operators", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    print(json.dumps(give(options.url, os.environ["TOKEN"], options.site, options.operators, options.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
