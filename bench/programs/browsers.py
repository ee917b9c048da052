"""WebSocket clients in one process, each as cheap as a socket can be read: no library, no task, no object a frame.

``python -m bench.programs.browsers --url ws://127.0.0.1:8000/ws/v1/ --clients 1000 --header "Authorization: Bearer …"
--first '{"type":"subscribe",…}'`` connects, says ``{"ready": 1000}`` once all are subscribed and have their snapshot,
and then answers lines on its standard input with one line of JSON each, until that ends:

- ``count``: ``{"received": …}``, messages since the last mark;
- ``mark 12000``: what came since the last mark. Of one browser ``continuity.Stretch.summary``, as of a load (``load``)
  whose next message is number 12000; of many ``counters.Tally.mark``.
"""

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
from bench.protocol.dialects import READERS, ClosedError, PlainReader
from bench.protocol.endpoint import Endpoint

_BUFFER: Final = bytearray(4 * 1024 * 1024)
_VIEW: Final = memoryview(_BUFFER)
_CONNECTING: Final = 32  # at a time
_ACK_S: Final = 1.0
_SLICES: Final = 50  # a second, in which acknowledgements are sent
_FINAL: Final = 0x80
_DATA: Final = frozenset({_FINAL | websocket.TEXT, _FINAL | websocket.BINARY})


class Client:
    """One socket; it has a reader from its upgrade on."""

    __slots__ = ("reader", "rest", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader: PlainReader | None = None
        self.rest = b""  # an incomplete frame

    def send(self, opcode: int, payload: bytes) -> None:
        self.socket.sendall(websocket.frame(opcode, payload))


class Browsers:
    """All clients and their loop.

    Args:
        endpoint: where they listen.
        clients: how many.
        account: what they receive is counted there.

    Attributes:
        open: by file, the clients that are connected.
        closed: so many the server has closed.
    """

    def __init__(self, endpoint: Endpoint, clients: int, account: Stretch | Tally) -> None:
        self._endpoint, self._account = endpoint, account
        self._kind = READERS[endpoint.dialect]
        self._to = urlsplit(endpoint.url)
        path, protocol = self._to.path or "/", self._kind.protocol
        self._request = websocket.upgrade(path, self._to.netloc, endpoint.headers, protocol)
        self.open: dict[int, Client] = {}
        self.closed = 0
        self._clients = self._left = clients
        self._starting: set[int] = set()
        self._epoll = select.epoll()
        self._commands = Commands()
        self._epoll.register(self._commands.fileno(), select.EPOLLIN)
        self._turns: deque[Client] = deque()  # of this second, to acknowledge yet
        self._turns_from = 0.0

    def run(self) -> None:
        """Until standard input ends.

        Raises:
            ClosedError: a server refused, or said something that it must not; or the only browser's connection ended.
        """
        while (self._left or self._starting) and not self._commands.ended:
            self._connect()
            self._step()
        say({"ready": len(self.open)})
        while not self._commands.ended:
            self._step()

    # Out ---------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        while self._left and len(self._starting) < _CONNECTING:
            self._left -= 1
            connection = socket.create_connection((self._to.hostname or "", self._to.port or 80), timeout=20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(self._request)
            connection.settimeout(None)
            self.open[connection.fileno()] = Client(connection)
            self._starting.add(connection.fileno())
            self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _acknowledge(self, now: float) -> None:
        """Each client once a second, spread over it."""
        if not self._turns and now >= self._turns_from + _ACK_S:
            self._turns, self._turns_from = deque(self.open.values()), now
        left = len(self.open) * max(0.0, 1 - (now - self._turns_from) / _ACK_S)
        while self._turns and len(self._turns) > left:
            client = self._turns.popleft()
            if client.reader and client.socket.fileno() >= 0:
                client.reader.acknowledge()

    # In ----------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """What there is to be read now."""
        for fd, _ in self._epoll.poll(1 / _SLICES):
            if fd == self._commands.fileno():
                self._obey()
            elif fd in self.open:
                self._read(fd, self.open[fd])
        self._acknowledge(time.monotonic())

    def _obey(self) -> None:
        for word, following in self._commands.read():
            if word == "mark":
                say({**self._account.mark(int(following), self.open), "closed": self.closed})
            else:
                say({"received": self._account.received})

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
        end, at = start + size, 0
        if client.reader is None:
            at = self._upgraded(client, end)
        if client.reader is not None:
            at = self._frames(fd, client, client.reader, at, end)
        client.rest = bytes(_VIEW[at:end]) if at < end else b""

    def _upgraded(self, client: Client, end: int) -> int:
        """Where the answer to the upgrade request ends."""
        blank = _BUFFER.find(b"\r\n\r\n", 0, end)
        if blank < 0:
            return 0
        if not _BUFFER.startswith(b"HTTP/1.1 101"):
            raise ClosedError(bytes(_VIEW[: min(end, 300)]).decode(errors="replace"))
        client.reader = self._kind(client.send, self._endpoint.first)
        return blank + 4

    def _frames(self, fd: int, client: Client, reader: PlainReader, at: int, end: int) -> int:
        """All that are complete. Where the incomplete one begins."""
        now_us = time.monotonic_ns() // 1000
        for first, start, stop in websocket.frames(_VIEW, at, end):
            payload, at = bytes(_VIEW[start:stop]), stop
            if first in _DATA:
                text = reader.read(payload)
                if reader.ready:
                    self._account.receive(fd, text, now_us)
            else:
                self._control(client, first, payload)
        if reader.ready and self._starting:
            self._starting.discard(fd)
        return at

    def _control(self, client: Client, first: int, payload: bytes) -> None:
        if first == _FINAL | websocket.PING:
            client.send(websocket.PONG, payload)
        elif first == _FINAL | websocket.CLOSE:  # after the answer the server ends the connection
            client.send(websocket.CLOSE, payload[:2])
        elif first != _FINAL | websocket.PONG:
            raise ClosedError(f"a frame that begins with {first:#x}")

    def _lose(self, fd: int) -> None:
        self.open.pop(fd).socket.close()
        self._starting.discard(fd)
        self.closed += 1
        if self._clients == 1:
            raise ClosedError("the server hung up")


def main() -> int:
    """Run from the command line; returns the exit status."""
    given = options(
        __doc__, url="", clients=1, header=list[str](), first="", dialect="causeway", site="bench", devices=200
    )
    headers = {name: value.strip() for name, _, value in (header.partition(":") for header in given.header)}
    endpoint = Endpoint(given.url, headers, given.first, given.dialect)
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
