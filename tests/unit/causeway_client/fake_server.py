"""A server that says and does what a test tells it to, connection by connection, over a real socket."""

import asyncio
import http
import itertools
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from causeway_client import Backoff, Client

T = TypeVar("T")
Frame = dict[str, Any]

LIMIT_S = 10


async def soon(awaitable: Awaitable[T]) -> T:
    """Nothing in these tests takes long."""
    async with asyncio.timeout(LIMIT_S):
        return await awaitable


# What a snapshot says of a device of which nothing was heard but that it exists.
NOTHING: Frame = {
    "metrics": {},
    "reported": {},
    "desired": {},
    "desired_version": 0,
    "presence": {"status": "unknown", "since": 0, "why": "never_seen"},
    "tags": [],
}


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.acked = 0
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()  # None: closed
        self.acks = asyncio.Condition()
        self._numbers = itertools.count(1)

    async def read(self) -> None:
        """Until the client goes."""
        try:
            async for text in self.socket:
                await self._received(json.loads(text))
        except ConnectionClosed:
            pass
        self.frames.put_nowait(None)

    async def _received(self, frame: Frame) -> None:
        if frame["type"] != "ack":
            self.frames.put_nowait(frame)
            return
        async with self.acks:
            self.acked = frame["n"]
            self.acks.notify_all()

    async def next(self, kind: str) -> Frame:
        """The client's next frame, which must be of this kind; acknowledgements apart."""
        frame = await soon(self.frames.get())
        assert frame is not None, "the client has gone"
        assert frame["type"] == kind, frame
        return frame

    async def gone(self) -> None:
        """Wait until the client has left; what it said before is not looked at."""
        while await soon(self.frames.get()) is not None:
            pass

    async def send(self, kind: str, **fields: Any) -> int:
        """Send a frame; its number."""
        n = next(self._numbers)
        await self.socket.send(json.dumps({"n": n, "type": kind, **fields}))
        return n

    async def send_text(self, text: str) -> None:
        """Send what may be no frame."""
        await self.socket.send(text)

    async def accept(self, *, refused: tuple[str, ...] = ()) -> Frame:
        """Take the client's subscription up; the request."""
        request = await self.next("subscribe")
        await self.send("ok", id=request["id"], sub=request["id"], refused=list(refused))
        return request

    async def show(self, sub: str, *devices: str, rev: int = 1, reason: str = "subscribe", more: bool = False) -> int:
        """Send a snapshot of these."""
        states = [{"device": device, "rev": rev, **NOTHING} for device in devices]
        return await self.send("snapshot", sub=sub, reason=reason, more=more, devices=states)

    async def change(self, sub: str, device: str, prev: int, rev: int | None = None) -> int:
        """Send a delta from ``prev`` on."""
        item = {"device": device, "prev": prev, "rev": rev or prev + 1, "readings": []}
        return await self.send("delta", sub=sub, items=[item])

    async def until_acked(self, n: int) -> None:
        """Wait for the acknowledgement of frame ``n``."""
        async with self.acks, asyncio.timeout(LIMIT_S):
            await self.acks.wait_for(lambda: self.acked >= n)

    async def close(self, code: int = 1000) -> None:
        """Close from the server's side."""
        await self.socket.close(code)

    def abort(self) -> None:
        """Break the connection."""
        self.socket.transport.abort()


class FakeServer:
    """Where clients connect to."""

    def __init__(self) -> None:
        self.refusals: list[int] = []  # HTTP statuses for the next attempts
        self.authorization: list[str | None] = []
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._server: Server
        self.port = 0

    async def start(self) -> None:
        """Listen, on the port of before."""
        self._server = await serve(self._serve, "127.0.0.1", self.port, process_request=self._greet)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Close all connections and listen no more."""
        self._server.close()
        await self._server.wait_closed()

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        self.authorization.append(request.headers.get("Authorization"))
        if self.refusals:
            return connection.respond(http.HTTPStatus(self.refusals.pop(0)), "not now")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self._peers.put_nowait(peer)
        await peer.read()

    async def next_peer(self) -> Peer:
        """The next connection."""
        return await soon(self._peers.get())

    def client(self, **options: Any) -> Client:
        """A client of this server that does not wait long."""
        options = {"proxy": None, "backoff": Backoff(first_s=0.02, most_s=0.05), **options}
        return Client(f"ws://127.0.0.1:{self.port}/ws/v1/", "secret", **options)


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    """A server for the time of the context."""
    server = FakeServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
