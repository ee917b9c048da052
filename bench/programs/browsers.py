"""WebSocket clients in one process, each as cheap as a socket can be read: no library, no task, no object a frame.

``python -m bench.programs.browsers --url ws://127.0.0.1:8000/ws/v1/ --clients 1000 --headers '{"Authorization":…}'
--first '{"type":"subscribe",…}'`` connects, says ``{"ready": 1000}`` once all are subscribed and have their snapshot,
and then answers lines on its standard input with one line of JSON each, until that ends:

- ``count``: ``{"received": …, "closed": …}``, messages since the last mark, and clients that the server has closed;
- ``mark 12000``: what came since the last mark. Of one browser ``continuity.Stretch.summary``, as of a load (``load``)
  whose next message is number 12000; of many ``counters.Tally.mark``.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from typing import Final
from urllib.parse import urlsplit

from bench.programs.lines import Commands, allow_files, options, say
from bench.protocol import websocket
from bench.protocol.continuity import Stretch
from bench.protocol.counters import Tally
from bench.protocol.dialects import READERS, ClosedError, Endpoint

_BUFFER: Final = bytearray(4 * 1024 * 1024)
_VIEW: Final = memoryview(_BUFFER)
_TIMEOUT_S: Final = 20.0
_ACK_S: Final = 1.0
_SLICES: Final = 50  # a second, in which acknowledgements are sent
_FINAL: Final = 0x80
_DATA: Final = frozenset({_FINAL | websocket.TEXT, _FINAL | websocket.BINARY})


class Client:
    """One socket, from its upgrade on.

    Raises:
        ClosedError: the server refused.
    """

    __slots__ = ("reader", "rest", "socket")

    def __init__(self, endpoint: Endpoint) -> None:
        to, reader = urlsplit(endpoint.url), READERS[endpoint.dialect]
        self.socket = socket.create_connection((to.hostname or "", to.port or 80), timeout=_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(websocket.upgrade(to.path or "/", to.netloc, endpoint.headers, reader.protocol))
        answer = data = b""
        while b"\r\n\r\n" not in answer and (data := self.socket.recv(65_536)):
            answer += data
        head, _, self.rest = answer.partition(b"\r\n\r\n")  # and an incomplete frame
        if not head.startswith(b"HTTP/1.1 101"):
            raise ClosedError(head.decode(errors="replace")[:300])
        self.socket.settimeout(None)
        self.reader = reader(self.send, endpoint.first)

    def send(self, opcode: int, payload: bytes) -> None:
        self.socket.sendall(websocket.frame(opcode, payload))


class Browsers:
    """All clients and their loop.

    Args:
        endpoint: where they listen.
        clients: how many.
        account: what they receive is counted there.
    """

    def __init__(self, endpoint: Endpoint, clients: int, account: Stretch | Tally) -> None:
        self._endpoint, self._clients, self._account = endpoint, clients, account
        self._open: dict[int, Client] = {}  # by file, those that are connected
        self._closed = 0
        self._epoll = select.epoll()
        self._commands = Commands()
        self._epoll.register(sys.stdin, select.EPOLLIN)
        self._turns: deque[Client] = deque()  # of this second, to acknowledge yet
        self._turns_from = 0.0

    def run(self) -> None:
        """Until standard input ends.

        Raises:
            ClosedError: a server refused, or said something that it must not; or the only browser's connection ended.
        """
        for _ in range(self._clients):
            client = Client(self._endpoint)
            fd = client.socket.fileno()
            self._open[fd] = client
            self._epoll.register(fd, select.EPOLLIN)
            self._read(fd, client, 0)  # what came with the answer
            self._step(0)
        while not self._commands.ended and not all(client.reader.ready for client in self._open.values()):
            self._step()
        say({"ready": len(self._open)})
        while not self._commands.ended:
            self._step()

    def _acknowledge(self, now: float) -> None:
        """Each client once a second, spread over it."""
        if not self._turns and now >= self._turns_from + _ACK_S:
            self._turns, self._turns_from = deque(self._open.values()), now
        left = len(self._open) * max(0.0, 1 - (now - self._turns_from) / _ACK_S)
        while self._turns and len(self._turns) > left:
            client = self._turns.popleft()
            if client.socket.fileno() >= 0:
                client.reader.acknowledge()

    # In ----------------------------------------------------------------------------------------------------------

    def _step(self, wait_s: float = 1 / _SLICES) -> None:
        """What there is to be read now."""
        for fd, _ in self._epoll.poll(wait_s):
            if fd == sys.stdin.fileno():
                self._obey()
            elif fd in self._open:
                self._receive(fd, self._open[fd])
        self._acknowledge(time.monotonic())

    def _obey(self) -> None:
        for word, following in self._commands.read():
            if word == "mark":
                say(self._account.mark(int(following), self._open))
            else:
                say({"received": self._account.received, "closed": self._closed})

    def _receive(self, fd: int, client: Client) -> None:
        try:
            size = client.socket.recv_into(_VIEW[len(client.rest) :])
        except OSError:
            size = 0
        if size:
            self._read(fd, client, size)
            return
        self._open.pop(fd).socket.close()
        self._closed += 1
        if self._clients == 1:
            raise ClosedError("the server hung up")

    def _read(self, fd: int, client: Client, size: int) -> None:
        """All frames that are complete, of what was left and the bytes that came behind it into the buffer."""
        now_us = time.monotonic_ns() // 1000
        at, end = 0, len(client.rest) + size
        _BUFFER[: len(client.rest)] = client.rest
        for first, start, stop in websocket.frames(_VIEW, 0, end):
            payload, at = bytes(_VIEW[start:stop]), stop
            if first in _DATA:
                text = client.reader.read(payload)
                if client.reader.ready:
                    self._account.receive(fd, text, now_us)
            else:
                self._control(client, first, payload)
        client.rest = bytes(_VIEW[at:end])

    def _control(self, client: Client, first: int, payload: bytes) -> None:
        if first == _FINAL | websocket.PING:
            client.send(websocket.PONG, payload)
        elif first == _FINAL | websocket.CLOSE:  # after the answer the server ends the connection
            client.send(websocket.CLOSE, payload[:2])
        elif first != _FINAL | websocket.PONG:
            raise ClosedError(f"a frame that begins with {first:#x}")


def main() -> int:
    """Run from the command line; returns the exit status."""
    given = options(__doc__, url="", clients=1, headers="{}", first="", dialect="causeway", site="bench", devices=200)
    endpoint = Endpoint(given.url, json.loads(given.headers), given.first, given.dialect)
    devices = [f"{given.site}/d{number}" for number in range(given.devices)]
    try:
        allow_files(given.clients)
        Browsers(endpoint, given.clients, Stretch(devices) if given.clients == 1 else Tally()).run()
    except (ClosedError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
