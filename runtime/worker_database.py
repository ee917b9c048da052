"""Django's database from asyncio: one thread of our own, so that work is done in order, by one connection."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connections

from runtime.outages import Outage

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# So that either side notices within seconds that the other has vanished without a word; a transaction of ours that the
# server still believes in would keep our successor waiting. (PostgreSQL: libpq's connection parameters, and 20.3.2.)
_NOTICE_DEATH: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=60000",
}
_SLOW_S: Final = 15  # then the call counts as an outage, though it is waited for: half-done work can't be left


class _Silent:
    """For outages that somebody else tells of."""

    def warning(self, event: str, /, **fields: Any) -> None:
        """Nothing."""


class DatabaseThread:
    """Runs functions one after the other in a thread of its own.

    A daemon, not an executor's: a call that hangs for ever must not keep the process from ending.

    Args:
        name: of the thread.
        connection_name: of its connection, as PostgreSQL shows it.
        tells: whether it logs outages; of two threads on one database, one does.
    """

    def __init__(self, name: str = "ingest-database", connection_name: str = "causeway", *, tells: bool = True) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # bounded: every caller waits for its own
        self._outage = Outage(log if tells else _Silent(), "database", time.monotonic)
        self._connection_name = connection_name
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    @property
    def fails(self) -> bool:
        """Whether the last call failed, or takes very long."""
        return self._outage.lasts

    def _serve(self) -> None:
        _connect_without_pool(self._connection_name)
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
        connections.close_all()  # else Django goes on with a broken one
        done.set_exception(error)
    else:
        done.set_result(result)


_one_writer: Final = threading.RLock()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Hold this around a transaction that writes, so that our threads take turns where there is one writer only.

    In SQLite a writer who finds another one looks again every 100 ms, and may find the next one for seconds.
    """
    with _one_writer if connections[DEFAULT_DB_ALIAS].vendor == "sqlite" else contextlib.nullcontext():
        yield


def _connect_without_pool(name: str) -> None:
    """The thread has one connection for its life.

    A pool would only stand between us and PostgreSQL: while that is down, it hides the reason, and waits ever longer
    before it tries again.
    """
    connection = connections[DEFAULT_DB_ALIAS]  # this thread's; the settings are shared by all
    if connection.vendor == "postgresql":
        options = {key: value for key, value in connection.settings_dict["OPTIONS"].items() if key != "pool"}
        connection.settings_dict = {
            **connection.settings_dict,
            "OPTIONS": {**_NOTICE_DEATH, "application_name": name, **options},
        }
