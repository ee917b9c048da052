"""One WebSocket that comes back: opening, backoff, frame numbers, acknowledgements, a dead line, final refusals.

    connecting ──open──> open ──closed, broken or silent──> waiting ──backoff──> connecting
                          └──4401, 4403, HTTP 4xx──> ended

It knows nothing of devices.
"""

import asyncio
import contextlib
import json
import logging
import random
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.uri import parse_uri

from .acks import ACK_EVERY_S, Acks
from .backoff import Backoff
from .changes import Frame
from .errors import ClientError, StreamBrokenError, TurnedAwayError
from .sendable import encoded

_TURNED_AWAY: Final = {
    4401: "the token is not valid, or no longer: make one by `manage.py create_token`",
    4403: "the user has no role at any site: give one by `manage.py create_token USER --role viewer --site SITE`",
}
TOO_LARGE: Final = 1009
_TOO_MANY: Final = 4429
_ABNORMAL: Final = 1006  # RFC 6455, 7.1.5: closed without a close frame
_CLOSED: Final = {
    1001: "the server is going away; it may be restarting",
    _ABNORMAL: "the connection broke",
    TOO_LARGE: "a frame of ours was too large for the server or for a proxy: send less",
    1012: "the server restarts",
    4408: "nothing was acknowledged for a minute: whoever iterates takes too long",
    _TOO_MANY: "too many sockets of this user or address, or too many bad frames: close some, or mend the program",
}
_REFUSED: Final = {
    403: "is the token sent, and to the right server?",
    404: "is the URL right? It ends with /ws/v1/",
    426: "does a proxy in between pass the headers Upgrade and Connection on?",
}
_PATIENT: Final = 5  # attempts after which the pauses are near their longest
_OPTIONS: Final = {
    "open_timeout": 10,
    "close_timeout": 2,
    "ping_interval": 5,  # a line that does not answer within ping_timeout is given up, and with it any send
    "ping_timeout": 5,
    "max_size": 4 * 1024 * 1024,  # the server sends at most 1 MiB
}

log = logging.getLogger(__name__)


class Reader(Protocol):
    """Who frames are for."""

    def put(self, item: Frame, handled: Callable[[], None]) -> None:
        """Take a frame; call ``handled`` once when finished with it."""


class Owner(Protocol):
    """Who is told of a connection's life and frames."""

    def opened(self) -> None:
        """There is a connection."""

    def lost(self, why: str, code: int) -> None:
        """There is none any more (closed with ``code``, 0: without), or an attempt failed; there will be another."""

    def ended(self, failure: ClientError) -> None:
        """There will be no connection any more."""

    def readers(self, frame: Frame) -> Collection[Reader]:
        """Who a frame is for."""

    def received(self, frame: Frame) -> None:
        """A frame has come, and its readers have it."""


