"""Many WebSocket clients in one process, each as cheap as a socket can be read: no library, no task, no object a frame.

``python -m bench.programs.swarm --url ws://127.0.0.1:8000/ws/v1/ --clients 1000 --header "Authorization: Bearer …"
--first '{"type":"subscribe",…}'`` connects, prints ``{"ready": 1000, …}`` once all have their snapshot, and then for
each line ``mark`` on standard input one line of JSON: what came since the last mark (``counters.Tally.mark``), with
the CPU that it took this process; for each line ``count`` how many items that are so far. It ends with its standard
input.
"""

import argparse
import base64
import json
import os
import select
import socket
import sys
import time
from collections import deque
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from bench.measure.files import TooFewFilesError, allow_files
from bench.protocol.counters import Dialect, Tally

_BUFFER: Final = bytearray(4 * 1024 * 1024)
_VIEW: Final = memoryview(_BUFFER)
_CONNECTING: Final = 32  # at a time
_ACK_S: Final = 1.0
_ACK_FRAMES: Final = 64
_SLICES: Final = 50  # a second, in which acknowledgements are sent
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_SHORT, _LONG_16, _LONG_64 = 125, 126, 127  # RFC 6455 5.2


class SwarmError(Exception):
    """A client could not connect, or a frame is not what RFC 6455 and the dialect say."""


class Client:
    """One socket, from its upgrade on."""

    __slots__ = ("acknowledged", "count", "n", "open", "ready", "rest", "socket", "sum")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.rest = b""  # an incomplete frame
        self.open = False  # the upgrade is done
        self.ready = False
        self.n = self.acknowledged = 0  # numbers of frames
        self.count = self.sum = 0  # of items since the last mark

    def send(self, opcode: int, payload: bytes) -> None:
        """A short frame. The mask is zero: nothing to mask, and nothing here is secret."""
        self.socket.send(_header(opcode, len(payload)) + payload)

    def acknowledge(self) -> None:
        """Tell that all frames are handled, if that is news."""
        if self.acknowledged < self.n:
            self.acknowledged = self.n
            self.send(_TEXT, b'{"type":"ack","n":%d}' % self.n)


