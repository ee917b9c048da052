"""Statements that PostgreSQL prepares once a connection, with values that are sent beside them.

Django's own cursors put the values into the statement's text, so that each is parsed and planned anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.numeric import Int8BinaryDumper


@contextmanager
def prepared(database: Any) -> Iterator[Any]:
    """To execute statements.

    Args:
        database: Django's connection, to PostgreSQL.
    """
    database.ensure_connection()
    database.asks()
    with database.wrap_database_errors:
        cursor = psycopg.Cursor(database.connection)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)  # else each magnitude makes a statement of its own
        yield lambda statement, values: cursor.execute(statement, values, prepare=True)
