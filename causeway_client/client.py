"""The client on asyncio: one connection that comes back, any number of subscriptions, requests with replies."""

import asyncio
import contextlib
import logging
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from .attendance import Attendance, Attending
from .backoff import Backoff
from .changes import Frame, Link
from .connection import TOO_LARGE, Connection
from .errors import ClientError, RequestError
from .following import Following
from .requests import Requests
from .stream import Stream, link

REQUEST_S: Final = 10.0

log = logging.getLogger(__name__)


class Client:
    """Follows devices and asks for changes of them. A context manager: it connects, and reconnects, by itself.

    Args:
        url: ``ws://host:port/ws/v1/`` (or ``wss:``; ``http:`` and ``https:`` are taken for these). A bad one is a
            ValueError.
        token: an API token (``manage.py create_token``).
        strict: raise StreamBrokenError where the stream would be mended; for tests.
        backoff: the pauses between attempts to connect.
        options: of ``websockets.connect``: ``ssl``, ``proxy``, …
    """

    def __init__(
        self, url: str, token: str, *, strict: bool = False, backoff: Backoff | None = None, **options: Any
    ) -> None:
        self.link: Link | None = None  # as the server last told it; None: it cannot
        self._connection = Connection(url, token, self, strict=strict, backoff=backoff or Backoff(), options=options)
        self._strict = strict
        self._requests = Requests(self._connection)
        self._attendance = Attendance(self._connection)
        self._followings: set[Following] = set()
        self._failure: ClientError | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._connection.run(), name="causeway client")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """For good: iterations come to an end, requests fail with ``closed``."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._end(RequestError("closed", "the client is closed"), None)

    @property
    def connections(self) -> int:
        """How often it was connected."""
        return self._connection.count

    def follow(
        self,
        *,
        site: str | None = None,
        devices: Iterable[str] | None = None,
        max_rate_hz: float | None = None,
        readings: str | None = None,
        description: str | None = None,
        stream: Stream | None = None,
    ) -> Following:
        """Follow a site (``"*"``: all that the user may see, devices that come later included) or some devices.

        Args:
            site: its name.
            devices: instead: keys, ``site/device``.
            max_rate_hz: frames a second and device; the server's default is 10.
            readings: ``"latest"`` leaves out readings that later ones make obsolete.
            description: ``"brief"``: of what devices are, only what a list of them shows.
            stream: what is known from before, to go on from there.

        Raises:
            ValueError: both or neither of site and devices, or another value that makes no sense.
            TypeError: ``devices`` is a text.
        """
        _check(site, devices, max_rate_hz, readings, description)
        wishes = {"site": site, "max_rate_hz": max_rate_hz, "readings": readings, "description": description}
        target: Frame = {name: value for name, value in wishes.items() if value is not None}
        target |= {} if devices is None else {"devices": list(devices)}
        leave = self._followings.discard
        following = Following(self._connection, target, stream or Stream(), strict=self._strict, leave=leave)
        self._followings.add(following)
        if self._failure is not None:
            following.end(self._failure)
        elif self._connection.is_open:
            following.take()
        return following

    def attend(self, place: str, doing: str = "viewing") -> Attending:
        """Be at a place (``site/device``, ``page:NAME``, ``app:LABEL/NAME``), so that others who are there see it.

        Raises:
            ValueError: ``doing`` is none of viewing, editing, commanding.
        """
        attending = self._attendance.attend(place, doing)
        if self._failure is not None:
            attending.end(self._failure)
        return attending

    async def command(
        self,
        device: str,
        name: str,
        args: Any = None,
        *,
        ttl_s: float | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = REQUEST_S,
    ) -> dict[str, Any]:
        """Send a command to a device; the command as stored. Its further steps come as ``Command`` changes.

        It is asked again after a reconnect, which is safe: the key makes it one command however often it is asked.

        Raises:
            RequestError: it was refused (``too_large``: by the client already), or not answered within ``timeout_s``.
            TypeError, ValueError: something in ``args`` is no JSON; the message names the place.
            TurnedAwayError: the server does not let this user in.
        """
        key = idempotency_key or secrets.token_hex(16)
        fields = {"type": "command", "device": device, "name": name, "args": args, "idempotency_key": key}
        if ttl_s is not None:
            fields["ttl_s"] = ttl_s
        reply = await self._ask(fields, timeout_s, repeat=True)
        command: dict[str, Any] = reply["command"]
        return command

    async def desired(
        self, device: str, patch: Mapping[str, Any], *, if_version: int | None = None, timeout_s: float = REQUEST_S
    ) -> dict[str, Any]:
        """Patch a device's desired state (RFC 7396); the reply with ``version`` and ``desired``. Not repeated.

        Raises:
            RequestError: refused (``conflict``: another version); with ``timeout`` or ``disconnected`` it may have
                happened.
            TurnedAwayError: the server does not let this user in.
        """
        fields = {"type": "desired", "device": device, "patch": dict(patch), "if_version": if_version}
        return await self._ask(fields, timeout_s, repeat=False)

    def reconnect(self, why: str = "asked to") -> None:
        """Break the connection as a network does, and come back; while it waits to come back: now."""
        self._connection.reconnect(why)

    async def _ask(self, fields: Frame, timeout_s: float, *, repeat: bool) -> Frame:
        if self._failure is not None:
            raise self._failure
        return await self._requests.ask(fields, timeout_s, repeat=repeat)

    # The connection's side: see :class:`~.connection.Owner` -----------------------------------------------------------

    def opened(self) -> None:
        """Take everything up again."""
        for following in self._followings:
            following.take()
        self._attendance.opened()
        self._requests.opened()

    def lost(self, why: str, code: int) -> None:
        """Tell everyone."""
        self.link = None
        self._attendance.lost()
        self._requests.lost(why, too_large=code == TOO_LARGE)
        for following in self._followings:
            following.lost(why)

    def ended(self, failure: ClientError) -> None:
        """Raise it in everyone."""
        self._end(failure, failure)

    def readers(self, frame: Frame) -> list[Following]:
        """Those who follow what a frame is about."""
        if frame["type"] in {"link", "command", "alert"}:
            return list(self._followings)
        sub = frame.get("sub")
        streams = frame["type"] not in {"ok", "error"} and sub is not None
        return [following for following in self._followings if following.sub == sub] if streams else []

    def received(self, frame: Frame) -> None:
        """Look at replies and the link."""
        match frame["type"]:
            case "ok" | "error":
                self._replied(frame)
            case "link":
                self.link = link(frame)
            case "people":
                self._attendance.shown(frame)

    def _replied(self, frame: Frame) -> None:
        for following in self._followings:
            if following.sub is not None and following.sub == frame["id"]:
                following.replied(frame)
                return
        if self._attendance.replied(frame):
            return
        if frame["id"] is None:
            log.warning("the server did not understand us: %s", frame.get("message"))
        self._requests.settle(frame)

    def _end(self, failure: ClientError, told: ClientError | None) -> None:
        """For good; ``told`` is raised in those who follow."""
        self.link = None
        self._failure = self._failure or failure
        self._requests.end(failure)
        self._attendance.end(told)
        for following in list(self._followings):
            following.end(told)


def _check(
    site: str | None,
    devices: Iterable[str] | None,
    max_rate_hz: float | None,
    readings: str | None,
    description: str | None,
) -> None:
    """Whether that can be followed; raises as :meth:`Client.follow` says."""
    if (site is None) == (devices is None):
        raise ValueError('follow either a site ("*": all that you may see) or devices, a list of "site/device" keys')
    if isinstance(devices, str):
        raise TypeError(f'devices is a list of keys, like ["{devices}"]')
    if max_rate_hz is not None and not 0 < max_rate_hz < math.inf:
        raise ValueError("max_rate_hz is a number above 0")
    if readings not in {None, "all", "latest"}:
        raise ValueError('readings is "all" or "latest"')
    if description not in {None, "full", "brief"}:
        raise ValueError('description is "full" or "brief"')
