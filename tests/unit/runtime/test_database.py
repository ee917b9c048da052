"""Database threads: one that does things in order, several that read; results, failures, time limits."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections

from runtime import database
from runtime.database import DatabaseReaders, DatabaseThread, DatabaseUnavailableError
from runtime.outages import Outage
from tests.support.waiting import eventually_async


@pytest.fixture(autouse=True)
def every_call_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the backends tell it."""
    monkeypatch.setattr(database, "cursors_made", itertools.count().__next__)


class Log:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, /, **_fields: Any) -> None:
        self.events.append(event)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def thread(log: Log) -> Iterator[DatabaseThread]:
    """Its callers wait however long."""
    made = DatabaseThread("database", outage=Outage(log, "database", time.monotonic))
    yield made
    made.close()


@pytest.fixture
def readers() -> Iterator[DatabaseReaders]:
    made = DatabaseReaders("readers", threads=2)
    yield made
    made.close()


@pytest.fixture
def reader() -> Iterator[DatabaseReaders]:
    made = DatabaseReaders("reader", threads=1)
    yield made
    made.close()


def fail(error: Exception) -> None:
    raise error


def refuse() -> None:
    raise OperationalError("connection refused\nIs the server running?")


async def ended(name: str) -> None:
    await eventually_async(lambda: not any(one.name == name for one in threading.enumerate()))


# One thread ------------------------------------------------------------------------------------------------------


async def test_calls_run_in_order_in_one_thread(thread: DatabaseThread) -> None:
    seen: list[tuple[int, str]] = []
    calls = [thread.run(lambda n: seen.append((n, threading.current_thread().name)), number) for number in range(3)]
    await asyncio.gather(*calls)
    assert seen == [(number, "database") for number in range(3)]
    assert await thread.run(divmod, 7, 2) == (3, 1)


async def test_an_outage_is_one_exception_in_one_line_and_logged_once_at_each_end(
    thread: DatabaseThread, log: Log
) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError, match=r"^connection refused$") as raised:
            await thread.run(refuse)
        assert isinstance(raised.value.__cause__, OperationalError)
    assert log.events == ["database down"]
    for _ in range(2):
        await thread.run(int)
    assert log.events == ["database down", "database up again"]


