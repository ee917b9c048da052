"""Reading the database from the event loop: on a few threads of our own, limited in time, an outage as one exception.

(Django's own ``sync_to_async`` shares one thread with every view of the process.)
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from django.db import Error, connections

THREADS: Final = 4
LIMIT_S: Final = 10.0

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseUnavailable(Exception):
    """The database failed, or did not answer in time. Nothing was changed; the same may work later."""


class Database:
    """Runs reading functions on daemon threads, so that one that hangs keeps no process from ending.

    Args:
        threads: how many run at once. The others wait; every caller waits for its own only.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = threads
        self._waiting: dict[Any, asyncio.Future[Any]] = {}  # calls of run_once that have not begun
        for number in range(threads):
            threading.Thread(target=self._serve, name=f"live-database-{number}", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        connections.close_all()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``, which only reads: it may be called twice.

        Raises:
            DatabaseUnavailable: see there. A call that hangs goes on in its thread; its result is lost.
        """
        done: Future[T] = Future()
        self._calls.put(lambda: _settle(done, lambda: function(*args, **kwargs)))
        return await _limited(asyncio.wrap_future(done))

    async def run_once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """:meth:`run`, together with all who ask for the same before it has begun.

        A thousand browsers that come back at once ask the same thing. What is read is never older than the question.
        Arguments must be hashable, and nobody may change the result.

        Raises:
            DatabaseUnavailable: as above.
        """
        key = (function, args, tuple(sorted(kwargs.items())))
        waiting = self._waiting.get(key)
        if waiting is None:
            done: Future[T] = Future()
            waiting = self._waiting[key] = asyncio.wrap_future(done)
            waiting.add_done_callback(_look_at)

            def call() -> T:
                self._waiting.pop(key, None)  # whoever asks from now on begins a call of their own
                return function(*args, **kwargs)

            self._calls.put(lambda: _settle(done, call))
        return await _limited(asyncio.shield(waiting))

    def close(self) -> None:
        """End the threads when they are done. Does not wait."""
        for _ in range(self._threads):
            self._calls.put(None)


async def _limited(waiting: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LIMIT_S):
            return await waiting
    except TimeoutError:
        raise DatabaseUnavailable(f"no answer within {LIMIT_S:g} s") from None
    except Error as error:
        raise DatabaseUnavailable(str(error) or type(error).__name__) from error


def _look_at(done: asyncio.Future[Any]) -> None:
    """Those who waited may all have left; asyncio complains of an error that nobody has looked at."""
    if not done.cancelled():
        done.exception()


def _settle(done: "Future[T]", call: Callable[[], T]) -> None:
    if not done.set_running_or_notify_cancel():  # nobody waits any more
        return
    try:
        result = _called_again(call)
    except BaseException as error:  # noqa: BLE001  the caller gets it
        done.set_exception(error)
    else:
        done.set_result(result)


def _called_again(call: Callable[[], T]) -> T:
    """Call it; once more if it fails, for the thread's connection may be from before a restart of the database."""
    try:
        return call()
    except Error as error:
        connections.close_all()
        first = error
    try:
        return call()
    except Error:
        connections.close_all()
        raise first from None
