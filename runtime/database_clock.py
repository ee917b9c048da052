"""What time it is, in Unix milliseconds: by the database's clock, the one that counts for all processes.

A process learns it from what it reads anyway, about every second, and goes by its own monotonic clock in between: an
offset, no query. So a machine's clock that is off, or leaps, changes nothing. Until the database has first told, the
machine's clock has to do. (SQLite has no clock but the machine's: there what is followed is the machine's.)
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error, connection, models

LEAP_MS: Final = 2_000  # further apart at once than that: the clock was set
STEADY_S: Final = 60.0  # so long after it was set, nothing irrevocable is judged by it
_FRESH_S: Final = 5.0
_NS_A_MS: Final = 1_000_000


class DatabaseNowMs(models.Func):
    """By the database's clock. For updates and annotations."""

    output_field = models.BigIntegerField()

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """``unixepoch`` knows parts of a second only since SQLite 3.42."""
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", ()

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """Not the beginning of the transaction, which may have waited."""
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)", ()


class DatabaseClock:
    """The database's clock as a process knows it. May be called from any thread.

    Args:
        monotonic_ns: a clock that only goes forward.
        machine_ns: the machine's clock, Unix ns.
    """

    def __init__(
        self, monotonic_ns: Callable[[], int] = time.monotonic_ns, machine_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._monotonic_ns, self._machine_ns = monotonic_ns, machine_ns
        self._offset_ms: int | None = None  # Unix ms by the database − ms of the monotonic clock
        self._told_ns = 0
        self._leapt_ns: int | None = None
        self.leaps = 0  # so often the database's clock and our monotonic one have come apart
        self.leap_ms = 0  # the latest, by how much; positive: forward
        self.ahead_ms = 0  # how far the machine's clock was ahead of the database's, when that last told

    def now_ms(self) -> int:
        """Unix ms."""
        offset_ms = self._offset_ms
        if offset_ms is None:
            return self._machine_ns() // _NS_A_MS
        return self._monotonic_ns() // _NS_A_MS + offset_ms

    def now_s(self) -> float:
        """Unix seconds, with all that the machine can tell: for what is ordered by it."""
        offset_ms = self._offset_ms
        if offset_ms is None:
            return self._machine_ns() / 1e9
        return (self._monotonic_ns() + offset_ms * _NS_A_MS) / 1e9

    def asking(self) -> int:
        """To be called before the database is asked; for :meth:`told`."""
        return self._monotonic_ns()

    def told(self, database_ms: int, asked_ns: int) -> None:
        """The database has just said what time it is, asked at ``asked_ns``.

        It looked at its clock between question and answer. As long as what we believe is possible by that, we keep to
        it: how long an answer takes makes no time jump.
        """
        answered_ns = self._monotonic_ns()
        earliest, latest = database_ms - answered_ns // _NS_A_MS, database_ms + 1 - asked_ns // _NS_A_MS
        before = self._offset_ms
        offset_ms = (earliest + latest) // 2 if before is None else min(max(before, earliest), latest)
        if before is not None and abs(offset_ms - before) > LEAP_MS:
            self.leaps, self.leap_ms, self._leapt_ns = self.leaps + 1, offset_ms - before, answered_ns
        self._offset_ms, self._told_ns = offset_ms, answered_ns
        self.ahead_ms = (self._machine_ns() - answered_ns) // _NS_A_MS - offset_ms

    @property
    def is_fresh(self) -> bool:
        """Whether the database has told within the last seconds."""
        return self._offset_ms is not None and self._monotonic_ns() - self._told_ns < _FRESH_S * 1e9

    @property
    def is_steady(self) -> bool:
        """Whether it was not set within the last minute: it may be set back as well."""
        return self._leapt_ns is None or self._monotonic_ns() - self._leapt_ns >= STEADY_S * 1e9


clock: Final = DatabaseClock()
"""This process's."""

unix_ms: Final = clock.now_ms


def now() -> datetime:
    """The same as an aware datetime; the default of columns."""
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def ask_the_time() -> None:
    """Ask the database, with a small query. Synchronous.

    Raises:
        django.db.Error: the database failed; what is known stays.
    """
    expression = DatabaseNowMs()
    sql, _ = expression.as_postgresql() if connection.vendor == "postgresql" else expression.as_sqlite()
    with connection.cursor() as cursor:
        asked_ns = clock.asking()
        cursor.execute(f"SELECT {sql}")
        clock.told(cursor.fetchone()[0], asked_ns)


def asked_now() -> datetime:
    """:func:`now`, for what is stored to be judged later; asks first, where nobody has for 5 s. Synchronous."""
    if not clock.is_fresh:
        with suppress(Error, SynchronousOnlyOperation):
            ask_the_time()
    return now()