async def test_case_j6_a_call_that_asks_nothing_proves_nothing(
    thread: DatabaseThread, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await thread.run(refuse)
    monkeypatch.setattr(database, "cursors_made", lambda: 0)
    await thread.run(int)
    assert log.events == ["database down"]


async def test_case_j6_another_reason_is_told_once_more(thread: DatabaseThread, log: Log) -> None:
    for reason in ("connection refused", "password authentication failed", "connection refused"):
        with pytest.raises(DatabaseUnavailableError):
            await thread.run(fail, OperationalError(reason))
    assert log.events == ["database down"] * 2


def test_case_j6_a_database_without_tables_is_told_as_such() -> None:
    for text in ("no such table: devices_device", 'relation "devices_device" does not exist\nLINE 1: …'):
        assert str(DatabaseUnavailableError(OperationalError(text))).endswith("(manage.py migrate)")


async def test_a_bug_is_no_outage(thread: DatabaseThread, log: Log) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert log.events == []


async def test_a_thread_without_an_outage_logs_nothing_and_fails_alike() -> None:
    silent = DatabaseThread("silent")
    with pytest.raises(DatabaseUnavailableError, match="DatabaseError"):
        await silent.run(fail, DatabaseError())
    assert await silent.run(int) == 0
    await silent.end()
    await ended("silent")


async def test_without_a_limit_a_call_that_hangs_is_told_and_waited_for(
    thread: DatabaseThread, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SLOW_S", 0.01)
    go = threading.Event()
    waiting = asyncio.create_task(thread.run(go.wait))
    await eventually_async(lambda: log.events)
    assert log.events == ["database down"]
    go.set()
    assert await waiting
    assert log.events == ["database down", "database up again"]


async def test_with_a_limit_a_call_that_hangs_is_given_up_and_nothing_piles_up_behind_it(log: Log) -> None:
    limited = DatabaseThread("limited", outage=Outage(log, "database", time.monotonic), limit_s=0.05)
    go, begun = threading.Event(), threading.Event()
    outcomes = await asyncio.gather(limited.run(go.wait), limited.run(begun.set), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no answer within 0.05 s"] * 2
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 2
    with pytest.raises(DatabaseUnavailableError, match="busy"):
        await limited.run(int)
    go.set()
    assert await eventually_async(lambda: limited.run(lambda: True))
    assert not begun.is_set()
    assert log.events == ["database down", "database up again"]
    await limited.end()
    await ended("limited")


async def test_a_thread_that_hangs_is_left_to_itself_at_the_end() -> None:
    limited, go = DatabaseThread("limited", limit_s=0.05), threading.Event()
    with pytest.raises(DatabaseUnavailableError):
        await limited.run(go.wait)
    await limited.end()
    go.set()
    await ended("limited")


@pytest.mark.parametrize("error", [DatabaseError("gone"), ValueError("a bug")])
async def test_after_an_error_the_connections_are_closed(
    thread: DatabaseThread, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(threading.get_ident()))
    with pytest.raises((DatabaseUnavailableError, ValueError)):
        await thread.run(fail, error)
    of_this_thread = await thread.run(threading.get_ident)  # another test's may end meanwhile, and closes its own
    assert closed.count(of_this_thread) == 1


def test_whoever_asked_may_have_ended_its_loop(thread: DatabaseThread) -> None:
    go, done = threading.Event(), threading.Event()

    async def ask() -> None:
        asyncio.create_task(thread.run(go.wait))  # noqa: RUF006  the loop ends before it does
        await asyncio.sleep(0)

    asyncio.run(ask())
    go.set()

    async def ask_again() -> None:
        await thread.run(done.set)

    asyncio.run(ask_again())
    assert done.is_set()


# Several that read -----------------------------------------------------------------------------------------------


async def test_reading_calls_run_side_by_side_off_the_loop(readers: DatabaseReaders) -> None:
    barrier = threading.Barrier(2, timeout=5)

    def meet() -> int:
        barrier.wait()
        return threading.get_ident()

    found = await asyncio.gather(readers.run(meet), readers.run(meet))
    assert len({*found, threading.get_ident()}) == 3


async def test_a_connection_from_before_a_restart_is_replaced(readers: DatabaseReaders) -> None:
    calls = []

    def once_broken() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("terminating connection due to administrator command")
        return "fine"

    assert await readers.run(once_broken) == "fine"


async def test_a_database_that_stays_away_is_unavailable(readers: DatabaseReaders) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"^connection refused$"):
        await readers.run(refuse)


async def test_other_errors_are_passed_on(readers: DatabaseReaders) -> None:
    with pytest.raises(ValueError, match="a bug"):
        await readers.run(fail, ValueError("a bug"))


async def test_nobody_waits_for_ever() -> None:
    impatient, gate = DatabaseReaders("impatient", threads=1, limit_s=0.05), threading.Event()
    for ask in (impatient.run, impatient.run_once):
        with pytest.raises(DatabaseUnavailableError, match=r"no answer within 0\.05 s"):
            await ask(gate.wait)
    gate.set()
    impatient.close()
    await ended("impatient-0")


async def test_a_call_that_nobody_waits_for_any_more_is_not_begun(reader: DatabaseReaders) -> None:
    gate, begun = threading.Event(), threading.Event()
    first = asyncio.create_task(reader.run(gate.wait))
    second = asyncio.create_task(reader.run(begun.set))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    gate.set()
    await first
    reader.close()
    await ended("reader-0")
    assert not begun.is_set()


async def test_the_same_question_is_asked_once_by_all_who_ask_before_it_is_begun(reader: DatabaseReaders) -> None:
    gate, calls = threading.Event(), []

    def question(about: str) -> list[str]:
        calls.append(about)
        return [about]

    first = asyncio.create_task(reader.run(gate.wait))
    waiting = [asyncio.create_task(reader.run_once(question, "a")) for _ in range(50)]
    waiting += [asyncio.create_task(reader.run_once(question, about="b")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # the others wait on
    gate.set()
    found = await asyncio.gather(first, *waiting[1:])
    assert found[1:] == [["a"]] * 49 + [["b"]] * 50
    assert calls == ["a", "b"]
    assert await reader.run_once(question, "a") == ["a"]
    assert calls == ["a", "b", "a"]


async def test_those_who_asked_together_fail_together(reader: DatabaseReaders) -> None:
    outcomes = await asyncio.gather(*(reader.run_once(refuse) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 3
