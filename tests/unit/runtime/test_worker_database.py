import asyncio
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connections

from runtime import worker_database
from runtime.worker_database import DatabaseThread
from tests.support.waiting import eventually_async


class _Log:
    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **_more: Any) -> None:
        self.events.append(event)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> _Log:
    log = _Log()
    monkeypatch.setattr(worker_database, "log", log)
    return log


def fail(error: Exception) -> None:
    raise error


async def test_calls_run_in_order_in_one_thread() -> None:
    thread = DatabaseThread()
    seen: list[tuple[int, str]] = []
    calls = [thread.run(lambda n: seen.append((n, threading.current_thread().name)), number) for number in range(3)]
    await asyncio.gather(*calls)
    assert seen == [(number, "ingest-database") for number in range(3)]
    assert await thread.run(lambda: 42) == 42
    thread.close()


async def test_an_outage_is_logged_once_at_each_end(log: _Log) -> None:
    thread = DatabaseThread()
    for _ in range(3):
        with pytest.raises(DatabaseError):
            await thread.run(fail, DatabaseError("gone"))
    assert log.events == ["database down"]
    for _ in range(2):
        await thread.run(int)
    assert log.events == ["database down", "database up again"]
    thread.close()


async def test_a_bug_is_no_outage(log: _Log) -> None:
    thread = DatabaseThread()
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert log.events == []
    thread.close()


async def test_a_call_that_hangs_is_told_and_waited_for(log: _Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_database, "_SLOW_S", 0.01)
    thread = DatabaseThread()
    go = threading.Event()
    waiting = asyncio.create_task(thread.run(go.wait))
    await eventually_async(lambda: log.events)
    assert log.events == ["database down"]
    go.set()
    await waiting
    assert log.events == ["database down", "database up again"]
    thread.close()


async def test_a_broken_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = DatabaseThread()
    closed: list[str] = []
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(threading.current_thread().name))
    with pytest.raises(DatabaseError):
        await thread.run(fail, DatabaseError("gone"))
    assert closed == ["ingest-database"]
    thread.close()
