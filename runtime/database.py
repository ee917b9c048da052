"""Django's database from asyncio: one thread of our own, time limits, an outage logged once at each end."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from django.db import Error, connections

from runtime.outages import Outage

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_LIMIT_S: Final = 5


class DatabaseDownError(Exception):
    """The database did not answer, or not in time. ``str()`` says why."""


class DatabaseThread:
    """Runs database functions one after the other in a thread of its own.

    A daemon, not an executor's: a call that hangs for ever must not keep the process from ending.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # bounded: every caller waits for its own
        self._outage = Outage(log, "database", time.monotonic)
        self._stuck: Future[Any] | None = None
        threading.Thread(target=self._work, name="gateway-database", daemon=True).start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the thread; within 5 s.

        Raises:
            DatabaseDownError: it failed or took too long (then it may still take effect); a new attempt makes sense.
        """
        if self._stuck is not None and not self._stuck.done():
            raise DatabaseDownError("still busy with an earlier call")
        future: Future[T] = Future()
        self._calls.put(lambda: _settle(future, lambda: function(*args, **kwargs)))
        try:
            async with asyncio.timeout(_LIMIT_S):
                result = await asyncio.wrap_future(future)
        except TimeoutError:
            self._stuck = future
            raise self._down(f"no answer within {_LIMIT_S} s") from None
        except Error as error:
            raise self._down(str(error)) from None
        self._outage.ends()
        return result

    def _down(self, reason: str) -> DatabaseDownError:
        first_line = (reason.strip() or "unknown error").splitlines()[0]
        self._outage.begins(first_line)
        return DatabaseDownError(first_line)

    async def close(self) -> None:
        """Close the thread's connections and end it; within 5 s, or it is left to itself."""
        with contextlib.suppress(DatabaseDownError):
            await self.run(connections.close_all)
        self._calls.put(None)


def _settle(future: "Future[T]", call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except Error as error:
        connections.close_all()  # else Django keeps the broken one
        future.set_exception(error)
    except BaseException as error:  # noqa: BLE001 - the caller gets it
        future.set_exception(error)
    else:
        future.set_result(result)
