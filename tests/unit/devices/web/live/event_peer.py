"""A client of event streams at the other end of their consumer, without a server between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import msgspec

from devices.web.live.event_streams.consumer import FLOW, StreamConsumer
from tests.support.clients.server_sent import EventReader
from tests.unit.devices.web.live.peer import WAIT_S


class Flow:
    """A connection that takes more, or not."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        pass

    async def free(self) -> None:
        await self.open.wait()


class EventPeer:
    """One request and its answer. Frames that a call passes over stay in ``seen``."""

    def __init__(self, last_id: str) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.flow = Flow()
        self.reader = EventReader(last_id)
        self.seen: list[dict[str, Any]] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self._frames: list[dict[str, Any]] = []
        self._n = 0

    async def begin(self) -> None:
        event = await self.event()
        self.status = event["status"]
        self.headers = {name.decode(): value.decode() for name, value in event["headers"]}

    async def problem(self) -> dict[str, Any]:
        """What a refusal says."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = msgspec.json.decode((await self.event())["body"])
        assert found["status"] == self.status
        return found

    async def event(self) -> dict[str, Any]:
        """What the application sends next."""
        async with asyncio.timeout(WAIT_S):
            return await self.from_server.get()

    async def receive(self) -> dict[str, Any]:
        """The next frame; ConnectionError at the end."""
        while not self._frames:
            event = await self.event()
            self._frames += self.reader.feed(event["body"])
            if not event.get("more_body"):
                raise ConnectionError("the stream has ended")
        frame = self._frames.pop(0)
        self._n += 1
        assert frame["n"] == self._n
        self.seen.append(frame)
        return frame

    async def until(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while not wanted(frame := await self.receive()):
                pass
        return frame

    async def next_of(self, kind: str) -> dict[str, Any]:
        return await self.until(lambda frame: frame["type"] == kind)

    async def ended(self) -> None:
        """Wait until the server ends the stream."""
        async with asyncio.timeout(WAIT_S):
            try:
                while True:
                    await self.receive()
            except ConnectionError:
                pass


@asynccontextmanager
async def streaming(
    token: str | None = None,
    last_id: str = "",
    headers: dict[str, str] | None = None,
    method: str = "GET",
    **query: Any,
) -> AsyncIterator[EventPeer]:
    """A stream for the time of the context; it ends with it, and so does everything that served it."""
    peer = EventPeer(last_id)
    given = {"host": "testserver", **(headers or {})}
    given |= {"authorization": f"Bearer {token}"} if token else {}
    given |= {"last-event-id": last_id} if last_id else {}
    scope = {
        "type": "http",
        "method": method,
        "path": "/api/v1/stream",
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ["192.0.2.1", 1],
        "scheme": "http",
        "extensions": {FLOW: lambda: peer.flow},
    }

    async def send(event: dict[str, Any]) -> None:
        peer.from_server.put_nowait(event)

    peer.to_server.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    serving = asyncio.create_task(StreamConsumer.as_asgi()(scope, peer.to_server.get, send))
    try:
        await peer.begin()
        yield peer
    finally:
        peer.to_server.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(WAIT_S):
            await serving


async def polled(token: str, after: str = "", wait: float = 20, **query: Any) -> dict[str, Any]:
    """One answer to a long poll, whole."""
    told = {"wait": int(wait), **({"after": after} if after else {}), **query}
    async with streaming(token, **told) as peer:
        assert (peer.status, peer.headers["content-type"]) == (200, "application/json")
        text, more = b"", True
        while more:
            event = await peer.event()
            text, more = text + event["body"], event.get("more_body", False)
    found: dict[str, Any] = msgspec.json.decode(text)
    return found
