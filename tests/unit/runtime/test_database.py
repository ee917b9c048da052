"""The database thread: results, errors, time limits."""

import threading

import pytest
from django.db import OperationalError
from structlog.testing import CapturingLogger

from runtime import database as database_module
from runtime.database import DatabaseDownError, DatabaseThread


def fail() -> None:
    raise OperationalError("connection refused\nIs the server running?")


async def test_results_come_back_from_a_thread_of_its_own() -> None:
    database = DatabaseThread()
    assert await database.run(lambda: threading.current_thread().name) == "gateway-database"
    assert await database.run(divmod, 7, 2) == (3, 1)
    await database.close()


async def test_an_outage_is_logged_once_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(database_module, "log", log)
    database = DatabaseThread()
    for _ in range(3):
        with pytest.raises(DatabaseDownError, match=r"^connection refused$"):
            await database.run(fail)
    await database.run(int)
    assert [call.args for call in log.calls] == [("database down",), ("database up again",)]
    await database.close()


async def test_a_bug_is_not_taken_for_an_outage() -> None:
    database = DatabaseThread()
    with pytest.raises(ZeroDivisionError):
        await database.run(lambda: 1 / 0)
    await database.close()


async def test_a_hanging_call_is_given_up_and_nothing_piles_up_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_LIMIT_S", 0.05)
    database, release = DatabaseThread(), threading.Event()
    with pytest.raises(DatabaseDownError, match="no answer"):
        await database.run(release.wait, 10)
    with pytest.raises(DatabaseDownError, match="busy"):
        await database.run(int)
    release.set()
    monkeypatch.setattr(database_module, "_LIMIT_S", 5)
    assert database._stuck is not None
    assert database._stuck.result(5)
    assert await database.run(int) == 0
    await database.close()
