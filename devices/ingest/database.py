"""Django's database from asyncio: one thread of our own, so that work is done in order, by one connection."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Final, ParamSpec, TypeVar

import structlog
from django.db import Error, connections

from devices.ingest.outage import Outage

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_SLOW_S: Final = 15  # then the call counts as an outage, though it is waited for: half-done work can't be left


class DatabaseThread:
    """Runs functions one after the other in a thread of its own.

    A daemon, not an executor's: a call that hangs for ever must not keep the process from ending.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # bounded: every caller waits for its own
        self._outage = Outage(log, "database")
        threading.Thread(target=self._serve, name="ingest-database", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        connections.close_all()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the thread and wait for it, however long. An outage is logged once at each end.

        Raises:
            django.db.Error: the database failed; its connections are closed, so a new attempt makes new ones.
            Exception: whatever else the function raises.
        """
        done: Future[T] = Future()
        self._calls.put(lambda: _settle(done, lambda: function(*args, **kwargs)))
        waiting = asyncio.wrap_future(done)
        try:
            await asyncio.wait({waiting}, timeout=_SLOW_S)
            if not waiting.done():
                self._outage.begins(f"no answer for {_SLOW_S} s")
            result = await waiting
        except Error as error:
            self._outage.begins(str(error))
            raise
        self._outage.ends()
        return result

    def close(self) -> None:
        """End the thread when its calls are done. Does not wait."""
        self._calls.put(None)


def _settle(done: "Future[T]", call: Callable[[], T]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  the caller gets it
        _forget_connections()
        done.set_exception(error)
    else:
        done.set_result(result)


def _forget_connections() -> None:
    """Broken ones would be used again; PostgreSQL's pool would wait ever longer before it tries a new one."""
    connections.close_all()
    for connection in connections.all(initialized_only=True):
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()
