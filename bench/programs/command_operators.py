"""Operators who give commands.

``python -m bench.programs.command_operators --url http://… --operators 16``

It says ``{"ready": 16}``; for each line ``run 5.0`` on its standard input each operator posts a command to a device of
its own over a connection that stays, waits until the WebSocket says that the command is ``done``, and posts the next,
for so many seconds. Then it says ``{"done", "seconds", "p50_ms", …}``; a round trip lasts from before the POST to the
frame. The API token comes in the environment variable TOKEN.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from bench.measure.results import QUANTILES, quantile
from bench.programs.lines import say

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


_frame = msgspec.json.Decoder(Frame).decode


class Watcher:
    """The one WebSocket: tells when a command is done.

    Args:
        connection: which watches the site of the devices from its first frame on.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done: dict[str, float] = {}
        self._changed = threading.Condition()
        ready = False
        while not ready:
            frame = self._read(connection.recv(_TIMEOUT_S))
            ready = frame.type == "snapshot" and not frame.more
        threading.Thread(target=self._run, daemon=True).start()

    def done_at(self, identity: str) -> float:
        """When the command was done (time.perf_counter); waits for that.

        Raises:
            TimeoutError: it is not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: identity in self._done, _TIMEOUT_S):
                raise TimeoutError(f"command {identity} was not done within {_TIMEOUT_S:g} s")
            return self._done.pop(identity)

    def _run(self) -> None:
        for data in self._connection:
            frame = self._read(data)
            now = time.perf_counter()
            if frame.command and frame.command.status == "done":
                with self._changed:
                    self._done[frame.command.id] = now
                    self._changed.notify_all()

    def _read(self, data: str | bytes) -> Frame:
        frame = _frame(data)
        if frame.n % _ACK_FRAMES == 0:
            self._connection.send(json.dumps({"type": "ack", "n": frame.n}))
        return frame


class Operator:
    """Gives commands to one device.

    Args:
        watcher: who says when they are done.
        url: of the server.
        path: where its commands are posted.
        headers: of the requests.
    """

    def __init__(self, watcher: Watcher, url: str, path: str, headers: dict[str, str]) -> None:
        self._watcher, self._path, self._headers = watcher, path, headers
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)

    def run(self, ends: float) -> list[float]:
        """Until then; the ms of each round trip.

        Raises:
            OSError, http.client.HTTPException: the server refused one, or a command was not done.
        """
        times_ms = []
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            times_ms.append((self._watcher.done_at(self._post()) - begun) * 1000)
        return times_ms

    def _post(self) -> str:
        self._connection.request("POST", self._path, _BODY, self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise http.client.HTTPException(f"{answer.status}: {body[:200]!r}")
        return str(msgspec.json.decode(body, type=Command).id)


def give(team: list[Operator], seconds: float) -> dict[str, Any]:
    """All operators for a time; returns what is said.

    Raises:
        Exception: what ended an operator.
    """
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(team)) as pool:
        working = [pool.submit(one.run, begun + seconds) for one in team]
    took = time.perf_counter() - begun
    times = sorted(time_ms for one in working for time_ms in one.result())
    return {
        "done": len(times),
        "seconds": took,
        **{f"{name}_ms": quantile(times, part) for name, part in QUANTILES.items()},
    }


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--site", default="actors")
    parser.add_argument("--operators", type=int, default=16)
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    url = f"{options.url.replace('http', 'ws', 1)}/ws/v1/"
    with connect(url, additional_headers=headers, compression=None, max_size=None, proxy=None) as connection:
        connection.send(json.dumps({"type": "subscribe", "id": "1", "site": options.site, "max_rate_hz": 100}))
        watcher = Watcher(connection)
        posting = {**headers, "Content-Type": "application/json"}
        paths = [f"/api/v1/devices/{options.site}/d{number}/commands" for number in range(options.operators)]
        team = [Operator(watcher, options.url, path, posting) for path in paths]
        say({"ready": options.operators})
        for line in sys.stdin:
            say(give(team, float(line.split()[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
