"""What time it is, in Unix milliseconds: by the database's clock, and by this machine's.

Leases go by the database's, the one clock that all processes share. What is only shown, or compared with what the same
process has measured, may go by the machine's.
"""

import time
from typing import Any

from django.db import models


def unix_ms() -> int:
    """By this machine's clock."""
    return time.time_ns() // 1_000_000


class DatabaseNowMs(models.Func):
    """By the database's clock. For updates and annotations."""

    output_field = models.BigIntegerField()

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """``unixepoch`` knows parts of a second only since SQLite 3.42."""
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", ()

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, tuple[()]]:
        """Not the beginning of the transaction, which may have waited."""
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)", ()
