"""A database with the shards' rows, for several threads at once; short waits."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.signals import connection_created

from devices.web.live.hub import survey_loop
from tests.support.worlds.fake_worker import install


def _let_read(connection: Any, **_: Any) -> None:
    """SQLite in memory is shared by the threads' connections; its table locks don't wait. Nothing is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA read_uncommitted = 1")


@pytest.fixture
def fleet(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shards and nothing else."""
    install()
    monkeypatch.setattr(survey_loop, "EVERY_S", 0.2)
    monkeypatch.setattr(survey_loop, "GRACE_S", 0.05)
    connection_created.connect(_let_read)
    yield
    connection_created.disconnect(_let_read)