def _header(opcode: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes((0x80 | opcode, 0x80 | length, 0, 0, 0, 0))
    return bytes((0x80 | opcode, 0x80 | _LONG_16)) + length.to_bytes(2) + bytes(4)


class Swarm:
    """All clients and their loop.

    Args:
        url: ``ws://host:port/path``.
        clients: how many.
        headers: of the upgrade request, each ``Name: value``.
        first: the frame that each sends first; "": none.
        dialect: what they receive.
    """

    def __init__(self, url: str, clients: int, headers: list[str], first: str, dialect: Dialect) -> None:
        self._to = urlsplit(url)
        self._request = _upgrade(url, headers)
        self._first = first.encode()
        self._numbered = dialect == "causeway"
        self._tally = Tally(dialect)
        self._clients: dict[int, Client] = {}
        self._starting: set[int] = set()
        self._left = clients
        self._closed = 0
        self._epoll = select.epoll()
        self._input = sys.stdin.fileno()
        self._epoll.register(self._input, select.EPOLLIN)
        self._turns: deque[Client] = deque()  # of this second, to acknowledge yet
        self._turns_from = 0.0
        self._marked = (0.0, 0.0)  # when, and the CPU time by then

    def run(self) -> None:
        """Until standard input ends."""
        begun = time.monotonic()
        while self._left or self._starting:
            self._connect()
            if not self._step():
                return
        self._say({"ready": len(self._clients), "seconds": round(time.monotonic() - begun, 2)})
        self._marked = (time.monotonic(), time.process_time())
        while self._step():
            pass

    # Out ---------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        while self._left and len(self._starting) < _CONNECTING:
            self._left -= 1
            connection = socket.create_connection((self._to.hostname or "", self._to.port or 80), timeout=20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(self._request)
            connection.setblocking(False)
            self._clients[connection.fileno()] = Client(connection)
            self._starting.add(connection.fileno())
            self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _acknowledge(self, now: float) -> None:
        """Each client once a second, spread over it."""
        if not self._numbered:
            return
        if not self._turns and now >= self._turns_from + _ACK_S:
            self._turns, self._turns_from = deque(self._clients.values()), now
        left = len(self._clients) * max(0.0, 1 - (now - self._turns_from) / _ACK_S)
        while self._turns and len(self._turns) > left:
            client = self._turns.popleft()
            if client.open and client.socket.fileno() >= 0:
                client.acknowledge()

    def _say(self, what: dict[str, Any]) -> None:
        print(json.dumps(what), flush=True)

    def _mark(self) -> None:
        now, cpu_s = time.monotonic(), time.process_time()
        found = self._tally.mark((client.count, client.sum) for client in self._clients.values())
        for client in self._clients.values():
            client.count = client.sum = 0
        seconds, used_s = now - self._marked[0], cpu_s - self._marked[1]
        own = {"seconds": round(seconds, 3), "cpu_s": round(used_s, 3), "closed": self._closed}
        self._marked = (time.monotonic(), time.process_time())  # without what this took
        self._say(found | own | {"cpu_us_per_frame": round(used_s * 1e6 / max(1, found["frames"]), 1)})

    # In ----------------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """What there is to be read now. False: no more input."""
        for fd, _ in self._epoll.poll(1 / _SLICES):
            if fd == self._input:
                if not self._obey(os.read(fd, 4096)):
                    return False
            elif fd in self._clients:
                self._read(fd, self._clients[fd])
        self._acknowledge(time.monotonic())
        return True

    def _obey(self, lines: bytes) -> bool:
        for line in lines.split():
            if line == b"mark":
                self._mark()
            else:
                self._say({"items": sum(client.count for client in self._clients.values())})
        return bool(lines)

    def _read(self, fd: int, client: Client) -> None:
        start = len(client.rest)
        if start:
            _BUFFER[:start] = client.rest
        try:
            size = client.socket.recv_into(_VIEW[start:])
        except OSError:
            size = 0
        if not size:
            self._lose(fd)
            return
        end = start + size
        now_us = time.monotonic_ns() // 1000
        at = 0 if client.open else self._upgraded(client, end)
        if client.open:
            at = self._frames(client, at, end, now_us)
        client.rest = bytes(_VIEW[at:end]) if at < end else b""
        if client.ready and self._starting:
            self._starting.discard(fd)

    def _upgraded(self, client: Client, end: int) -> int:
        """Where the answer to the upgrade request ends."""
        blank = _BUFFER.find(b"\r\n\r\n", 0, end)
        if blank < 0:
            return 0
        if not _BUFFER.startswith(b"HTTP/1.1 101"):
            raise SwarmError(bytes(_VIEW[: min(end, 300)]).decode(errors="replace"))
        client.open = True
        client.ready = not self._numbered
        if self._first:
            client.send(_TEXT, self._first)
        return blank + 4

    def _frames(self, client: Client, at: int, end: int, now_us: int) -> int:
        """All that are complete. Where the incomplete one begins."""
        while end - at >= 2:
            length, start = _BUFFER[at + 1], at + 2
            if length == _LONG_16:
                length, start = int.from_bytes(_VIEW[at + 2 : at + 4]), at + 4
            elif length == _LONG_64:
                length, start = int.from_bytes(_VIEW[at + 2 : at + 10]), at + 10
            if start + length > end:
                break
            if _BUFFER[at] == 0x80 | _TEXT:
                self._text(client, start, start + length, now_us)
            else:
                self._control(client, _BUFFER[at], bytes(_VIEW[start : start + length]))
            at = start + length
        return at

    def _text(self, client: Client, start: int, end: int, now_us: int) -> None:
        if self._numbered:
            comma = _BUFFER.index(b",", start, end)  # {"n":123,
            n = int(_BUFFER[start + 5 : comma])
            if n != client.n + 1:
                raise SwarmError(f"frame {n} after frame {client.n}")
            client.n, start = n, comma
        text = self._tally.take(bytes(_VIEW[start:end]), now_us)
        client.count += text.count
        client.sum += text.sum
        if client.n - client.acknowledged >= _ACK_FRAMES:
            client.acknowledge()
        if not client.ready and text.type == "snapshot" and text.whole:
            client.ready = True
            client.count = client.sum = 0

    def _control(self, client: Client, first: int, payload: bytes) -> None:
        if first == 0x80 | _PING:
            client.send(_PONG, payload)
        elif first == 0x80 | _CLOSE:  # after the answer the server ends the connection
            client.send(_CLOSE, payload[:2])
        elif first != 0x80 | _PONG:
            raise SwarmError(f"a frame that begins with {first:#x}")

    def _lose(self, fd: int) -> None:
        client = self._clients.pop(fd)
        client.socket.close()
        self._starting.discard(fd)
        self._closed += 1


def _upgrade(url: str, headers: list[str]) -> bytes:
    parts = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    fields = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines = [f"GET {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", *fields, *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.programs.swarm", description=sys.modules[__name__].__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--header", action="append", default=[], help="Name: value; may be repeated")
    parser.add_argument("--first", default="", help="the frame that each client sends first")
    parser.add_argument("--dialect", choices=get_args(Dialect), default="causeway")
    asked = parser.parse_args()
    try:
        allow_files(asked.clients)
        Swarm(asked.url, asked.clients, asked.header, asked.first, asked.dialect).run()
    except (SwarmError, TooFewFilesError, OSError) as error:
        sys.stderr.write(f"bench.programs.swarm: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
