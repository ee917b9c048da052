"""Long polling: the stream's frames as one JSON answer that ends when there is news, or after so long."""

import asyncio
import time
from typing import Final

from devices.web.live.event_streams.event_writer import EventWriter
from devices.web.live.queries.positions import keep, whole
from devices.web.live.socket.frame_writer import SocketClosedError, text_of
from devices.web.live.stream.positions import Place, Sent, read
from runtime.database import DatabaseUnavailableError

MOST_WAIT_S: Final = 60
GATHER_S: Final = 0.05  # what comes so soon after the first news comes with it
_AGAIN_S: Final = 0.5  # while the database is away


class PollWriter(EventWriter):
    """``{"items": [frame, …], "next": id}``, as the frames come.

    It ends :data:`GATHER_S` after the first frame that is news, or when the time is over, but with no snapshot of which
    pages are missing: ``next`` is where the last frame leaves the client. An answer that is cut off counts as none.
    """

    def begin(self, wait_s: float, known_as: str) -> None:
        """Before :meth:`run`.

        Args:
            wait_s: how long to wait for news.
            known_as: the id with which the client came, if we know where it stands.
        """
        self._end_s = time.monotonic() + wait_s
        self._known_as = known_as
        self._is_partial = not known_as  # a first snapshot comes, be it empty
        self._has_moved = False
        self._written = 0

    async def run(self) -> None:
        """Until the answer is complete.

        Raises:
            SocketClosedError: it is.
        """
        await self._write(b'{"items":[')
        while not self._is_over():
            try:
                async with asyncio.timeout(max(0.0, self._end_s - time.monotonic()) if not self._is_partial else None):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()
            await self._frames()
        await self._write(b'],"next":"%b"}' % (await self._next()).encode())
        raise SocketClosedError

    def _is_over(self) -> bool:
        return not self._is_partial and not self._outgoing and time.monotonic() >= self._end_s

    async def _frames(self) -> None:
        while self._outgoing:
            frame = text_of(self._outgoing.popleft())
            sent = read(frame)
            self.position.take(sent)
            await self._write((b"," if self._written else b"") + frame)
            self._written += 1
            self._count += 1
            self.credit.acknowledge(self._count)
            self._news(sent)
        self._has_taken()

    def _news(self, sent: Sent) -> None:
        self._has_moved = self._has_moved or bool(sent.moved)
        if sent.type == "snapshot":
            self._is_partial = sent.more
        if sent.type != "link" or self._written > 1:
            self._end_s = min(self._end_s, time.monotonic() + GATHER_S)

    async def _next(self) -> str:
        if self._known_as and not self._has_moved:
            return self._known_as
        while (found := self.position.event_id()) is None:
            try:
                await self._keep()
            except DatabaseUnavailableError:
                await asyncio.sleep(_AGAIN_S)
        return found

    async def _keep(self) -> None:
        """As a new stream, if another request went on from the same place, and has kept what it was sent."""
        place = self.position
        if await self._database.run(keep, place.stream, place.number + 1, place.moved):
            place.kept()
            return
        here = Place(place.stream, place.number, place.moved)
        place.stream, place.moved = await self._database.run(whole, here)
        place.number = 0
