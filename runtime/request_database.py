"""Connections of its own for what nearly every request of a web process asks the database, kept from one to the next.

A request that takes a connection from the pool, has it looked at and gives it back, all in a thread that was begun for
it, spends three times as much on that as on the statement. Only PostgreSQL has a pool: elsewhere the request's thread
has to do. Where the database does not answer, it is asked once more in the request's thread, with its limits.
"""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connections

from runtime.database import DatabaseReaders, DatabaseUnavailableError

P = ParamSpec("P")
T = TypeVar("T")

LIMIT_S: Final = 2.0
_LOCK_MS: Final = 250  # what waits for a lock would keep others waiting


class RequestDatabase:
    """One thread, with its connection, for functions that may be called twice.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: DatabaseReaders | None = None

    @property
    def is_there(self) -> bool:
        """Whether the database has a server, which connections are worth keeping to."""
        engine: str = connections.settings[DEFAULT_DB_ALIAS]["ENGINE"]  # each request would make a connection to ask
        return engine.endswith("postgresql")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``.

        Raises:
            DatabaseUnavailableError: it failed twice, or took too long: then it may still take effect.
            Exception: whatever else the function raises.
        """
        return await self._own.run(function, *args, **kwargs)

    async def run_once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``, which only reads, together with all who ask for the same before it has begun.

        Raises:
            django.db.Error: it failed in the request's thread, too.
            Exception: whatever else the function raises.
        """
        if self.is_there:
            try:
                return await self._own.run_once(function, *args, **kwargs)
            except DatabaseUnavailableError:
                pass
        result: Any = await sync_to_async(function)(*args, **kwargs)
        return result  # type: ignore[no-any-return]

    @property
    def _own(self) -> DatabaseReaders:
        if self._thread is None:
            session = {"lock_timeout": str(_LOCK_MS)}
            self._thread = DatabaseReaders(self._name, threads=1, limit_s=LIMIT_S, session=session)
        return self._thread

    def close(self) -> None:
        """End the thread once its calls are done; the next call begins another."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None


lookups: Final = RequestDatabase("causeway requests")
commands: Final = RequestDatabase("causeway commands")
