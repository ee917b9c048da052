"""Operators who give commands.

``python -m bench.programs.command_operators --url http://… --operators 16``

It says ``{"ready": 16}``; for each line ``run 5.0`` on its standard input each operator posts a command to a device of
its own over a connection that stays, waits until the WebSocket says that the command is ``done``, and posts the next,
for so many seconds. Then it says ``{"done", "seconds", "p50_ms", …}``; a round trip lasts from before the POST to the
frame. The API token comes in the environment variable TOKEN.
"""

import http.client
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from bench.measure.results import quantiles_ms
from bench.programs.lines import options, say

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
_command = msgspec.json.Decoder(Command).decode


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


def operate(watcher: Watcher, server: http.client.HTTPConnection, token: str, path: str, ends: float) -> list[float]:
    """Give commands to the device at this path until then; the ms of each round trip.

    Raises:
        OSError, http.client.HTTPException: the server refused one, or a command was not done.
    """
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    times_ms = []
    while (begun := time.perf_counter()) < ends:
        server.request("POST", path, _BODY, headers)
        answer = server.getresponse()
        body = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise http.client.HTTPException(f"{answer.status}: {body[:200]!r}")
        times_ms.append((watcher.done_at(_command(body).id) - begun) * 1000)
    return times_ms


def main() -> None:
    """Run from the command line."""
    given = options(__doc__, url="", site="actors", operators=16)
    token, address = os.environ["TOKEN"], urlsplit(given.url).netloc
    headers = {"Authorization": f"Bearer {token}"}
    ws = f"ws://{address}/ws/v1/"
    with (
        connect(ws, additional_headers=headers, compression=None, max_size=None, proxy=None) as connection,
        ThreadPoolExecutor(given.operators) as pool,
    ):
        connection.send(json.dumps({"type": "subscribe", "id": "1", "site": given.site, "max_rate_hz": 100}))
        watcher = Watcher(connection)
        servers = [http.client.HTTPConnection(address, timeout=_TIMEOUT_S) for _ in range(given.operators)]
        team = [
            partial(operate, watcher, server, token, f"/api/v1/devices/{given.site}/d{number}/commands")
            for number, server in enumerate(servers)
        ]
        say({"ready": given.operators})
        for line in sys.stdin:
            begun = time.perf_counter()
            ends = begun + float(line.split()[1])
            times = sorted(ms for found in pool.map(lambda one, ends=ends: one(ends), team) for ms in found)
            say({"done": len(times), "seconds": time.perf_counter() - begun, **quantiles_ms(times)})


if __name__ == "__main__":
    main()
