"""One WebSocket: composes what serves it, reads the client's frames, and ends when either side closes.

A plain ASGI callable rather than a Channels consumer: those join the channel layer once a socket and hop to a thread
for every message, which is what the hub is there to avoid.

    Connection.read       frames in; acknowledgements are taken at once, requests wait in a bounded queue
    FrameWriter           frames out, in the order of their numbers
    SocketSubscriptions   what it watches; the hub hands its batches to it
    Attending             the places that its user attends
    Requests              carries the requests out, one after the other
    CatchUp               brings its subscriptions to where their feeds are, by queries
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from devices.requests.refusals import UnauthorizedError
from devices.web.auth import Access
from devices.web.live.hub.hub import Hub
from devices.web.live.queries.authentication import Credential, access_by
from devices.web.live.queries.survey import Link
from devices.web.live.socket.attending import Attending
from devices.web.live.socket.catch_up import CatchUp
from devices.web.live.socket.client_frames import Acknowledge, BadFrame, parse
from devices.web.live.socket.frame_writer import Direct, Event, FrameWriter, SocketClosedError
from devices.web.live.socket.request_rate import Bucket
from devices.web.live.socket.requests import Requests
from devices.web.live.socket.subscriptions import SocketSubscriptions

UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
TOO_MANY: Final = 4429  # sockets of a user or an address, or frames that make no sense
TRY_AGAIN_LATER: Final = 4503  # Daphne sends no code but 1000 and 3000 to 4999
_BREATHE_EVERY: Final = 64  # frames of a client that sends faster than we read


class Connection:
    """One socket whose client is known; for the hub, a :class:`devices.web.live.hub.sockets.Socket`.

    Args:
        receive: ASGI's.
        send: ASGI's.
        hub: this event loop's.
        credential: how the client showed who it is.
        access: its rights.
        direct: how the server writes frames at once, where it can do that.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        hub: Hub,
        credential: Credential,
        access: Access,
        direct: Direct | None = None,
    ) -> None:
        self.credential = credential
        self._receive = receive
        self._sockets = hub.sockets
        self._database = hub.database
        self._bucket = Bucket(time.monotonic())
        self._writer = FrameWriter(send, hub.fanout.write_queue, direct)
        self._subscriptions = SocketSubscriptions(access, self._writer, hub.fanout, hub.tracker)
        self._attending = Attending(access, self._writer, hub.attendance, hub.database)
        self._requests = Requests(self._writer, self._subscriptions, self._attending, hub.database, self._rights)
        self._catch_up = CatchUp(self._writer, self._subscriptions, hub)

    async def serve(self) -> None:
        """Until the socket is closed."""
        self.show_link(await self._sockets.current_link())
        self._sockets.add(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                for run in (self._read, self._writer.run, self._requests.run, self._catch_up.run):
                    tasks.create_task(run())
        except* SocketClosedError:
            pass
        finally:
            self._sockets.remove(self)
            self._subscriptions.leave()
            self._attending.leave_all()

    async def _rights(self) -> Access:
        """Read anew, before something is done by them; they count for the stream, too.

        Raises:
            UnauthorizedError: none are left, and the socket is closed.
        """
        access = await self._database.run_once(access_by, self.credential)
        self.renew(access)
        if access is None:
            raise UnauthorizedError("you are logged out, or your token is not valid any more")
        return access

    # The client's frames -----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        count = 0
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                raise SocketClosedError
            self._take(event.get("text"))
            count += 1
            if count % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)

    def _take(self, text: str | None) -> None:
        frame = parse(text) if text is not None else BadFrame(None, "bad_request", "send text frames, not binary ones")
        if isinstance(frame, Acknowledge):
            self._acknowledged(frame.n)
        elif isinstance(frame, BadFrame):
            self._writer.error(frame.id, frame.code, frame.message)
            if not self._bucket.take(time.monotonic()):
                self._writer.close(TOO_MANY)
        elif not self._bucket.take(time.monotonic()) or not self._requests.put(frame):
            self._writer.error(frame.id, "rate_limited", "too many requests")

    def _acknowledged(self, n: int) -> None:
        if not self._writer.credit.acknowledge(n):
            self._writer.error(None, "bad_request", f"ack: there is no frame {n} yet")
        self._subscriptions.wake()

    # The hub's side, see devices.web.live.hub.sockets.Socket -------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """Send a ``link`` frame."""
        self._writer.link(link)

    def restart(self) -> None:
        """Close: another process, or this one started anew, goes on."""
        self._writer.close(TRY_AGAIN_LATER)

    def tick(self) -> None:
        """Close when the client is too slow."""
        self._writer.close_if_lost()

    def renew(self, access: Access | None) -> None:
        """Close, or show what is visible by the rights as of now."""
        if access is None:
            self._attending.leave_all()
            self._writer.close(UNAUTHORIZED)
        elif access != self._subscriptions.access:
            self._subscriptions.renew(access)
            self._attending.renew(access)
            if not access.sees_any:
                self._writer.close(FORBIDDEN)
