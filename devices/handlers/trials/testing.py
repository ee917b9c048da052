"""Trying a handler in a test: hand it items, or have it crash between any two steps. For ``causeway.testing``.

In a test's database; all that a crash undoes is undone by a savepoint, so a test's transaction around it is no harm.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from django.db import connection, transaction

from devices import models
from devices.handlers.calls.transactions import carry_out
from devices.handlers.filters import matching
from devices.handlers.items import Deleted, Item, Reading
from devices.handlers.registry import Function, HandlerSpec, spec_of
from devices.handlers.trials import written
from devices.requests.registry import register_devices
from runtime.database_clock import unix_ms

_MOST_CRASHES: Final = 40  # that are tried in each way of cutting the items into batches
_SHARD: Final = 0  # of the cursor that is moved here; the others are not looked at


def feed(handler: Function, items: Iterable[Item]) -> int:
    """Hand a handler those of the items that it wants, in one batch and one transaction, as run_handlers would.

    The items' devices are registered, and readings stored, where they are missing: when a handler gets an item, they
    are there.

    Returns:
        How many items it wanted.

    Raises:
        Exception: what the handler raises; then nothing is written.
    """
    spec, items = spec_of(handler), list(items)
    _prepare(spec, items)
    wanted = matching(spec.wanted, items)
    carry_out(spec, wanted, lambda: None)
    return len(wanted)


def assert_exactly_once(handler: Function, items: Iterable[Item]) -> None:
    """See that a handler leaves the same behind however its items are cut into batches, and wherever it crashes.

    It is run on all items at once, then one by one, then in halves; each of these with a crash before each statement
    to the database, after which a new process goes on. Compared are the rows of all apps, commands, desired changes,
    what it keeps, and tasks. What the handler does elsewhere is not seen, nor what it keeps in Python's memory.

    Raises:
        AssertionError: something else was left behind.
        Exception: what the handler raises.
    """
    spec, items = spec_of(handler), list(items)
    _prepare(spec, items)
    wanted = matching(spec.wanted, items)
    before = written.keys_of_rows()
    expected = _left_by(spec, [wanted], None, before)[0]
    for told, batches in _ways(wanted):
        left, statements = _left_by(spec, batches, None, before)
        _compare(spec, told, expected, left)
        for number in _crashes(statements):
            left, _ = _left_by(spec, batches, number, before)
            _compare(spec, f"{told}, with a crash before statement {number + 1}", expected, left)


def _ways(items: list[Item]) -> Iterator[tuple[str, list[list[Item]]]]:
    middle = len(items) // 2
    yield "all at once", [items]
    if len(items) > 1:
        yield "one by one", [[item] for item in items]
        yield "in two batches", [items[:middle], items[middle:]]


def _crashes(statements: int) -> Iterable[int]:
    return range(0, statements, max(1, statements // _MOST_CRASHES))


class _Crash(BaseException):
    """The process dies."""


class _Undo(Exception):  # noqa: N818  no error: it ends a savepoint
    """What was done is to leave no trace."""


class _Crashing:
    """Counts statements to the database, and dies before one of them, once."""

    def __init__(self, at: int | None) -> None:
        self._at = at
        self.seen = 0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        number, self.seen = self.seen, self.seen + 1
        if number == self._at:
            raise _Crash
        return execute(*args)


def _left_by(
    spec: HandlerSpec, batches: Sequence[Sequence[Item]], crash: int | None, before: written.Keys
) -> tuple[written.Rows, int]:
    """What is there afterwards; and how many statements it took. Leaves no trace."""
    crashing, left = _Crashing(crash), written.Rows()
    try:
        with transaction.atomic():
            with connection.execute_wrapper(crashing):
                _run(spec, batches)
            left = written.rows(spec.name, before)
            raise _Undo  # noqa: TRY301  it ends the savepoint
    except _Undo:
        pass
    return left, crashing.seen


def _run(spec: HandlerSpec, batches: Sequence[Sequence[Item]]) -> None:
    """All batches from the cursor on; after a crash again from where the cursor is."""
    cursor = models.HandlerCursor.objects.filter(handler_id=spec.name, shard=_SHARD)
    while True:
        try:
            for number in range(cursor.values_list("commit", flat=True).get(), len(batches)):
                carry_out(spec, list(batches[number]), lambda moved=number + 1: _move(cursor, moved))  # type: ignore[misc]
        except _Crash:
            continue
        return


def _move(cursor: Any, commit: int) -> None:
    cursor.update(commit=commit)


def _compare(spec: HandlerSpec, told: str, expected: written.Rows, left: written.Rows) -> None:
    for table in sorted(expected.keys() | left.keys()):
        missing = expected.get(table, written.NONE) - left.get(table, written.NONE)
        more = left.get(table, written.NONE) - expected.get(table, written.NONE)
        if missing or more:
            raise AssertionError(
                f"{spec.name}, {told}: {table} differs from what all at once leaves behind"
                f"\nmissing: {sorted(missing.elements())}\nmore: {sorted(more.elements())}"
            )


def _prepare(spec: HandlerSpec, items: Iterable[Item]) -> None:
    """What is there when a handler runs: its row and its cursor, the devices, the readings."""
    handler, _ = models.Handler.objects.get_or_create(
        name=spec.name,
        defaults={
            "version": spec.version,
            "since_ms": unix_ms(),
            "kind": spec.wanted.kind.__name__,
            "on_failure": spec.on_failure,
        },
    )
    models.HandlerCursor.objects.get_or_create(handler=handler, shard=_SHARD)
    items = list(items)
    devices = register_devices({item.device for item in items if not isinstance(item, Deleted)})
    rows = [
        models.Reading(
            device=devices[item.device],
            rev=item.rev,
            ts=item.ts,
            received_ms=round(item.received_at.timestamp() * 1000),
            metrics=item.metrics,
        )
        for item in items
        if isinstance(item, Reading)
    ]
    models.Reading.objects.bulk_create(rows, ignore_conflicts=True)
