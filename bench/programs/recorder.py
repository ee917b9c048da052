"""Records what one browser would be told.

``python -m bench.programs.recorder --url ws://… --dialect causeway --first '{…}'``

One WebSocket, read as fast as it comes. It prints ``{"ready": true}`` once it is subscribed, and then answers lines on
its standard input with one line of JSON each:

- ``count``: ``{"received": …}`` since the last mark;
- ``mark 12000``: what came since the last mark (``continuity.Stretch.summary``, with the frames and bytes that it took,
  and the CPU), as of a load whose next message is number 12000. From then on that one is expected.

Message ``n`` and ``t`` are those of bench/programs/load.py. It ends with its standard input.
"""

import argparse
import json
import os
import selectors
import sys
import time
from typing import Any, Final, get_args

from bench.protocol import websocket
from bench.protocol.continuity import Stretch
from bench.protocol.dialects import READERS, ClosedError
from bench.protocol.endpoint import Dialect, Endpoint
from bench.protocol.websocket import Messages

_READ_BYTES: Final = 1 << 20
_TICK_S: Final = 0.5


class Recorder:
    """One connection, and the stretch that is being recorded."""

    def __init__(self, endpoint: Endpoint, keys: list[str]) -> None:
        kind = READERS[endpoint.dialect]
        self._socket, rest = websocket.opened(endpoint.url, endpoint.headers, kind.protocol)
        self._socket.settimeout(None)
        self._messages = Messages()
        self._keys = keys
        self._new_stretch(0)
        self._reader = kind(self._send, endpoint.first)
        self._told_ready = False
        self._feed(rest)

    def _new_stretch(self, first: int) -> None:
        self._stretch = Stretch(self._keys, first)
        self._frames = self._bytes = 0
        self._cpu_s = time.process_time()

    def _send(self, opcode: int, payload: bytes) -> None:
        self._socket.sendall(websocket.frame(opcode, payload))

    def run(self) -> None:
        """Until standard input ends.

        Raises:
            ClosedError: the server closed, or said something that it must not.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ, self._receive)
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._command)
            self._running = True
            while self._running:
                for key, _ in selector.select(_TICK_S):
                    key.data()
                self._reader.tick()
                if self._reader.ready and not self._told_ready:
                    self._told_ready = True
                    _tell({"ready": True})

    def _receive(self) -> None:
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ClosedError("the server hung up")
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        now_us = time.monotonic_ns() // 1000
        stretch = self._stretch
        self._bytes += len(data)

        def take(key: str, n: int, sent_us: int) -> None:
            stretch.take(key, n, sent_us, now_us)

        for opcode, payload in self._messages.feed(data):
            self._frames += 1
            match opcode:
                case websocket.PING:
                    self._send(websocket.PONG, payload)
                case websocket.CLOSE:
                    raise ClosedError(f"the server closed: {payload!r}")
                case _:
                    self._reader.read(payload, take)

    def _command(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096)
        self._running = bool(data)
        for line in data.decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "count":
                _tell({"received": self._stretch.received})
            else:
                self._mark(int(number))

    def _mark(self, following: int) -> None:
        cpu_s = time.process_time() - self._cpu_s
        taken = {"frames": self._frames, "bytes": self._bytes, "cpu_s": cpu_s}
        _tell({**self._stretch.summary(following), **taken})
        self._new_stretch(following)


def _tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.programs.recorder", description=sys.modules[__name__].__doc__
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--dialect", choices=get_args(Dialect), default="causeway")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    parser.add_argument("--first", default="")
    parser.add_argument("--site", default="bench")
    parser.add_argument("--devices", type=int, default=200)
    options = parser.parse_args()
    headers = {name: value.strip() for name, _, value in (header.partition(":") for header in options.header)}
    keys = [f"{options.site}/d{number}" for number in range(options.devices)]
    try:
        Recorder(Endpoint(options.url, headers, options.first, options.dialect), keys).run()
    except (ClosedError, OSError, websocket.RefusedError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
