"""The process behind tests/support/servers/proxies.py: ``python -m tests.support.servers.proxy LINKS FILE``.

It reads one JSON command a line from its standard input and answers each with a line when it has taken effect.
"""

import asyncio
import json
import socket
import struct
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from tests.support.servers import mqtt_stream
from tests.support.servers.mqtt_stream import Packets, read_publish, version_of
from tests.support.servers.proxies import Confirmed, Delivered

_HIGH_WATER_BYTES = 256 * 1024
_RESET = struct.pack("ii", 1, 0)  # linger for no time: close() sends RST


class Way:
    """One direction of a connection: bytes wait here when the link is slow or stalled."""

    def __init__(self, link: "Link", target: asyncio.Transport, source: asyncio.Transport) -> None:
        self._link, self._target, self._source = link, target, source
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._bytes, self._free_at_s = 0, 0.0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        """Send `data`, now or when its time has come."""
        link = self._link
        if not self._waiting and not link.is_disturbed:
            self._target.write(data)
            return
        now_s = asyncio.get_running_loop().time()
        self._free_at_s = max(now_s, self._free_at_s) + len(data) / link.bytes_per_s
        self._waiting.append((self._free_at_s + link.delay_s, data))
        self._bytes += len(data)
        if self._bytes > _HIGH_WATER_BYTES:
            self._source.pause_reading()
        self._arm()

    def wake(self) -> None:
        """The link has changed: what waits is due now, or never until it changes again."""
        if not self._link.is_disturbed:
            self._waiting = deque((0.0, data) for _, data in self._waiting)
            self._free_at_s = 0.0
        self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._waiting and not self._link.stalled:
            self._timer = asyncio.get_running_loop().call_at(self._waiting[0][0], self._send)

    def _send(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now_s:
            _, data = self._waiting.popleft()
            self._bytes -= len(data)
            self._target.write(data)
        if self._bytes <= _HIGH_WATER_BYTES and not self._source.is_closing():
            self._source.resume_reading()
        self._arm()

    def stop(self) -> None:
        """The connection is gone."""
        self._waiting.clear()
        self._arm()


class Witness:
    """Reads along one MQTT connection; writes down what the broker delivers and what the client confirms."""

    def __init__(self, number: int, file: Path) -> None:
        self._number, self._file = number, file
        self._up, self._down = Packets(), Packets()
        self._version = 4

    def sent(self, data: bytes) -> None:
        """The client sent this."""
        confirmed = []
        for first, body in self._up.feed(data):
            match first >> 4:
                case mqtt_stream.CONNECT:
                    self._version = version_of(body)
                case mqtt_stream.PUBACK:
                    confirmed.append(Confirmed(self._number, int.from_bytes(body[:2], "big")))
        self._write(confirmed)

    def received(self, data: bytes) -> None:
        """The broker sent this."""
        packets = self._down.feed(data)
        self._write([self._delivered(first, body) for first, body in packets if first >> 4 == mqtt_stream.PUBLISH])

    def _delivered(self, first: int, body: bytes) -> Delivered:
        one = read_publish(first, body, self._version)
        text = one.payload.decode(errors="replace")
        return Delivered(self._number, one.topic, text, one.qos, one.dup, one.retain, one.packet_id)

    def _write(self, found: Sequence[Delivered | Confirmed]) -> None:
        if found:
            with self._file.open("a") as file:
                file.writelines(json.dumps(asdict(one)) + "\n" for one in found)


class Link:
    """One proxied port and its state."""

    def __init__(self, port: int, target: int, delivered: Path | None) -> None:
        self.port, self.target, self.delivered = port, target, delivered
        self.stalled = False
        self.delay_s, self.bytes_per_s = 0.0, float("inf")
        self.ends: set[Client] = set()
        self.connections = 0
        self._server: asyncio.Server | None = None

    @property
    def is_disturbed(self) -> bool:
        """Whether bytes don't pass at once."""
        return self.stalled or self.delay_s > 0 or self.bytes_per_s != float("inf")

    async def listen(self) -> None:
        """Accept connections, unless it does."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Client(self), "127.0.0.1", self.port)

    def cut(self) -> None:
        """Break what is connected."""
        for end in list(self.ends):
            end.abort()

    async def do(
        self, what: str, *, delay_s: float = 0, bytes_per_s: float = float("inf"), target: int | None = None
    ) -> None:
        """Carry out a command."""
        match what:
            case "retarget":
                self.target = target or self.target
            case "cut":
                self.cut()
            case "refuse":
                if self._server:
                    self._server.close()
                    self._server = None
                self.cut()
            case _:
                self.stalled = what == "stall"
                self.delay_s, self.bytes_per_s = delay_s, bytes_per_s
                await self.listen()
                for end in self.ends:
                    end.wake()


class Client(asyncio.Protocol):
    """A connection that was made to the proxy."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Transport | None = None
        self._ways: list[Way] = []
        self._early: tuple[list[bytes], list[bytes]] = ([], [])  # what came before both ways were there
        self._opening: asyncio.Task[None] | None = None
        link.connections += 1
        self.witness = Witness(link.connections, link.delivered) if link.delivered else None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._link.ends.add(self)
        self._opening = asyncio.get_running_loop().create_task(self._open(transport))

    async def _open(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            server, _ = await loop.create_connection(lambda: Server(self), "127.0.0.1", self._link.target)
        except OSError:
            self.abort()
            return
        if client.is_closing():
            server.abort()
            return
        self._server = server
        self._ways = [Way(self._link, server, client), Way(self._link, client, server)]
        for direction, chunks in enumerate(self._early):
            for data in chunks:
                self._ways[direction].take(data)

    def data_received(self, data: bytes) -> None:
        if self.witness:
            self.witness.sent(data)
        self._pass(0, data)

    def from_server(self, data: bytes) -> None:
        """The target sent this."""
        if self.witness:
            self.witness.received(data)
        self._pass(1, data)

    def _pass(self, direction: int, data: bytes) -> None:
        if self._ways:
            self._ways[direction].take(data)
        else:
            self._early[direction].append(data)

    def wake(self) -> None:
        """The link has changed."""
        for way in self._ways:
            way.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(self._server)

    def server_lost(self) -> None:
        """The target has gone."""
        self._leave(self._transport)

    def _leave(self, other: asyncio.Transport | None) -> None:
        self._link.ends.discard(self)
        for way in self._ways:
            way.stop()
        if other:
            other.close()

    def abort(self) -> None:
        """Break it, both sides, by RST."""
        for transport in (self._transport, self._server):
            if transport:
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()


class Server(asyncio.Protocol):
    """The connection on to the target."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.from_server(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.server_lost()


async def _serve(links: dict[str, Link]) -> None:
    for link in links.values():
        await link.listen()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ok", flush=True)
    while line := await reader.readline():
        command: dict[str, Any] = json.loads(line)
        await links[command.pop("link")].do(command.pop("do"), **command)
        print("ok", flush=True)


def main(links: str, delivered: str) -> None:
    """Run the proxies until standard input ends."""
    file = Path(delivered) if delivered else None
    made = {
        name: Link(port, target, file if name == "broker" else None)
        for name, (port, target) in json.loads(links).items()
    }
    uvloop.run(_serve(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
