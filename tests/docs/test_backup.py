"""docs/backup.md: what its commands save, its commands bring back."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Demo
from tests.support.clients.users import carry_out
from tests.support.environment import environment
from tests.support.servers.databases import postgres_copy
from tests.support.servers.installing import program
from tests.support.servers.postgres import PostgresService, database_name, postgres_service
from tests.support.waiting import eventually

DUMP, RESTORE, COPY, PUT_BACK = (
    block.code for block in blocks(ROOT / "docs" / "backup.md") if block.says == "tests/docs/test_backup.py"
)
SUDO = '#!/bin/sh\n[ "$1 $2" = "-u postgres" ] || exit 1\nshift 2\nexec "$@"\n'


@pytest.fixture
def server(postgres: PostgresService) -> Iterator[PostgresService]:
    """A PostgreSQL of the same version as the programs of this machine."""
    if postgres.origin.startswith("local"):
        yield postgres
        return
    own = postgres_service("local")
    own.start()
    yield own
    own.close()


@pytest.fixture
def database(
    server: PostgresService, postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """One called causeway, of a user causeway, with a device, a user and a token."""
    with postgres_copy(server, templates if server is postgres else {}) as copy:
        _execute(server, "DROP DATABASE IF EXISTS causeway WITH (FORCE)", "DROP ROLE IF EXISTS causeway")
        _execute(
            server, "CREATE ROLE causeway SUPERUSER LOGIN", f"ALTER DATABASE {database_name(copy)} RENAME TO causeway"
        )
        url = f"postgres://causeway@127.0.0.1:{server.port}/causeway"
        carry_out(django_db_blocker, url, "provision_device", "demo/shed-1")
        carry_out(django_db_blocker, url, "create_token", "gardener", "--role", "operator")
        yield url
        _execute(server, "DROP DATABASE IF EXISTS causeway WITH (FORCE)", "DROP ROLE IF EXISTS causeway")


def _execute(server: PostgresService, *statements: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _shell(code: str, directory: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-ec", code], cwd=directory, env=environment({}) | variables, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stdout + done.stderr


def _rows(url: str) -> dict[str, list[str]]:
    """All that is in a database, table by table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = {}
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(table))
            rows[table] = [row for (row,) in connection.execute(query)]
        return rows


def test_a_dump_of_postgresql_is_brought_back(
    server: PostgresService, database: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "sudo").write_text(SUDO)
    (commands / "sudo").chmod(0o755)
    variables = {
        "DATABASE_URL": database,
        "PATH": f"{commands}:{Path(program('postgres')).parent}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": "postgres",
    }
    before = _rows(database)
    assert before["devices_device"]
    assert before["devices_apitoken"]
    _shell(DUMP, tmp_path, variables)
    with psycopg.connect(database) as connection:
        connection.execute("TRUNCATE devices_device CASCADE")
    assert _rows(database) != before
    _shell(RESTORE, tmp_path, variables)
    assert _rows(database) == before
    # It goes on: the next device gets the next number.
    carry_out(django_db_blocker, database, "provision_device", "demo/shed-2")
    assert len(_rows(database)["devices_device"]) == len(before["devices_device"]) + 1


def test_a_copy_of_sqlite_under_load_is_brought_back(demo: Demo, tmp_path: Path) -> None:
    source = demo.database.removeprefix("sqlite:///")
    keys, readings = "SELECT key FROM devices_device", "SELECT count(*) FROM devices_reading"
    with sqlite3.connect(source) as running:
        eventually(lambda: running.execute(readings).fetchone()[0], what="the simulated devices have said something")
    (tmp_path / "var").mkdir()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / "var" / f"causeway.sqlite3{suffix}").symlink_to(f"{source}{suffix}")
    _shell(COPY, tmp_path, {})
    (tmp_path / "var" / "causeway.sqlite3").unlink()
    _shell(PUT_BACK, tmp_path, {})
    assert sorted(path.name for path in (tmp_path / "var").iterdir()) == ["causeway.sqlite3"]
    with sqlite3.connect(tmp_path / "var" / "causeway.sqlite3") as restored:
        assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert restored.execute(keys).fetchall()
        assert 0 < restored.execute(readings).fetchone()[0] <= running.execute(readings).fetchone()[0]
    restored.close()
    running.close()
