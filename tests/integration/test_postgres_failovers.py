"""PostgreSQL that is not one server for ever, or not what it looks like: read-only, behind PgBouncer, in LATIN1."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from pytest_django import DjangoDbBlocker

from runtime.database import DatabaseReaders, DatabaseThread, DatabaseUnavailableError
from runtime.databases import limits
from runtime.http.requests.threads import RequestThreads
from tests.support.servers.databases import SHARDS, postgres_copy, use_database
from tests.support.servers.postgres import PostgresService, database_name, pgbouncer_service
from tests.support.servers.processes import run_command
from tests.support.waiting import eventually_async

GOOD = {"SECRET_KEY": "only-for-tests" * 4, "MQTT_URL": "mqtt://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}
WITHIN_S = 15


@pytest.fixture
def database(postgres: PostgresService, templates: dict[str, str]) -> Iterator[str]:
    """A migrated database of its own; its URL."""
    with postgres_copy(postgres, templates) as url:
        yield url


@pytest.fixture
def used(database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The same, as this process's."""
    with use_database(database, django_db_blocker):
        yield database


def write() -> int:
    """As a beat does; the server's process."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE devices_installation SET shards = shards")
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def is_writable() -> bool:
    """As a reader of the live stream."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only')")
        return str(cursor.fetchone()[0]) == "off"


def set_read_only(url: str, *, read_only: bool) -> None:
    """As a switchover does that keeps connections: the server takes no writes, and says so."""
    options = "-c default_transaction_read_only=off"  # ours alone
    with psycopg.connect(url, autocommit=True, connect_timeout=5, options=options) as admin:
        change = "SET default_transaction_read_only = on" if read_only else "RESET default_transaction_read_only"
        admin.execute(f"ALTER SYSTEM {change}")
        admin.execute("SELECT pg_reload_conf()")


async def until_refused(call: Callable[[], Awaitable[object]]) -> None:
    """Until no connection is made any more. (The server's processes hear of it one by one.)"""

    async def refused() -> bool:
        try:
            await call()
        except DatabaseUnavailableError as error:
            return "session is read-only" in str(error)
        return False

    await eventually_async(refused, WITHIN_S)


async def test_case_f6_a_connection_that_lives_on_read_only_is_given_up(used: str) -> None:
    """Of a thread with one of its own, of readers, and of the pool."""
    pooled = DatabaseThread("pooled")
    own, readers = DatabaseThread("own", connection_name="causeway own"), DatabaseReaders("readers", threads=1)
    try:
        before = [await pooled.run(write), await own.run(write)]
        assert await readers.run(is_writable)
        await pooled.run(connections.close_all)  # as at the end of a request: back into the pool
        set_read_only(used, read_only=True)
        try:
            await until_refused(lambda: pooled.run(write))
            await until_refused(lambda: own.run(write))
            await until_refused(lambda: readers.run(is_writable))
        finally:
            set_read_only(used, read_only=False)
        began = time.monotonic()
        await eventually_async(lambda: readers.run(is_writable), WITHIN_S)

        async def writes(thread: DatabaseThread) -> bool:
            return await thread.run(write) not in before

        for thread in (pooled, own):
            await eventually_async(partial(writes, thread), WITHIN_S)
        assert time.monotonic() - began < WITHIN_S
    finally:
        await pooled.end()
        await own.end()
        readers.close()