class Connection:
    """Runs until cancelled or turned away.

    Args:
        url: where to; a bad one is a ValueError.
        token: an API token.
        owner: see there.
        strict: end with a StreamBrokenError where it would be made anew.
        backoff: the pauses between attempts.
        options: of ``websockets.connect``.
    """

    def __init__(
        self, url: str, token: str, owner: Owner, *, strict: bool, backoff: Backoff, options: dict[str, Any]
    ) -> None:
        self.count = 0  # how often it was connected
        headers = {"Authorization": f"Bearer {token}", **options.pop("additional_headers", {})}
        self._connect = partial(connect, _websocket(url), additional_headers=headers, **{**_OPTIONS, **options})
        self._owner, self._strict, self._backoff = owner, strict, backoff
        self._socket: ClientConnection | None = None
        self._acks = Acks(0.0)
        self._outgoing: deque[str] = deque()  # bounded: requests are, and acknowledgements are one a second
        self._wake = asyncio.Event()  # there is something to send
        self._hurry = asyncio.Event()  # don't wait for the backoff
        self._broken: str | None = None
        self._code = 0  # with which the connection was closed
        self._last_id = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._socket is not None

    def next_id(self) -> str:
        """An id that no other request has, whatever the connection."""
        self._last_id += 1
        return str(self._last_id)

    def send(self, frame: Frame) -> bool:
        """Send a frame; False when there is no connection.

        Raises:
            TypeError, ValueError: it is no JSON.
            RequestError: ``too_large``.
        """
        text = encoded(frame)
        if self._socket is None:
            return False
        self._outgoing.append(text)
        self._wake.set()
        return True

    def reconnect(self, why: str) -> None:
        """Break the connection as a network does, and come back; while it waits to come back: now."""
        self._broken = why
        self._hurry.set()
        if self._socket is not None:
            self._socket.transport.abort()

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, again and again."""
        try:
            await self._keep_up()
        except ClientError as failure:
            self._owner.ended(failure)
        except Exception as failure:
            log.exception("the client failed")
            self._owner.ended(ClientError(f"the client failed: {failure!r}"))
        finally:
            self._socket = None

    async def _keep_up(self) -> None:
        clock, attempt = asyncio.get_running_loop().time, 0
        while True:
            began, self._broken, self._code = clock(), None, 0
            self._hurry.clear()
            why = await self._attempt()
            log.info("no connection: %s", why)
            if self._code == _TOO_MANY:
                attempt = max(attempt, _PATIENT)
            elif self.is_open and clock() - began >= self._backoff.settled_s:
                attempt = 0
            self._socket = None
            self._owner.lost(why, self._code)
            await self._pause(self._backoff.delay_s(attempt, random.random()))
            attempt += 1

    async def _attempt(self) -> str:
        """Connect and serve the connection until it breaks; why it did.

        Raises:
            TurnedAwayError: there is no use in trying again.
            StreamBrokenError: with ``strict`` only.
        """
        try:
            async with self._connect() as socket:
                self._opened(socket)
                return await self._serve(socket)
        except InvalidStatus as refused:
            return _refusing(refused)
        except StreamBrokenError as broken:
            if self._strict:
                raise
            log.warning("the connection is made anew: %s", broken)
            return str(broken)
        except (OSError, InvalidHandshake) as error:  # a TimeoutError is an OSError
            return str(error) or type(error).__name__

    async def _pause(self, delay_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()

    def _opened(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._acks = Acks(asyncio.get_running_loop().time())
        self._outgoing.clear()
        self.count += 1
        self._owner.opened()

    # Frames ----------------------------------------------------------------------------------------------------------

    async def _serve(self, socket: ClientConnection) -> str:
        writer = asyncio.create_task(self._write(socket), name="causeway client's writer")
        try:
            while True:
                self._take(await socket.recv())
        except ConnectionClosed as closed:
            self._code = closed.rcvd.code if closed.rcvd else _ABNORMAL
            return self._broken or _closing(self._code)
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    async def _write(self, socket: ClientConnection) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(ConnectionClosed):  # the reader notices
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ACK_EVERY_S):
                        await self._wake.wait()
                self._wake.clear()
                if (n := self._acks.due(clock())) is not None:
                    self._outgoing.append(json.dumps({"type": "ack", "n": n}))
                while self._outgoing:
                    await socket.send(self._outgoing.popleft())

    def _take(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            readers = self._owner.readers(frame)
            self._acks.take(frame["n"], len(text), len(readers))
            handled = partial(self._handled, self._acks, frame["n"])
            for reader in readers:
                reader.put(frame, handled)
            self._owner.received(frame)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StreamBrokenError(f"a frame makes no sense: {error!r} in {text[:500]!r}") from error
        self._hasten(self._acks)

    def _handled(self, acks: Acks, n: int) -> None:
        acks.handled(n)
        self._hasten(acks)

    def _hasten(self, acks: Acks) -> None:
        if acks.is_much:
            self._wake.set()


def _websocket(url: str) -> str:
    """The URL with the scheme of a WebSocket.

    Raises:
        ValueError: it is none.
    """
    url = f"ws{url.removeprefix('http')}" if url.startswith(("http:", "https:")) else url
    try:
        parse_uri(url)
    except InvalidURI as error:
        raise ValueError(str(error)) from None
    return url


def _closing(code: int) -> str:
    """What a close code means."""
    if message := _TURNED_AWAY.get(code):
        raise TurnedAwayError(code, message) from None
    return f"{_CLOSED.get(code, 'the connection was closed')} ({code})"


def _refusing(refused: InvalidStatus) -> str:
    """The HTTP answer in place of a WebSocket. What is the client's fault stays so; the rest is a proxy's bad time."""
    status = refused.response.status_code
    if status // 100 == 4 and status not in {408, 425, 429}:
        hint = _REFUSED.get(status)
        raise TurnedAwayError(status, f"the server refused the WebSocket{f': {hint}' if hint else ''}") from None
    return f"HTTP {status}"
