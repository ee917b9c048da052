"""One event stream: composes what serves it, as socket.connection does for a WebSocket, and ends when either side does.

EventWriter           frames out, as events
SocketSubscriptions   what it watches: one subscription; the hub hands its batches to it
CatchUp               brings that to where its feed is, by queries
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from bridge.messages import Gone
from devices.web.auth import Access
from devices.web.live.event_streams.event_writer import Event, EventWriter, Flow
from devices.web.live.event_streams.poll import PollWriter
from devices.web.live.hub.hub import Hub
from devices.web.live.queries.authentication import Credential
from devices.web.live.queries.positions import NEEDED_EVERY_S, need
from devices.web.live.queries.survey import Link
from devices.web.live.socket.catch_up import CatchUp
from devices.web.live.socket.connection import FORBIDDEN, TRY_AGAIN_LATER, UNAUTHORIZED
from devices.web.live.socket.frame_writer import SocketClosedError
from devices.web.live.socket.subscriptions import SocketSubscriptions
from devices.web.live.stream.changes import Reason
from devices.web.live.stream.positions import Place, Position
from devices.web.live.stream.rendering import bodies
from devices.web.live.stream.targets import DeliveryOptions, Target
from runtime.database import DatabaseUnavailableError

SUB: Final = b'"stream"'  # the subscription's name


class Asked(Struct, frozen=True):
    """What a client asks for."""

    wish: Target
    known: dict[str, int]  # the revs that it has of that
    lost: tuple[str, ...] = ()  # what it has, and may not see any more
    begins: Reason = "subscribe"
    place: Place | None = None  # where it stands, if it came with an id that we know


class EventStream:
    """A stream whose client is known; for the hub, a :class:`devices.web.live.hub.sockets.Socket`.

    Args:
        receive: ASGI's, after the request.
        send: ASGI's, after the response's start.
        hub: this event loop's.
        flow: whether the client takes more.
        credential: how the client showed who it is.
        access: its rights.
        asked: what it asks for.
        wait_s: it is to end with the first news, or after so long, as one JSON answer; None: it is to go on, as events.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        hub: Hub,
        flow: Flow | None,
        credential: Credential,
        access: Access,
        asked: Asked,
        wait_s: float | None = None,
    ) -> None:
        self.credential = credential
        self._receive = receive
        self._hub = hub
        self._asked = asked
        self._position = Position(secrets.token_urlsafe(12), asked.known)
        if wait_s is not None and asked.place is not None:  # goes on, so that little has to be kept
            self._position.go_on(asked.place)
        kind = EventWriter if wait_s is None else PollWriter
        self._writer = kind(send, hub.fanout.write_queue, flow, self._position, hub.database, self._taken)
        if isinstance(self._writer, PollWriter) and wait_s is not None:
            self._writer.begin(wait_s, "" if asked.place is None else asked.place.event_id)
        self._subscriptions = SocketSubscriptions(access, self._writer, hub.fanout, hub.tracker)
        self._catch_up = CatchUp(self._writer, self._subscriptions, hub)

    async def serve(self) -> None:
        """Until the client leaves, or we end it."""
        self.show_link(await self._hub.sockets.current_link())
        self._begin()
        self._hub.sockets.add(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                for run in (self._leave, self._stay, self._writer.run, self._writer.closed, self._catch_up.run):
                    tasks.create_task(run())
        except* SocketClosedError:
            pass
        finally:
            self._hub.sockets.remove(self)
            self._subscriptions.leave()

    def _begin(self) -> None:
        asked = self._asked
        self._subscriptions.watch(SUB, asked.wish, DeliveryOptions(), asked.known, asked.begins)
        gone = bodies({device: [Gone(device)] for device in asked.lost}, DeliveryOptions())
        self._writer.push_bodies(self._subscriptions.by_id[SUB], gone)
        self._subscriptions.wake()

    def _taken(self) -> None:
        self._subscriptions.wake()

    async def _leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise SocketClosedError

    async def _stay(self) -> None:
        """See to it that what is kept of the position stays."""
        while True:
            await asyncio.sleep(NEEDED_EVERY_S)
            with suppress(DatabaseUnavailableError):
                await self._hub.database.run(need, self._position.stream, self._position.number)

    # The hub's side, see devices.web.live.hub.sockets.Socket -------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """Send a ``link`` event."""
        self._writer.link(link)

    def restart(self) -> None:
        """End: another process, or this one started anew, goes on."""
        self._writer.close(TRY_AGAIN_LATER)

    def tick(self) -> None:
        """End when the client is too slow."""
        self._writer.close_if_lost()

    def renew(self, access: Access | None) -> None:
        """End, or show what is visible by the rights as of now."""
        if access is None:
            self._writer.close(UNAUTHORIZED)
        elif access != self._subscriptions.access:
            self._subscriptions.renew(access)
            if not access.sees_any:
                self._writer.close(FORBIDDEN)
