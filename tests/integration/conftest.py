"""What several integration tests start from."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.support.servers.databases import postgres_copy, sqlite_copy, use_database
from tests.support.servers.postgres import PostgresService
from tests.support.servers.processes import end_all
from tests.support.servers.service import Service
from tests.support.worlds.ingest_rig import Rig


@pytest.fixture
def rig(redis: Service, postgres: PostgresService, templates: dict[str, str], tmp_path: Path) -> Iterator[Rig]:
    """Device workers as processes, to be started; ended with the test."""
    with postgres_copy(postgres, templates) as database:
        rig = Rig(redis, postgres, database, tmp_path)
        try:
            yield rig
        finally:
            end_all(rig.processes)
            postgres.start()  # to remove the database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the migrated SQLite database is that others are copied from."""
    return tmp_path_factory.mktemp("template") / "template.sqlite3"


@pytest.fixture(params=["sqlite", "postgres"])
def own_database(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sqlite_template: Path,
    templates: dict[str, str],
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """This process's database for the test, migrated and empty, once of each kind: its kind."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = sqlite_copy(sqlite_template, tmp_path)
        else:
            postgres: PostgresService = request.getfixturevalue("postgres")
            url = stack.enter_context(postgres_copy(postgres, templates))
        stack.enter_context(use_database(url, django_db_blocker))
        yield request.param
