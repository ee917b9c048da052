"""What a transaction writes, gathered and sent to PostgreSQL as one statement: one round trip, and one plan.

::

    WITH w0 AS (INSERT INTO … SELECT * FROM unnest($1, $2, …) … RETURNING 1),
         w1 AS (…),
         last AS (UPDATE … FROM unnest(…) AS … WHERE … AND count(w0) + count(w1) >= 0 RETURNING 1)
    SELECT 1 / (count(last) = as many as there are to be)

Each table with rows has its part, and each set of tables its statement, which the server keeps prepared. ``last`` comes
after all others, as it counts their rows; if it does not find all of its own, a division by zero undoes everything.

If nothing has begun the transaction by then, the statement is the whole of it, without BEGIN and COMMIT. Whatever else
asks the database meanwhile begins it, and finds there what was written before: that is sent first.
"""

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from typing import Any, Final, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from runtime.databases import libpq
from runtime.databases.binary_arrays import Kind

Columns = Sequence[Sequence[Any]]  # as many values in each
Told = Callable[[list[int]], None]  # takes the ids of new rows, in order


class Part:
    """A statement that writes rows, as a part of a larger one. Each is made once.

    Args:
        sql: with ``{0}``, ``{1}``, … for its arrays, and without RETURNING.
        kinds: of the arrays.
        table: whose rows it writes, or other words unlike any other part's: two of the same don't go together.
    """

    def __init__(self, sql: str, kinds: Sequence[Kind], table: str) -> None:
        self.sql, self.kinds, self.table = sql, tuple(kinds), table


class NotAllError(Exception):
    """The last part did not find all of its rows; nothing was written."""


class _Gathered:
    """What waits to be sent."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._depth = len(database.savepoint_ids)
        self._parts: list[tuple[Part, Columns, Told | None]] = []

    def takes(self) -> bool:
        """Not within a savepoint that somebody has set: what is written there may have to be undone alone."""
        return len(self._database.savepoint_ids) == self._depth

    def add(self, part: Part, columns: Columns, told: Told | None) -> None:
        """Have it written with all others; after them, if it is for a table for which something waits already."""
        if any(one.table == part.table for one, _, _ in self._parts):
            self.flush()
        self._parts.append((part, columns, told))

    def flush(self) -> None:
        """Send what waits; the transaction goes on."""
        if parts := self._taken():
            _send(self._database, parts, begin=True)

    def end(self, last: Part, columns: Columns) -> None:
        """Send what waits, with this as its last part: if nothing has begun the transaction, this is all of it."""
        _send(self._database, self._taken(), (last, columns), begin=False)

    def _taken(self) -> list[tuple[Part, Columns, Told | None]]:
        parts, self._parts = self._parts, []
        return parts


class _OfThread(threading.local):
    gathered: _Gathered | None = None


here: Final = _OfThread()
"""What the thread has gathered; None: it does not gather."""


@contextmanager
def gathering() -> Iterator[None]:
    """Within, what is written by parts waits for the last one, in the caller's transaction. PostgreSQL only."""
    database = cast(Any, connections[DEFAULT_DB_ALIAS])
    gathered = here.gathered = _Gathered(database)
    database.before_asking = gathered.flush
    try:
        yield
        gathered.flush()
    finally:
        here.gathered = database.before_asking = None


def write(part: Part, columns: Columns, told: Told | None = None) -> None:
    """Write rows in the caller's transaction, or as soon as everything gathered is written.

    Args:
        part: what writes them.
        columns: their values.
        told: called with their ids (of a part that inserts) once they are written.

    Raises:
        django.db.Error, ValueError: a row was refused, or the database failed.
    """
    gathered = here.gathered
    if gathered is not None and gathered.takes():
        gathered.add(part, columns, told)
        return
    if gathered is not None:
        gathered.flush()
    _send(cast(Any, connections[DEFAULT_DB_ALIAS]), [(part, columns, told)], begin=True)


def write_last(part: Part, columns: Columns) -> None:
    """Write as :meth:`write`, after everything gathered and with it; ``columns`` have at least one row.

    Raises:
        NotAllError: the part did not find all of its rows; then nothing was written.
        django.db.Error, ValueError: as :meth:`write`.
    """
    gathered = here.gathered
    if gathered is not None:
        gathered.end(part, columns)
    else:
        _send(cast(Any, connections[DEFAULT_DB_ALIAS]), [], (part, columns), begin=True)


# Sending ---------------------------------------------------------------------------------------------------------


def _send(
    database: Any,
    parts: Sequence[tuple[Part, Columns, Told | None]],
    last: tuple[Part, Columns] | None = None,
    *,
    begin: bool,
) -> None:
    statement = _composed(tuple([(part, told is not None) for part, _, told in parts]), last and last[0])
    arrays = [(kind, column) for part, columns, _ in parts for kind, column in zip(part.kinds, columns, strict=True)]
    arrays += zip(last[0].kinds, last[1], strict=True) if last else ()
    try:
        values = [kind.pack(column) for kind, column in arrays]
    except (struct.error, TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"a value of another kind than its column's: {error}") from error
    database.ensure_connection()
    database.validate_no_broken_transaction()
    database.cursors_made += 1
    try:
        with database.wrap_database_errors:
            if begin:
                libpq.begin(database.connection)
            _, *ids = libpq.execute(database.connection, statement, values)
    except Exception as error:
        if isinstance(error.__cause__, psycopg.errors.DivisionByZero):
            raise NotAllError from None
        raise
    for told, numbers in zip([told for _, _, told in parts if told], ids, strict=True):
        told([int(number) for number in numbers.strip("{}").split(",") if number])


@lru_cache(200)
def _composed(parts: tuple[tuple[Part, bool], ...], last: Part | None) -> str:
    """The statement, and what it returns: a number, and the ids of each part whose ids are asked for."""
    numbers = count(1)
    written, counts, returned = [], [], ["1"]
    for index, (part, tells) in enumerate(parts):
        written.append(f"w{index} AS ({_filled(part, numbers)} RETURNING {'id' if tells else '1'})")
        counts.append(f"(SELECT count(*) FROM w{index})")  # noqa: S608  our own names
        returned += [f"ARRAY(SELECT id FROM w{index})"] * tells  # noqa: S608
    if last:
        after = f" AND {' + '.join(counts)} >= 0" if counts else ""
        written.append(f"last AS ({_filled(last, numbers)}{after} RETURNING 1)")
        wanted = f"cardinality(${next(numbers) - 1})"
        returned[0] = f"1 / ((SELECT count(*) FROM last) = {wanted})::int"  # noqa: S608
    return f"WITH {', '.join(written)} SELECT {', '.join(returned)}"


def _filled(part: Part, numbers: Iterator[int]) -> str:
    return part.sql.format(*(f"${next(numbers)}::{kind.type}[]" for kind in part.kinds))
