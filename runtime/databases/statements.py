"""Statements that are asked again and again, past Django's compiler: what a process asks every second.

A queryset is compiled anew each time (0.3 ms), and goes to PostgreSQL as a text that is planned anew. These are written
once, for both databases, and prepared by the server.
"""

import json
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from runtime.database_clock import DatabaseNowMs

Value = int | str | list[int]  # a bool is an int
Rows = list[tuple[Any, ...]]

_SQLITE: Final = {"now_ms": DatabaseNowMs().as_sqlite()[0], "among": "IN (SELECT value FROM json_each(%s))"}
_POSTGRESQL: Final = {"now_ms": DatabaseNowMs().as_postgresql()[0], "among": "= ANY(%s::bigint[])"}


def _untyped(value: Value) -> Value:
    """A list as PostgreSQL writes it: psycopg would call it one of numbers as small as it happens to hold."""
    return f"{{{','.join(map(str, value))}}}" if isinstance(value, list) else value


class Statement:
    """One statement, by which rows are read or written. For Django's connection, in a transaction or by itself.

    Args:
        text: with ``%s`` for each value, ``{now_ms}`` for the database's clock, and ``{among}`` after what shall be
            one of the values of a list.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._sqlite, self._postgresql = text.format(**_SQLITE), text.format(**_POSTGRESQL)

    def rows(self, *values: Value) -> Rows:
        """Carry it out; what it returns.

        Raises:
            django.db.Error: the database failed.
        """
        database: Any = connections[DEFAULT_DB_ALIAS]
        if database.vendor == "postgresql" and not database.queries_logged:
            return list(database.prepared(self._postgresql, [_untyped(one) for one in values]))
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                cursor.execute(self._postgresql, values)
            else:
                cursor.execute(self._sqlite, [json.dumps(one) if isinstance(one, list) else one for one in values])
            return list(cursor.fetchall())
