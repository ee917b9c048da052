"""What several integration tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.databases import postgres_copy
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
