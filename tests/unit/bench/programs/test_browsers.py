"""Browsers against a real WebSocket server."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.environment import ROOT
from tests.support.waiting import eventually

CLIENTS = 40


@contextmanager
def served(handler: Callable[[ServerConnection], None]) -> Iterator[str]:
    server: Server = serve(handler, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
    server.shutdown()
    thread.join()


class Browsers:
    def __init__(self, url: str, *options: str, clients: int = CLIENTS) -> None:
        command = [sys.executable, "-m", "bench.programs.browsers", f"--url={url}", f"--clients={clients}", *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, text=True)

    def hears(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.hears()

    def end(self) -> int:
        self.process.communicate(timeout=20)
        return self.process.returncode


def frame(n: int, size: int) -> str:
    reading = {"metrics": {"n": n, "t": 0, "pad": "x" * size}}
    items = [{"device": "s/d", "readings": [reading]}]
    return json.dumps({"n": n, "type": "delta", "sub": "1", "items": items}, separators=(",", ":"))


@pytest.mark.parametrize("size", [1, 200, 100_000], ids=["short", "medium", "long"])
def test_all_clients_subscribe_receive_and_acknowledge(size: int) -> None:
    go = threading.Event()
    acknowledged: list[int] = []

    def handler(socket: ServerConnection) -> None:
        assert json.loads(socket.recv(10)) == {"type": "subscribe"}
        assert socket.request is not None
        assert socket.request.headers["X-Who"] == "them"
        socket.send('{"n":1,"type":"snapshot","sub":"1","reason":"subscribe","more":false,"devices":[]}')
        assert go.wait(20)
        assert socket.ping().wait(10)
        for n in range(2, 12):
            socket.send(frame(n, size))
        try:
            while json.loads(socket.recv(10))["n"] < 11:
                pass
            acknowledged.append(11)
            socket.recv(20)
        except ConnectionClosed:
            pass

    with served(handler) as url:
        browsers = Browsers(url, '--headers={"X-Who":"them"}', '--first={"type":"subscribe"}')
        assert browsers.hears()["ready"] == CLIENTS
        go.set()
        eventually(lambda: browsers.ask("count")["received"] == 10 * CLIENTS)
        eventually(lambda: len(acknowledged) == CLIENTS)
        found = browsers.ask("mark 0")
        assert (found["items"], found["messages"], found["lost"], found["repeated"]) == (10 * CLIENTS, 10, 0, 0)
        assert browsers.end() == 0


def test_a_hole_in_the_numbers_ends_it() -> None:
    def handler(socket: ServerConnection) -> None:
        socket.send(frame(2, 1))
        with pytest.raises(ConnectionClosed):
            socket.recv(20)

    with served(handler) as url:
        browsers = Browsers(url, clients=1)
        assert browsers.process.wait(20) == 1
        assert browsers.process.stderr
        assert "frame 2 after frame 0" in browsers.process.stderr.read()
        browsers.end()


def test_closed_sockets_are_counted() -> None:
    def handler(socket: ServerConnection) -> None:
        socket.close(4500)

    with served(handler) as url:
        browsers = Browsers(url, "--dialect=plain")
        browsers.hears()
        eventually(lambda: browsers.ask("count")["closed"] == CLIENTS)
        assert browsers.end() == 0
