"""The database's clock: the one that all processes share."""

from typing import Any

from django.db import models


class DatabaseNowMs(models.Func):
    """The database's clock in Unix ms: the one clock that all processes share. For updates and annotations."""

    output_field = models.BigIntegerField()

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """``unixepoch`` knows parts of a second only since SQLite 3.42."""
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", ()

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """Not the beginning of the transaction, which may have waited."""
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)", ()
