"""Operators who give commands, and devices that obey at once.

``python -m bench.programs.command_operators --url ws://… --dialect causeway --port 1883 --operators 16``

It says ``{"ready": 16}`` once the readings of its devices are confirmed. When they are registered, too, it may be told
``run 5.0`` on its standard input: each operator posts a command to a device of its own over a connection that stays,
waits until the WebSocket says that the command is ``done``, and posts the next, for so many seconds. Then it says
``{"done", "seconds", "p50_ms", …}``; a round trip lasts from before the POST to the frame. The WebSocket's URL tells
the server's address; the API token comes in the environment variable TOKEN, if one is needed. ``--dialect plain``: the
plain Channels way's frames.
"""

import contextlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from bench.measure.results import quantiles_ms
from bench.programs.lines import options, say

_TIMEOUT_S: Final = 15.0
_BODY: Final = b'{"name":"set_led","args":{"on":true},"ttl_s":60}'
_ACK_FRAMES: Final = 32
_decode = msgspec.json.decode


class Watcher:
    """The one WebSocket: tells when a command is done.

    Args:
        connection: which has nothing subscribed yet.
        site: of the devices.
        dialect: of the frames.
    """

    def __init__(self, connection: Connection, site: str, dialect: str) -> None:
        self._connection = connection
        self._done: dict[str, Future[float]] = {}
        if dialect == "causeway":
            self._subscribe(site)
        done = {"causeway": self._done_by_causeway, "plain": _done_plainly}[dialect]
        threading.Thread(target=self._run, args=[done], daemon=True).start()

    def done_at(self, identity: str) -> float:
        """When the command was done (time.perf_counter); waits for that.

        Raises:
            TimeoutError: it is not.
        """
        found = self._done.setdefault(identity, Future()).result(_TIMEOUT_S)
        del self._done[identity]
        return found

    def _subscribe(self, site: str) -> None:
        """Returns when it has the snapshot."""
        self._connection.send(json.dumps({"type": "subscribe", "id": "1", "site": site, "max_rate_hz": 100}))
        frame: dict[str, Any] = {"type": ""}
        while frame["type"] != "snapshot" or frame["more"]:
            frame = _decode(self._connection.recv(_TIMEOUT_S))

    def _run(self, done_in: Callable[[Any], str]) -> None:
        for data in self._connection:
            now = time.perf_counter()
            if identity := done_in(_decode(data)):
                done = self._done.setdefault(identity, Future())
                if not done.done():  # a state may be told again
                    done.set_result(now)

    def _done_by_causeway(self, frame: Any) -> str:
        """The id of the command that is done, of this frame; "": it tells of none."""
        if frame["n"] % _ACK_FRAMES == 0:
            self._connection.send(json.dumps({"type": "ack", "n": frame["n"]}))
        if frame["type"] == "command" and frame["command"]["status"] == "done":
            return str(frame["command"]["id"])
        return ""


def _done_plainly(frame: Any) -> str:
    return str(frame["command"]) if frame.get("status") == "done" else ""


def operate(watcher: Watcher, token: str, server: http.client.HTTPConnection, path: str, ends: float) -> list[float]:
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
        times_ms.append((watcher.done_at(_decode(body)["id"]) - begun) * 1000)
    return times_ms


@contextlib.contextmanager
def obedient(port: int, site: str, devices: int) -> Iterator[None]:
    """Devices on one MQTT connection, which answer every command with ``done``.

    Each publishes one reading, so that it is registered; all are confirmed when the context begins.
    """
    root = f"devices/{site}"

    def obey(client: Client, _data: object, command: MQTTMessage) -> None:
        """``devices/{site}/{device}/command/{id}/{name}`` → ``…/ack/{id}``."""
        device, _, identity = command.topic.split("/")[2:5]
        client.publish(f"{root}/{device}/ack/{identity}", b'{"status":"done"}', 1)

    client = Client(CallbackAPIVersion.VERSION2, f"bench-{site}")
    client.on_message = obey
    client.connect("127.0.0.1", port)
    opened = client.socket()
    assert isinstance(opened, socket.socket)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.loop_start()
    client.subscribe(f"{root}/+/command/#", 1)
    for said in [client.publish(f"{root}/d{number}/telemetry", b'{"n":0}', 1) for number in range(devices)]:
        said.wait_for_publish()
    yield
    client.disconnect()


def main() -> None:
    """Run from the command line."""
    given = options(__doc__, url="", dialect="causeway", port=1883, site="actors", operators=16)
    token, address = os.environ.get("TOKEN", ""), urlsplit(given.url).netloc
    headers = {"Authorization": f"Bearer {token}"}
    paths = [f"/api/v1/devices/{given.site}/d{number}/commands" for number in range(given.operators)]
    servers = [http.client.HTTPConnection(address, timeout=_TIMEOUT_S) for _ in paths]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(given.operators) as pool:
        stack.enter_context(obedient(given.port, given.site, given.operators))
        say({"ready": given.operators})
        watcher = None
        for line in sys.stdin:
            if watcher is None:  # all devices are registered by now
                connecting = connect(given.url, additional_headers=headers, compression=None, max_size=None, proxy=None)
                watcher = Watcher(stack.enter_context(connecting), given.site, given.dialect)
            begun = time.perf_counter()
            ends = begun + float(line.split()[1])
            team = [pool.submit(operate, watcher, token, *one, ends) for one in zip(servers, paths, strict=True)]
            times = sorted(ms for one in team for ms in one.result())
            say({"done": len(times), "seconds": time.perf_counter() - begun, **quantiles_ms(times)})


if __name__ == "__main__":
    main()
