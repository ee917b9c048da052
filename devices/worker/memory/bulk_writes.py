"""Rows straight into tables, by statements that are made once: for what every round writes.

Django's ``bulk_create`` makes a model instance a row, compiles its SQL anew each time and, on PostgreSQL, escapes every
value into the statement's text: 0.3 ms a statement and 23 µs a row of the worker's time. On PostgreSQL rows go as one
array a column, and those of a round together (devices.worker.memory.one_statement).
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from django.db import connection
from django.db.models import Field, ForeignKey, Model

from devices.worker.memory import one_statement
from devices.worker.memory.one_statement import NotAllError, Part, here
from runtime.databases.binary_arrays import BOOLEANS, BYTES, FLOATS, INTEGERS, TEXTS, Kind

Value = int | str | bytes | bool
Row = tuple[Value, ...]
SparseRow = tuple[Value | None, ...]  # with NULLs

_INTEGERS: Final = ("Auto", "BigAuto", "SmallAuto", "Integer", "BigInteger", "SmallInteger")
_KINDS: Final = {
    **{f"{name}Field": INTEGERS for name in _INTEGERS},
    **{f"Positive{name}Field": INTEGERS for name in _INTEGERS[3:]},
    **{f"{name}Field": TEXTS for name in ("Char", "Text", "Slug", "Email", "URL")},
    "BooleanField": BOOLEANS,
    "FloatField": FLOATS,
    "BinaryField": BYTES,
}


class Table:
    """Where rows of one model go, in the caller's transaction. Values are as the database keeps them: JSON is text.

    Args:
        model: whose table.
        fields: names, in the order of the rows' values.
        unique: by which fields a row is there already; none: rows are only inserted.
        update: which fields one that is there takes over.
        add: which fields it adds to its own, each a number that is never null.
    """

    def __init__(
        self,
        model: type[Model],
        fields: Sequence[str],
        unique: Sequence[str] = (),
        update: Sequence[str] = (),
        add: Sequence[str] = (),
    ) -> None:
        self._fields = {field.name: field for field in model._meta.concrete_fields}
        columns = {name: f'"{field.column}"' for name, field in self._fields.items()}
        self._names, self._table = fields, f'"{model._meta.db_table}"'
        self._into = f"INSERT INTO {self._table} ({', '.join(columns[name] for name in fields)})"
        changed = [f"{columns[name]} = EXCLUDED.{columns[name]}" for name in update]
        changed += [f"{columns[name]} = {self._table}.{columns[name]} + EXCLUDED.{columns[name]}" for name in add]
        keys = ", ".join(columns[name] for name in unique)
        self._conflict = f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(changed)}" if unique else ""

    def write(self, rows: Sequence[SparseRow]) -> None:
        """Write rows, in one statement; none: nothing is done. In a round they may wait for the round's others.

        Raises:
            django.db.Error, ValueError, OverflowError: a row was refused, or the database failed.
        """
        if not rows:
            return
        if _is_postgresql() and (part := self._part):
            one_statement.write(part, tuple(zip(*rows, strict=True)))
            return
        with connection.cursor() as cursor:
            cursor.executemany(self._values, rows)

    def insert(self, rows: Sequence[Row], told: Callable[[list[int]], None]) -> None:
        """Write a few new rows; ``told`` is called with their ids, in order, by the end of the transaction.

        Raises as :meth:`write`.
        """
        if not rows:
            return
        if _is_postgresql() and (part := self._part):
            one_statement.write(part, tuple(zip(*rows, strict=True)), told)
            return
        with connection.cursor() as cursor:
            told([cursor.execute(self._values, row).lastrowid for row in rows])

    @property
    def _values(self) -> str:
        return f"{self._into} VALUES ({', '.join(['%s'] * len(self._names))}){self._conflict}"

    @cached_property
    def _part(self) -> Part | None:
        """None if there is a field whose values don't go as arrays."""
        kinds = [_kind(self._fields[name]) for name in self._names]
        if not all(kinds):
            return None
        arrays = ", ".join(f"{{{index}}}" for index in range(len(kinds)))
        into = f"{self._into} SELECT * FROM unnest({arrays}){self._conflict}"  # noqa: S608  names
        return Part(into, [kind for kind in kinds if kind], self._table)


def _is_postgresql() -> bool:
    return here.gathered is not None or connection.vendor == "postgresql"


def _kind(field: "Field[Any, Any]") -> Kind | None:
    while isinstance(field, ForeignKey):
        field = field.target_field
    return _KINDS.get(field.get_internal_type())


def update_each(part: Part, one: str, rows: Sequence[Row]) -> None:
    """Update rows, in the caller's transaction; those that are not there are left out.

    Args:
        part: for PostgreSQL.
        one: for others: a statement for one of ``rows``.
        rows: values; none: nothing is done.

    Raises:
        django.db.Error: the database failed.
    """
    if rows and _is_postgresql():
        one_statement.write(part, tuple(zip(*rows, strict=True)))
    elif rows:
        with connection.cursor() as cursor:
            cursor.executemany(one, rows)


def update_all(part: Part, one: str, rows: Sequence[Row]) -> None:
    """Update rows, last of all in the caller's transaction, or nothing of it.

    Args:
        part: for PostgreSQL.
        one: for others: a statement for one of ``rows``.
        rows: values; at least one row.

    Raises:
        NotAllError: not all of them are there.
        django.db.Error: the database failed.
    """
    if _is_postgresql():
        one_statement.write_last(part, tuple(zip(*rows, strict=True)))
        return
    with connection.cursor() as cursor:
        cursor.executemany(one, rows)
        if cursor.rowcount != len(rows):
            raise NotAllError
