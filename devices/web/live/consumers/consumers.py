"""Channels' JSON consumers, generic ones, which can watch devices: one asynchronous, one synchronous."""

from collections.abc import Mapping
from typing import Any, Final

from asgiref.sync import async_to_sync
from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer

from devices.requests.refusals import ForbiddenError, RefusalError, UnauthorizedError
from devices.web.live.attendance.rules.people import Doing
from devices.web.live.consumers.watching import BothWays, Watching

_OURS: Final = ("device.", "people.")  # what types of the stream's events begin with
_CODES: Final = {UnauthorizedError: 4401, ForbiddenError: 4403}


class _Streamed:
    """What both have: events of the stream come in among the client's, and are handled one after the other."""

    _watching: Watching

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with Watching(scope) as self._watching:
            both = BothWays(receive, self._watching)
            try:
                await super().__call__(scope, both, send)  # type: ignore[misc]  # Channels' consumer
            finally:
                both.close()


class DeviceConsumer(_Streamed, AsyncJsonWebsocketConsumer):
    """A Channels consumer that can watch devices, with the rights of the scope's user (docs/extending/channels.md).

    The stream rule holds for each device and watch: a ``device_snapshot`` first, then what changes from there, without
    gap, repeat or reordering. A handler that lags slows nobody else: what it has not handled is bounded, and then
    gathered; after 60 s without progress it is closed with 4408. Override the handlers that you need.
    """

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler. Who is refused is hung up on: 4401, 4403."""
        try:
            if message["type"].startswith(_OURS):
                await getattr(self, get_handler_name(message))(message)
            else:
                await super().dispatch(message)
        except (UnauthorizedError, ForbiddenError) as refused:
            await self.close(code=_code_of(refused))

    async def watch(
        self,
        target: str,
        *,
        revs: Mapping[str, int] | None = None,
        max_rate_hz: float = 10.0,
        readings: str = "all",
        description: str = "full",
    ) -> None:
        """Watch a device (``"site/device"``), a site (``"site/*"``) or all that the user may see (``"*"``).

        Args:
            target: the same one again changes nothing.
            revs: where the client stands with devices: a delta from there comes in place of a snapshot.
            max_rate_hz: at most so many deltas a second and device, 0.1 to 100.
            readings: ``"all"``, or ``"latest"`` without those in between.
            description: ``"full"``, or ``"brief"`` with as much of what a device is as lists show.

        Raises:
            causeway.requests.RefusalError: UnauthorizedError, nobody is signed in; ForbiddenError; NotFoundError;
                RateLimitedError, more than 100 watches; UnavailableError, the database does not answer.
        """
        options = {"max_rate_hz": max_rate_hz, "readings": readings, "description": description}
        await self._watching.watch(target, revs, **options)

    async def unwatch(self, target: str) -> bool:
        """Watch it no longer: no event of it is handed over after this. False: it was not watched."""
        return await self._watching.unwatch(target)

    async def attend(self, place: str, doing: Doing = "viewing") -> None:
        """Be at a place, and be told by ``people_changed`` who else is, in all processes (docs/websocket.md, People).

        Args:
            place: ``"site/device"``, ``"page:NAME"`` or ``"app:LABEL/NAME"``.
            doing: ``"viewing"``, ``"editing"`` or ``"commanding"``; the same place again: something else is done there.

        Raises:
            causeway.requests.RefusalError: BadRequestError, it is no place; UnauthorizedError, nobody is signed in;
                ForbiddenError, a board asks, or somebody without any role; NotFoundError, there is no such device, as
                far as the user may see; RateLimitedError, more than 16 places; UnavailableError.
        """
        await self._watching.attend(place, doing)

    async def leave(self, place: str) -> bool:
        """Be there no longer, as the consumer's end does by itself. False: it was not attended."""
        return await self._watching.leave(place)

    async def device_snapshot(self, event: dict[str, Any]) -> None:
        """The truth about a device as of its rev."""

    async def device_delta(self, event: dict[str, Any]) -> None:
        """What takes a device from ``prev`` to ``rev``."""

    async def device_event(self, event: dict[str, Any]) -> None:
        """Something happened at a device."""

    async def device_gone(self, event: dict[str, Any]) -> None:
        """A device is deleted, or not visible any more."""

    async def device_command(self, event: dict[str, Any]) -> None:
        """A step of a command to a device that is watched."""

    async def device_alert(self, event: dict[str, Any]) -> None:
        """A step of an alert on a device that is watched."""

    async def device_link(self, event: dict[str, Any]) -> None:
        """What works of the chain from devices to here: at first, and at each change."""

    async def people_changed(self, event: dict[str, Any]) -> None:
        """Who is at a place that is attended: ``place`` and ``people``, each ``user``, ``doing`` and ``since``."""

    async def device_closed(self, event: dict[str, Any]) -> None:
        """The stream has ended, by ``code``: logged out, no rights left, too slow, or the server ends."""
        await self.close(code=event["code"])


class JsonDeviceConsumer(_Streamed, JsonWebsocketConsumer):
    """The same for synchronous code: handlers run in a thread, one after the other, and may use the ORM."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler. Who is refused is hung up on: 4401, 4403."""
        try:
            await super().dispatch(message)
        except (UnauthorizedError, ForbiddenError) as refused:
            await database_sync_to_async(self.close)(code=_code_of(refused))

    def watch(
        self,
        target: str,
        *,
        revs: Mapping[str, int] | None = None,
        max_rate_hz: float = 10.0,
        readings: str = "all",
        description: str = "full",
    ) -> None:
        """See :meth:`DeviceConsumer.watch`."""
        options = {"max_rate_hz": max_rate_hz, "readings": readings, "description": description}
        async_to_sync(self._watching.watch)(target, revs, **options)

    def unwatch(self, target: str) -> bool:
        """See :meth:`DeviceConsumer.unwatch`."""
        return async_to_sync(self._watching.unwatch)(target)

    def attend(self, place: str, doing: Doing = "viewing") -> None:
        """See :meth:`DeviceConsumer.attend`."""
        async_to_sync(self._watching.attend)(place, doing)

    def leave(self, place: str) -> bool:
        """See :meth:`DeviceConsumer.leave`."""
        return async_to_sync(self._watching.leave)(place)

    def device_snapshot(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_snapshot`."""

    def device_delta(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_delta`."""

    def device_event(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_event`."""

    def device_gone(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_gone`."""

    def device_command(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_command`."""

    def device_alert(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_alert`."""

    def device_link(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_link`."""

    def people_changed(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.people_changed`."""

    def device_closed(self, event: dict[str, Any]) -> None:
        """See :meth:`DeviceConsumer.device_closed`."""
        self.close(code=event["code"])


def _code_of(refused: RefusalError) -> int:
    return _CODES[type(refused)]
