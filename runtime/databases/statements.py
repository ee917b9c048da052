"""Statements that are asked again and again, past Django's compiler: what a process asks every second.

A queryset is compiled anew each time (0.3 ms), and goes to PostgreSQL as a text that is planned anew. These are written
once, for both databases, and prepared by the server.
"""

import json
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.types.numeric import Int8BinaryDumper

from runtime.database_clock import DatabaseNowMs

Value = int | str | list[int]  # a bool is an int
Rows = list[tuple[Any, ...]]

_SQLITE: Final = {"now_ms": DatabaseNowMs().as_sqlite()[0], "among": "IN (SELECT value FROM json_each(%s))"}
_POSTGRESQL: Final = {"now_ms": DatabaseNowMs().as_postgresql()[0], "among": "= ANY(%s)"}


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
        database = connections[DEFAULT_DB_ALIAS]
        if database.vendor == "postgresql" and not database.queries_logged:
            return _prepared(database, self._postgresql, values)
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                cursor.execute(self._postgresql, values)
            else:
                cursor.execute(self._sqlite, [json.dumps(one) if isinstance(one, list) else one for one in values])
            rows: Rows = cursor.fetchall()
            return rows


def _prepared(database: Any, text: str, values: tuple[Value, ...]) -> Rows:
    """With values that are sent beside the statement (Django's own cursors put them into its text)."""
    database.ensure_connection()
    database.cursors_made += 1
    with database.wrap_database_errors:
        cursor = psycopg.Cursor(database.connection)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)  # else each magnitude makes a statement of its own
        rows: Rows = cursor.execute(text, values, prepare=True).fetchall()
    return rows
