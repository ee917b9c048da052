"""What must be right about a database before a process works with it: found out by asking, once, at start."""

from collections.abc import Iterator
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

_LOOKS: Final = 3

NOT_UTF8: Final = (
    "DATABASE_URL: the database's encoding is {}, which can't hold every text; make one with ENCODING 'UTF8'"
)
POOLED: Final = (
    "DATABASE_URL: the pooler in between gives connections to others after each transaction; "
    "Causeway needs sessions: set pool_mode = session in PgBouncer"
)


def problems() -> Iterator[str]:
    """What is wrong with PostgreSQL, each a sentence that begins with the variable.

    Raises:
        django.db.DatabaseError: it can't be reached; with the server's words.
    """
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return
    one = _connection()
    try:
        encoding = _ask(one, "SHOW server_encoding")
        if encoding != "UTF8":
            yield NOT_UTF8.format(encoding)
        if _ask(one, "SELECT pg_backend_pid()") != one.connection.info.backend_pid and _is_shared(one):
            yield POOLED
    finally:
        one.close()


def _is_shared(one: Any) -> bool:
    """Whether a pooler takes the server's process from a connection between its transactions."""
    other = _connection()
    try:
        for _ in range(_LOOKS):
            process = _ask(one, "SELECT pg_backend_pid()")
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
            if process == _ask(other, "SELECT pg_backend_pid()") or process != _ask(one, "SELECT pg_backend_pid()"):
                return True
            with other.cursor() as cursor:
                cursor.execute("ROLLBACK")
    except DatabaseError:  # it has only one process for both, or knows no transactions
        return True
    finally:
        other.close()
    return False


def _connection() -> Any:
    """One of its own, past the pool."""
    made = connections.create_connection(DEFAULT_DB_ALIAS)
    options = {key: value for key, value in made.settings_dict["OPTIONS"].items() if key != "pool"}
    session = {"statement_timeout": "5000"}  # where a pooler lets one wait for the other
    made.settings_dict = {**made.settings_dict, "OPTIONS": {**options, "session": session}}
    return made


def _ask(connection: Any, question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]
