"""Writes a stream's frames as Server-Sent Events, with the id of where each leaves its client, as that takes them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from devices.web.live.hub.fanout import WriteQueue
from devices.web.live.queries.positions import keep
from devices.web.live.socket.frame_writer import Credit, FrameWriter, SocketClosedError, text_of
from devices.web.live.stream.positions import Position, Sent, read
from runtime.database import DatabaseReaders, DatabaseUnavailableError

IDLE_S: Final = 15.0  # then a comment says that the stream is there: proxies end what is silent
PATIENCE_S: Final = 5.0  # with a client that takes nothing while 1 MiB waits for it
_AGAIN_S: Final = 0.5  # while the database is away

Event = dict[str, Any]


class Flow(Protocol):
    """Whether the client takes more; a server's whose ``send`` does not wait for that: runtime.http.response_flow."""

    async def free(self) -> None:
        """Wait until it does."""


class EventWriter(FrameWriter):
    """The events of one stream. What is written, and taken by the client's connection, counts as acknowledged.

    Args:
        send: ASGI's.
        write_queue: the hub's.
        flow: the server's, where ``send`` does not wait.
        position: where the client stands.
        database: keeps what does not fit into ids.
        taken: called whenever the client has taken all: there is credit again.
    """

    def __init__(
        self,
        send: Callable[[Event], Awaitable[None]],
        write_queue: WriteQueue,
        flow: Flow | None,
        position: Position,
        database: DatabaseReaders,
        taken: Callable[[], None],
    ) -> None:
        super().__init__(send, write_queue)
        self.credit = Credit(PATIENCE_S)
        self.position = position
        self._flow = flow
        self._database = database
        self._has_taken = taken
        self._ended = asyncio.Event()
        self._count = 0  # of frames written

    def close(self, code: int) -> None:
        """End the stream, whatever waits: the client comes again, and is told why then."""
        super().close(code)
        self._ended.set()

    async def closed(self) -> None:
        """Wait until we end the stream.

        Raises:
            SocketClosedError: always.
        """
        await self._ended.wait()
        raise SocketClosedError

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
            except TimeoutError:
                await self._write(b":\n\n")
            self._wake.clear()
            while self._outgoing:
                frame = text_of(self._outgoing.popleft())
                await self._write(await self._event(frame))
                self._count += 1
                self.credit.acknowledge(self._count)
            self._has_taken()

    async def _write(self, event: bytes) -> None:
        await self._send({"type": "http.response.body", "body": event, "more_body": True})
        if self._flow is not None:
            await self._flow.free()

    async def _event(self, frame: bytes) -> bytes:
        """The frame as an event."""
        sent = read(frame)
        self.position.take(sent)
        return as_event(sent, frame, await self._event_id() if sent.has_id else None)

    async def _event_id(self) -> str:
        while (found := self.position.event_id()) is None:
            try:
                await self._database.run(keep, self.position.stream, self.position.number + 1, self.position.moved)
            except DatabaseUnavailableError:
                await asyncio.sleep(_AGAIN_S)
            else:
                self.position.kept()
        return found


def as_event(sent: Sent, frame: bytes, event_id: str | None) -> bytes:
    """An event's text. (A line break in a frame is a blank between two of its members, or it would be no JSON.)"""
    head = f"id: {event_id}\n" if event_id is not None else ""
    data = frame.replace(b"\n", b" ").replace(b"\r", b" ")
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), sent.type.encode(), data)
