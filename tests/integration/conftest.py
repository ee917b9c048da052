"""What several integration tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import postgres_copy
from tests.support.ingest_rig import Rig
from tests.support.postgres import PostgresService
from tests.support.processes import end_all
from tests.support.service import Service


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
