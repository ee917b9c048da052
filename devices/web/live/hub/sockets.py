"""The sockets of this process, and the state of the chain that each of them is shown."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, Protocol

from devices.web.auth import Access
from devices.web.live.hub import ended_sessions
from devices.web.live.queries.authentication import Credential, Session
from devices.web.live.queries.survey import Link
from runtime.database_clock import unix_ms

_LINK_S: Final = 3.0


class Socket(Protocol):
    """A socket, as far as the hub goes."""

    credential: Credential

    def show_link(self, link: Link) -> None:
        """Send a ``link`` frame."""

    def renew(self, access: Access | None) -> None:
        """Take its rights as of now; None: it may no longer be here."""

    def restart(self) -> None:
        """Close it: this process knows the shards no longer."""

    def tick(self) -> None:
        """Called about every second."""


class Sockets:
    """Whoever is connected, and the link as last seen (None: not known yet)."""

    def __init__(self) -> None:
        self._sockets: dict[Socket, None] = {}
        self.link: Link | None = None
        self._link_known = asyncio.Event()

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Socket) -> None:
        """A socket that has been shown the current link."""
        self._sockets[socket] = None

    def remove(self, socket: Socket) -> None:
        """It is closed. Safe to repeat."""
        self._sockets.pop(socket, None)

    def session_ended(self, message: dict[str, Any]) -> None:
        """Close the sockets of a session that is over: the message says which (ended_sessions.py)."""
        digest = str(message.get("session"))
        for socket in self:
            if isinstance(socket.credential, Session) and ended_sessions.digest(socket.credential.key) == digest:
                socket.renew(None)

    async def current_link(self) -> Link:
        """The state of the chain; waits for the first survey of it, up to 3 s."""
        try:
            async with asyncio.timeout(_LINK_S):
                await self._link_known.wait()
        except TimeoutError:
            pass
        return self.link or Link(since=unix_ms())

    def show_link(self, link: Link) -> None:
        """The state of the chain, as surveyed; sockets are shown a change only."""
        changed = link != self.link
        self.link = link
        self._link_known.set()
        for socket in self if changed else ():
            socket.show_link(link)
