"""A consumer's stream, begun with its first watch and ended with the consumer; and its events among the client's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from devices.requests.refusals import ForbiddenError, UnauthorizedError, UnavailableError
from devices.web.live.attendance.rules.people import Doing
from devices.web.live.consumers.credentials import credential_of
from devices.web.live.consumers.device_stream import DeviceStream
from devices.web.live.consumers.inbox import Event
from devices.web.live.hub.hub import hub_of_this_loop
from devices.web.live.queries.authentication import access_by
from devices.web.live.socket.application import new_hub
from devices.web.live.stream.targets import MAX_RATE_HZ, MIN_RATE_HZ, DeliveryOptions
from runtime.database import DatabaseUnavailableError

_BUSY: Final = "the database does not answer; nothing is watched"
Receive = Callable[[], Awaitable[Event]]


class Watching:
    """What a consumer watches. An asynchronous context manager, as long as the consumer lives.

    Args:
        scope: the consumer's, in which middleware puts who its client is.
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self._scope = scope  # the consumer may sign in and out meanwhile
        self._exits = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._stream: DeviceStream | None = None
        self._opened = asyncio.Event()

    async def __aenter__(self) -> "Watching":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def watch(self, target: str, revs: Mapping[str, int] | None, **options: Any) -> None:
        """See :meth:`devices.web.live.consumers.consumers.DeviceConsumer.watch`."""
        wanted = DeliveryOptions(**options)
        if not MIN_RATE_HZ <= wanted.max_rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"max_rate_hz is {MIN_RATE_HZ} to {MAX_RATE_HZ}")
        if wanted.readings not in ("all", "latest") or wanted.description not in ("full", "brief"):
            raise ValueError('readings is "all" or "latest", description "full" or "brief"')
        try:
            await (await self._open()).watch(target, wanted, revs or {})
        except DatabaseUnavailableError:
            raise UnavailableError(_BUSY) from None

    async def unwatch(self, target: str) -> bool:
        """See :meth:`devices.web.live.consumers.consumers.DeviceConsumer.unwatch`."""
        return self._stream is not None and self._stream.unwatch(target)

    async def attend(self, place: str, doing: Doing) -> None:
        """See :meth:`devices.web.live.consumers.consumers.DeviceConsumer.attend`."""
        try:
            await (await self._open()).attend(place, doing)
        except DatabaseUnavailableError:
            raise UnavailableError("the database does not answer; nothing is attended") from None

    async def leave(self, place: str) -> bool:
        """See :meth:`devices.web.live.consumers.consumers.DeviceConsumer.leave`."""
        return self._stream is not None and self._stream.leave(place)

    async def _open(self) -> DeviceStream:
        async with self._opening:
            if self._stream is None:
                self._stream = await self._opened_stream()
                self._opened.set()
            return self._stream

    async def _opened_stream(self) -> DeviceStream:
        credential = await credential_of(self._scope)
        if credential is None:
            raise UnauthorizedError("sign in to watch devices, or to attend a place")
        async with AsyncExitStack() as exits:
            hub = await exits.enter_async_context(hub_of_this_loop(new_hub))
            access = await hub.database.run_once(access_by, credential)
            if access is None:
                raise UnauthorizedError("you are logged out, or your token is not valid any more")
            if not access.sees_any:
                raise ForbiddenError("you have no role at any site; ask an administrator for one")
            stream = DeviceStream(hub, credential, access)
            exits.push_async_callback(_ended, asyncio.create_task(stream.run(), name="consumer-stream"))
            self._exits = exits.pop_all()
        return stream

    # What the consumer is handed -----------------------------------------------------------------------------------

    def next(self) -> Event | None:
        """The stream's next event; None: there is none now. The one before has been handled."""
        return self._stream.inbox.next() if self._stream is not None else None

    async def wait(self) -> None:
        """Until there may be one."""
        await self._opened.wait()
        assert self._stream is not None
        await self._stream.inbox.wake.wait()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


class BothWays:
    """An ASGI ``receive`` that has the client's events and the stream's, one at a time, by turns when there are both.

    Args:
        receive: the server's.
        watching: whose events come, too.
    """

    def __init__(self, receive: Receive, watching: Watching) -> None:
        self._receive = receive
        self._watching = watching
        self._client: asyncio.Future[Event] | None = None
        self._streams_turn = False

    async def __call__(self) -> Event:
        """The next event."""
        while True:
            if self._client is None:
                self._client = asyncio.ensure_future(self._receive())
            self._streams_turn = not self._streams_turn
            if self._client.done() and not self._streams_turn:
                return self._clients()
            if (event := self._watching.next()) is not None:
                return event
            if self._client.done():
                return self._clients()
            await self._something()

    def _clients(self) -> Event:
        assert self._client is not None
        done, self._client = self._client, None
        return done.result()

    async def _something(self) -> None:
        assert self._client is not None
        waiting: asyncio.Future[Any] = asyncio.ensure_future(self._watching.wait())
        try:
            await asyncio.wait({self._client, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    def close(self) -> None:
        """Nobody receives any more."""
        if self._client is not None:
            self._client.cancel()
