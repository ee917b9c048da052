"""Bytes that processes had written (write_bytes of /proc/PID/io), and those of PostgreSQL's log. Linux only.

The kernel counts a page of 4 KiB when it is changed, so a commit of SQLite that ends within one counts it whole. Of
processes that end meanwhile nothing is known.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg

from bench.measure.usage import all_stats, trees


def written_bytes(roles: Mapping[str, Iterable[int]]) -> dict[str, int]:
    """By role, what its processes and all below them have had written in all their life; unreadable ones: nothing."""
    stats = all_stats()
    return {role: sum(map(_written, trees(pids, stats))) for role, pids in roles.items()}


def _written(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


def log_bytes(url: str) -> int:
    """What PostgreSQL has put into its write-ahead log, ever."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    assert row
    return int(row[0])
