"""A client at the other end of the ASGI application, without a server between."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from channels.db import database_sync_to_async

from devices.web.live.socket.application import websocket_application
from devices.web.live.stream.server_frames import decode
from tests.unit.devices.web.conftest import make_user

WAIT_S = 10.0


async def token(name: str = "someone", **roles: str) -> str:
    """An API token of a new user with these roles by site; by default admin everywhere."""
    made: str = await database_sync_to_async(make_user)(name, **(roles or {"all": "admin"}))
    return made


class Peer:
    """One WebSocket. Frames that a call passes over stay in ``seen``."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.seen: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.subprotocol: str | None = None  # that the server chose
        self.bytes_received = 0
        self._ids = itertools.count(1)
        self._n = 0

    def send(self, **frame: Any) -> None:
        self.send_text(msgspec.json.encode(frame).decode())

    def send_text(self, text: str) -> None:
        self.to_server.put_nowait({"type": "websocket.receive", "text": text})

    def acknowledge(self) -> None:
        self.send(type="ack", n=self._n)

    async def receive(self) -> dict[str, Any]:
        """The next frame; fails on one that docs/websocket.md does not have, and on a wrong number."""
        async with asyncio.timeout(WAIT_S):
            event = await self.from_server.get()
        if event["type"] == "websocket.close":
            self.close_code = event["code"]
            raise ConnectionError(event["code"])
        decode(event["text"])
        frame: dict[str, Any] = msgspec.json.decode(event["text"])
        self._n += 1
        assert frame["n"] == self._n
        self.bytes_received += len(event["text"])
        self.seen.append(frame)
        return frame

    async def until(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while True:
                frame = await self.receive()
                if wanted(frame):
                    return frame

    async def next_of(self, kind: str) -> dict[str, Any]:
        return await self.until(lambda frame: frame["type"] == kind)

    async def request(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a request; its reply."""
        identity = str(next(self._ids))
        self.send(type=kind, id=identity, **fields)
        return await self.until(lambda frame: frame["type"] in ("ok", "error") and frame["id"] == identity)

    async def watch(self, *devices: str, **fields: Any) -> dict[str, Any]:
        """Subscribe to devices (or by ``fields``); the first snapshot."""
        named = {"devices": dict.fromkeys(devices)} if devices else {}
        reply = await self.request("subscribe", **named, **fields)
        assert reply["type"] == "ok", reply
        return await self.next_of("snapshot")

    async def closed(self) -> int:
        """Wait until the server closes."""
        async with asyncio.timeout(WAIT_S):
            while self.close_code is None:
                with suppress(ConnectionError):
                    await self.receive()
        assert self.close_code is not None
        return self.close_code

    async def nothing_but(self, *kinds: str) -> None:
        """After a round trip, nothing else has come, but for what tells how the system is: that comes by the clock."""
        before = len(self.seen)
        await self.request("ping")
        assert {frame["type"] for frame in self.seen[before:]} <= {*kinds, "ok", "link"}, self.seen[before:]


@asynccontextmanager
async def connected(
    token: str | None = None, path: str = "/ws/v1/", subprotocols: Sequence[str] = (), **headers: str
) -> AsyncIterator[Peer]:
    """A socket for the time of the context; it ends with it, and so does everything that served it."""
    peer = Peer()
    found = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    if token:
        found.append((b"authorization", f"Bearer {token}".encode()))
    scope = {"type": "websocket", "path": path, "headers": found, "subprotocols": list(subprotocols)}

    async def send(event: dict[str, Any]) -> None:
        peer.from_server.put_nowait(event)

    peer.to_server.put_nowait({"type": "websocket.connect"})
    serving = asyncio.create_task(websocket_application(scope, peer.to_server.get, send))
    try:
        async with asyncio.timeout(WAIT_S):
            first = await peer.from_server.get()
        if first["type"] == "websocket.close":
            peer.close_code = 403
        else:
            peer.subprotocol = first["subprotocol"]
        yield peer
    finally:
        peer.to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(WAIT_S):
            await serving