async def test_case_j1_a_request_given_up_gives_its_connection_back_where_its_work_ends(
    used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is locked while more clients than the pool has connections give up."""
    from asgiref.sync import sync_to_async

    monkeypatch.setitem(limits.pooled_session, "lock_timeout", "3000")

    async def application(_scope: object, _receive: object, _send: object) -> None:
        await sync_to_async(write)()

    serve = RequestThreads(application)
    with psycopg.connect(used) as locker:
        locker.execute("LOCK TABLE devices_installation IN ACCESS EXCLUSIVE MODE")
        tasks = [asyncio.ensure_future(serve({}, None, None)) for _ in range(20)]

        def all_wait() -> bool:
            with psycopg.connect(used, autocommit=True) as watcher:
                row = watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            return row is not None and row[0] >= 16

        await eventually_async(lambda: asyncio.to_thread(all_wait), 30)
        for task in tasks * 2:  # the client goes, then Daphne ends what still waits
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
    began = time.monotonic()
    thread = DatabaseThread("next-request")
    try:
        await eventually_async(lambda: thread.run(write), 5)
        assert time.monotonic() - began < 5
        wrapper: Any = connections["default"]

        def all_back() -> bool:
            figures = wrapper.pool.get_stats()
            return bool(figures["pool_available"] >= figures["pool_size"] - 1)

        await eventually_async(all_back, 5)
        assert limits.starvation.lasts_s == 0
    finally:
        await thread.end()


async def test_case_j1_who_gets_no_connection_is_counted_as_starving(used: str) -> None:
    held = [DatabaseThread(f"holder-{number}") for number in range(16)]
    late = DatabaseThread("late")
    try:
        await asyncio.gather(*(thread.run(write) for thread in held))
        with pytest.raises(DatabaseUnavailableError, match="no connection was to be had"):
            await late.run(write)
        assert limits.starvation.lasts_s > 0
        await held[0].run(connections.close_all)
        assert limits.starvation.lasts_s == 0
    finally:
        for thread in (*held, late):
            await thread.end()


def test_case_j8_what_the_role_prefers_does_not_change_our_isolation(used: str) -> None:
    with psycopg.connect(used, autocommit=True) as admin:
        name = database_name(used)
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    found: list[str] = []

    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            found.append(cursor.fetchone()[0])
        connections.close_all()

    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(30)
    assert found == ["read committed"] * 2


def _start(process: str, url: str) -> tuple[int, str]:
    command = ["-c", "import config.asgi"] if process == "web" else ["manage.py", process]
    done = run_command([sys.executable, *command], {"DATABASE_URL": url, **GOOD}, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("process", ["web", "run_gateway", "run_devices"])
def test_case_j8_a_database_that_can_t_hold_every_text_is_refused_at_start(
    postgres: PostgresService, process: str
) -> None:
    name = f"latin_{process}"
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        status, said = _start(process, postgres.database_url(name))
    finally:
        postgres.drop_database(postgres.database_url(name))
    assert status != 0
    assert "DATABASE_URL: the database's encoding is LATIN1" in said
    assert said.count("\n") == 1


def test_case_f5_pgbouncer_in_session_mode_serves_all_of_ours(
    postgres: PostgresService, database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    bouncer = pgbouncer_service(postgres, "session")
    try:
        bouncer.start()
        url = f"{bouncer.url}/{database_name(database)}"
        with use_database(url, django_db_blocker):

            async def work() -> None:
                own = DatabaseThread("own", connection_name="causeway own")
                assert await own.run(write)
                await own.end()

            asyncio.run(work())
            assert is_writable()
            from config.checks import can_work_with_its_database

            settings.DEVICES  # noqa: B018  loaded
            assert [str(one.msg) for one in can_work_with_its_database() if "DATABASE_URL" in str(one.msg)] == []
    finally:
        bouncer.close()
    assert SHARDS


@pytest.mark.parametrize("process", ["web", "run_gateway", "run_devices"])
def test_case_f5_pgbouncer_in_transaction_mode_is_refused_in_one_line(
    postgres: PostgresService, database: str, process: str
) -> None:
    bouncer = pgbouncer_service(postgres, "transaction")
    try:
        bouncer.start()
        status, said = _start(process, f"{bouncer.url}/{database_name(database)}")
    finally:
        bouncer.close()
    assert status != 0
    assert "pool_mode = session" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda url: url.replace("/causeway_", "/nothing_"), "does not exist"),
        (lambda url: url.replace("@127.0.0.1", "@nowhere.invalid"), "resolve host"),
        (lambda url: url.rpartition("/")[0] + "/postgres", "not migrated"),
    ],
)
def test_case_j6_the_web_says_at_start_why_there_is_no_database(database: str, spoil: object, words: str) -> None:
    assert callable(spoil)
    status, said = _start("web", spoil(database))
    assert status == 0, "it waits for it"
    assert said.count("database down") == 1
    assert words in said
    assert len(said.splitlines()) == 1


def test_case_j6_commands_say_it_in_one_line(database: str, tmp_path: Path) -> None:
    url = database.replace("/causeway_", "/nothing_")
    done = run_command([sys.executable, "manage.py", "migrate"], {"DATABASE_URL": url, **GOOD}, check=False)
    assert done.returncode == 1
    assert "does not exist" in done.stderr
    assert done.stderr.count("\n") == 1


def test_case_j6_the_reason_is_the_server_s_own_also_out_of_the_pool(
    database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    async def ask() -> None:
        thread = DatabaseThread("pooled")
        with pytest.raises(DatabaseUnavailableError, match="does not exist") as raised:
            await thread.run(write)
        assert isinstance(raised.value.__cause__, OperationalError)
        await thread.end()

    with use_database(database.replace("/causeway_", "/nothing_"), django_db_blocker):
        asyncio.run(ask())
