"""PostgreSQL for tests: one cluster, a database of its own for each system under test."""

import os
import pwd
import secrets
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from tests.support.servers.docker import ContainerRunner
from tests.support.servers.installing import MissingProgramError, program
from tests.support.servers.ports import free_port
from tests.support.servers.service import Kind, LocalRunner, Service, choose, group_of

IMAGE = os.environ.get("CAUSEWAY_TEST_POSTGRES_IMAGE", "postgres:16")
_CONTAINER_PORT = 5432
# The tests kill the server, never the machine: what the kernel has is kept, so fsync buys nothing here.
_OPTIONS = ["-c", "max_connections=200"]
_NOT_DURABLE = ["-c", "fsync=off", "-c", "full_page_writes=off"]


@dataclass
class PostgresService(Service):
    """A `Service` whose `url` is the maintenance database's; tests work in databases of their own."""

    is_wiped_whole: bool = False
    """Whether no single database needs to be dropped: it may be down by then, or wait for a standby that is gone."""

    def create_database(self, template: str = "template1") -> str:
        """Make a new database, a copy of `template`; returns its URL."""
        name = f"causeway_{secrets.token_hex(6)}"
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.database_url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        if self.is_wiped_whole:
            return
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database_name(url))

    def database_url(self, name: str) -> str:
        """The URL of the database `name`."""
        return f"{self.url.rpartition('/')[0]}/{name}"

    def execute(self, statement: LiteralString, *names: str) -> list[tuple[Any, ...]]:
        """Carry out a statement with these names in it, past any limit of the clients'; the rows."""
        options = "-c default_transaction_read_only=off"
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10, options=options) as connection:
            found = connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
            return found.fetchall() if found.description else []


def database_name(url: str) -> str:
    """The database of a PostgreSQL URL."""
    return url.rpartition("/")[2]


def postgres_service(
    kind: Kind | None = None, *, durable: bool = False, home: Path | None = None, options: Sequence[str] = ()
) -> PostgresService:
    """A PostgreSQL cluster; not started yet. A `durable` one also survives the machine, as PostgreSQL's default is.

    One with a `home` has its data there, and is a local program.
    """
    port = free_port()
    password = secrets.token_hex(8)
    kind, origin = choose(IMAGE, "local" if home else kind)
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    told = [*_OPTIONS, *([] if durable else _NOT_DURABLE), *(word for one in options for word in ("-c", one))]
    return PostgresService(
        name="postgres",
        runner=_local(port, told, home) if kind == "local" else _container(port, password, told),
        port=port,
        url=url,
        probe=lambda: _select(url),
        origin=origin,
    )


def standby_service(primary: PostgresService) -> PostgresService:
    """A streaming standby of a local cluster that runs; not started yet."""
    port, path, user = free_port(), program("pg_basebackup"), _unprivileged_user()

    def prepare(directory: Path) -> None:
        options = ["-h", "127.0.0.1", "-p", f"{primary.port}", "-U", "postgres", "-X", "stream", "-c", "fast"]
        _run_as(user, [path, "-D", str(directory), "-R", "--no-sync", *options], directory)

    url = primary.url.replace(f":{primary.port}/", f":{port}/")
    runner = _local(port, [*_OPTIONS, *_NOT_DURABLE])
    runner.prepare = prepare
    return PostgresService("standby", runner, port, url, lambda: _select(url), "local program")


def _run_as(user: str | None, command: list[str], directory: Path) -> None:
    subprocess.run(
        command,
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=120,
        user=user,
        group=group_of(user),
        extra_groups=None if user is None else [],
    )


def _local(port: int, server_options: list[str], home: Path | None = None) -> LocalRunner:
    postgres = program("postgres")
    initdb = program("initdb")
    user = _unprivileged_user()

    def prepare(directory: Path) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        _run_as(user, [initdb, "-D", str(directory), *options], directory)

    def command(directory: Path) -> list[str]:
        listen = ["-p", f"{port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={directory}"]
        return [postgres, "-D", str(directory), *listen, *server_options]

    # SIGINT is "fast shutdown": it doesn't wait for clients to leave.
    return LocalRunner(
        "postgres", command, prepare, user=user, stop_signal=signal.SIGINT, home=str(home) if home else None
    )


def pgbouncer_service(postgres: PostgresService, pool_mode: str) -> Service:
    """A PgBouncer before a server, for all its databases, as Debian's defaults have it but for the mode."""
    port, path, user = free_port(), program("pgbouncer"), _unprivileged_user()
    parts = urlsplit(postgres.url)

    def prepare(directory: Path) -> None:
        password = unquote(parts.password or "")
        (directory / "users.txt").write_text(f'"{parts.username}" "{password}"\n')
        (directory / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = plain\nauth_file = users.txt\npool_mode = {pool_mode}\n"
        )

    runner = LocalRunner("pgbouncer", lambda _: [path, "pgbouncer.ini"], prepare, user=user)
    url = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}"
    return Service("pgbouncer", runner, port, url, lambda: _select(f"{url}/postgres"), "local program")


def _unprivileged_user() -> str | None:
    """Whom the server runs as: root is refused by PostgreSQL, everybody else runs it themselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise MissingProgramError("PostgreSQL refuses to run as root: make a user 'postgres' or be a plain user")


def _container(port: int, password: str, server_options: list[str]) -> ContainerRunner:
    return ContainerRunner(
        IMAGE,
        _CONTAINER_PORT,
        port,
        command=["postgres", *server_options],
        variables={"POSTGRES_PASSWORD": password},
    )


def _select(url: str) -> None:
    with psycopg.connect(url, connect_timeout=3) as connection:
        connection.execute("SELECT 1")
