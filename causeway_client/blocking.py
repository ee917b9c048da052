"""The client for programs without asyncio: the same, on an event loop in a thread of its own."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Self, TypeVar

from .attendance import Attending, People
from .changes import Change, Link
from .client import Client
from .errors import RequestError
from .following import Following
from .stream import Stream

T = TypeVar("T")


class BlockingClient:
    """:class:`Client` with methods that block. Threads may share it; close it from any.

    Args:
        url: as :class:`Client`.
        token: as :class:`Client`.
        options: as :class:`Client`.
    """

    def __init__(self, url: str, token: str, **options: Any) -> None:
        self._client = Client(url, token, **options)
        self._loop: asyncio.AbstractEventLoop
        self._closing: asyncio.Event
        self._started = threading.Event()
        self._asked: set[Future[Any]] = set()  # what callers wait for
        self._thread = threading.Thread(target=self._run, name="causeway client", daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            for future in list(self._asked):  # what the loop was asked while it ended, it never began
                future.cancel()

    async def _main(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        async with self._client:
            self._started.set()
            await self._closing.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """For good; iterations in other threads come to an end. Safe to repeat."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    @property
    def connections(self) -> int:
        """How often it was connected."""
        return self._client.connections

    @property
    def link(self) -> Link | None:
        """As the server last told it."""
        return self._client.link

    def follow(self, *, stream: Stream | None = None, **target: Any) -> "BlockingFollowing":
        """:meth:`Client.follow`, for a plain ``for`` loop."""

        async def follow() -> Following:
            return self._client.follow(stream=stream, **target)

        return BlockingFollowing(self, self.call(follow()))

    def attend(self, place: str, doing: str = "viewing") -> "BlockingAttending":
        """:meth:`Client.attend`, for a plain ``for`` loop."""

        async def attend() -> Attending:
            return self._client.attend(place, doing)

        return BlockingAttending(self, self.call(attend()))

    def command(self, device: str, name: str, args: Any = None, **options: Any) -> dict[str, Any]:
        """:meth:`Client.command`."""
        return self.call(self._client.command(device, name, args, **options))

    def desired(self, device: str, patch: dict[str, Any], **options: Any) -> dict[str, Any]:
        """:meth:`Client.desired`."""
        return self.call(self._client.desired(device, patch, **options))

    def reconnect(self) -> None:
        """:meth:`Client.reconnect`."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._client.reconnect)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine on the client's event loop gives.

        Raises:
            RequestError: ``closed``.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop has ended
            coroutine.close()
            raise RequestError("closed", "the client is closed") from None
        self._asked.add(future)
        if self._loop.is_closed():
            future.cancel()
        try:
            return future.result()
        except CancelledError:
            coroutine.close()
            raise RequestError("closed", "the client is closed") from None
        except BaseException:  # of this thread: Ctrl-C
            future.cancel()
            raise
        finally:
            self._asked.discard(future)


class BlockingFollowing:
    """:class:`Following` for a plain ``for`` loop.

    Args:
        client: whose.
        following: on its event loop.
    """

    def __init__(self, client: BlockingClient, following: Following) -> None:
        self._client, self._following = client, following
        self._ready: deque[Change] = deque()

    @property
    def stream(self) -> Stream:
        """What was told."""
        return self._following.stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change:
        """The next change.

        Raises:
            ClientError: as :meth:`Following.__anext__`.
        """
        if not self._ready:
            try:
                self._ready.extend(self._client.call(self._following.batch()))
            except RequestError as error:
                if error.code != "closed":
                    raise
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    def close(self) -> None:
        """Stop following."""

        async def close() -> None:
            self._following.close()

        self._client.call(close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class BlockingAttending:
    """:class:`Attending` for a plain ``for`` loop.

    Args:
        client: whose.
        attending: on its event loop.
    """

    def __init__(self, client: BlockingClient, attending: Attending) -> None:
        self._client, self._attending = client, attending

    @property
    def people(self) -> People | None:
        """Who is there; None while that is not known."""
        return self._attending.people

    def say(self, doing: str) -> None:
        """Do something else there."""

        async def say() -> None:
            self._attending.say(doing)

        self._client.call(say())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> People:
        """Who is there, at the next change.

        Raises:
            ClientError: as :meth:`Attending.__anext__`.
        """

        async def people() -> People | None:
            return await anext(self._attending, None)

        try:
            found = self._client.call(people())
        except RequestError as error:
            if error.code != "closed":
                raise
            found = None
        if found is None:
            raise StopIteration
        return found

    def close(self) -> None:
        """Be there no longer."""

        async def close() -> None:
            self._attending.close()

        self._client.call(close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
