"""A disk without room: who asks whether the database takes writes is told that it does not."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from devices.models import Installation
from devices.web.operations.observer import WriteProbe
from runtime.database import DatabaseThread
from tests.faults.disk import Disk, small_disk
from tests.support.servers.databases import sqlite_copy, use_database

BLOCK_BYTES, PAGE_BYTES = 4096, 512  # of the disk, of SQLite


@pytest.fixture
def disk(tmp_path: Path, sqlite_template: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Disk]:
    """This process's SQLite lives on it."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(small_disk(tmp_path / "disk", lambda: [os.getpid()]))
        stack.enter_context(use_database(sqlite_copy(sqlite_template, tmp_path / "disk"), django_db_blocker))
        yield found


async def test_case_j3_sqlite_on_a_full_disk_is_named(disk: Disk) -> None:
    reader, probe = DatabaseThread("reader"), WriteProbe()
    shards = await reader.run(Installation.kept_shards)
    assert await probe.why_not() == ""
    disk.fill()
    said = [await probe.why_not() for _ in range(BLOCK_BYTES // PAGE_BYTES)]  # the log's last block still takes some
    assert said[-1] in {"database or disk is full", "disk I/O error"}
    disk.free()
    assert await probe.why_not() == ""
    assert await reader.run(Installation.kept_shards) == shards
    probe.close()
    await reader.end()
