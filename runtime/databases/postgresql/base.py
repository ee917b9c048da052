"""Django's backend for PostgreSQL, whose connections can write, and say why when there is none.

A connection outlives a switchover that does not close it, and then leads to a server that only reads. So one that
writes is asked for (``target_session_attrs``, libpq 34.1.2), and each that comes out of the pool is looked at again:
the server says by itself when that changes (``in_hot_standby``, ``default_transaction_read_only``), so a look is free.

Parameters are set after connecting, not in the startup message: PgBouncer refuses those that it doesn't know.
"""

import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

import psycopg
from django.db import OperationalError
from django.db.backends.postgresql import base
from psycopg.types.numeric import Int8BinaryDumper
from psycopg_pool import PoolTimeout

from runtime.databases import libpq
from runtime.databases.limits import pooled_session, starvation

# So that either side notices within seconds that the other has vanished without a word; a transaction of ours that the
# server still believes in would keep our successor waiting. (libpq's connection parameters, and PostgreSQL 20.3.2.)
_NOTICE_DEATH: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SESSION: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60000",
    "default_transaction_isolation": "read committed",  # whatever the role's or the server's own is
}
_RECENT_S: Final = 15.0


class _LastFailure:
    """Why the pool could not connect last: it keeps that to itself."""

    reason, at_s = "", float("-inf")


class PooledConnection(psycopg.Connection[Any]):
    """psycopg's. Remembers why none could be made."""

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> "PooledConnection":
        """Connect, as psycopg does."""
        try:
            made = super().connect(*arguments, **options)
        except psycopg.Error as error:
            _LastFailure.reason, _LastFailure.at_s = str(error), time.monotonic()
            raise
        _LastFailure.reason = ""
        return made


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection."""

    cursors_made = 0  # so that whoever calls can tell whether anything was asked
    before_asking: Callable[[], None] | None = None  # called first whenever anything is asked

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        if pool := settings_dict["OPTIONS"].get("pool"):
            pool.setdefault("connection_class", PooledConnection)

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, and what makes a connection one of ours."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("session", None)
        return {**_NOTICE_DEATH, "target_session_attrs": "read-write", **parameters}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """One that can write.

        Raises:
            django.db.OperationalError: there is none, with the server's words.
        """
        while True:
            try:
                connection = super().get_new_connection(conn_params)
            except PoolTimeout as error:
                self._refused()
                raise OperationalError(_why(error)) from error
            starvation.granted()
            if not (self.pool and _only_reads(connection)):
                return connection
            connection.close()  # not to be used again
            self.pool.putconn(connection)

    def _refused(self) -> None:
        starvation.has_room = self._has_room
        if not self._has_room():
            starvation.refused()

    def _has_room(self) -> bool:
        figures = self.pool.get_stats() if self.pool else {}
        return bool(figures.get("pool_available", 0) > 0) or figures.get("pool_size", 0) < figures.get("pool_max", 1)

    def _configure_connection(self, connection: Any) -> bool:
        options = self.settings_dict["OPTIONS"]
        wanted = {**_SESSION, **(pooled_session if options.get("pool") else {}), **options.get("session", {})}
        calls = ", ".join("set_config(%s, %s, false)" for _ in wanted)
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(f"SELECT {calls}", [text for pair in wanted.items() for text in pair])
        super()._configure_connection(connection)  # type: ignore[misc]  # the stubs lack it
        return True

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, counted."""
        self.asks()
        return super().create_cursor(name)

    def asks(self) -> None:
        """Something is about to be asked by way of this connection."""
        if self.before_asking:
            self.before_asking()
        self.cursors_made += 1

    def prepared(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a statement returns that the server keeps prepared; its values go beside it (Django's go into its text).

        Args:
            statement: with ``%s`` for each value, as Django writes it.
            values: as many.

        Raises:
            django.db.Error: it failed.
        """
        self.ensure_connection()
        self.asks()
        with self.wrap_database_errors:
            cursor = psycopg.Cursor(self.connection)
            cursor.adapters.register_dumper(int, Int8BinaryDumper)  # else each magnitude makes a statement of its own
            return libpq.rows(cursor, _numbered(statement), values)

    @property
    def only_reads(self) -> bool:
        """Whether the server has said that this connection can't write (any more)."""
        return self.connection is not None and _only_reads(self.connection)


def _only_reads(connection: Any) -> bool:
    status = connection.info.parameter_status
    return not connection.closed and "on" in (status("in_hot_standby"), status("default_transaction_read_only"))


def _why(error: PoolTimeout) -> str:
    if _LastFailure.reason and time.monotonic() - _LastFailure.at_s < _RECENT_S:
        return _LastFailure.reason
    return f"no connection was to be had: {error}"


@lru_cache(200)
def _numbered(statement: str) -> str:
    """With ``$1``, ``$2``, … for each ``%s``, and single percent signs."""
    numbers = count(1)
    return re.sub("%[s%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", statement)
