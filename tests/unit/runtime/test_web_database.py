import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError

from runtime import web_database
from runtime.web_database import Database, DatabaseUnavailable
from tests.support.waiting import eventually_async


@pytest.fixture
def threads() -> Iterator[Database]:
    made = Database(threads=2)
    yield made
    made.close()


async def test_calls_run_side_by_side_off_the_loop(threads: Database) -> None:
    barrier = threading.Barrier(2, timeout=5)

    def meet() -> int:
        barrier.wait()
        return threading.get_ident()

    found = await asyncio.gather(threads.run(meet), threads.run(meet))
    assert len({*found, threading.get_ident()}) == 3


async def test_a_connection_from_before_a_restart_is_replaced(threads: Database) -> None:
    calls = []

    def once_broken() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("terminating connection due to administrator command")
        return "fine"

    assert await threads.run(once_broken) == "fine"


async def test_a_database_that_stays_away_is_unavailable(threads: Database) -> None:
    def broken() -> None:
        raise OperationalError("connection refused")

    with pytest.raises(DatabaseUnavailable, match="connection refused"):
        await threads.run(broken)


async def test_other_errors_are_passed_on(threads: Database) -> None:
    def wrong() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await threads.run(wrong)


async def test_nobody_waits_for_ever(threads: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_database, "LIMIT_S", 0.05)
    gate = threading.Event()
    with pytest.raises(DatabaseUnavailable, match="no answer"):
        await threads.run(gate.wait)
    gate.set()


async def test_a_call_that_nobody_waits_for_any_more_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    only = Database(threads=1)
    gate, begun = threading.Event(), threading.Event()
    first = asyncio.create_task(only.run(gate.wait))
    second = asyncio.create_task(only.run(begun.set))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    gate.set()
    await first
    only.close()
    await eventually_async(lambda: not any(one.name == "live-database-0" for one in threading.enumerate()))
    assert not begun.is_set()


async def test_the_same_question_is_asked_once_by_all_who_ask_before_it_is_begun() -> None:
    only = Database(threads=1)
    gate, calls = threading.Event(), []

    def question(about: str) -> list[str]:
        calls.append(about)
        return [about]

    first = asyncio.create_task(only.run(gate.wait))
    waiting = [asyncio.create_task(only.run_once(question, "a")) for _ in range(50)]
    waiting += [asyncio.create_task(only.run_once(question, about="b")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # the others wait on
    gate.set()
    found = await asyncio.gather(first, *waiting[1:])
    assert found[1:] == [["a"]] * 49 + [["b"]] * 50
    assert calls == ["a", "b"]
    assert await only.run_once(question, "a") == ["a"]
    assert calls == ["a", "b", "a"]
    only.close()


async def test_those_who_asked_together_fail_together() -> None:
    only = Database(threads=1)

    def broken() -> None:
        raise OperationalError("connection refused")

    outcomes = await asyncio.gather(*(only.run_once(broken) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
    only.close()
