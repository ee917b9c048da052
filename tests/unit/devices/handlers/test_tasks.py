"""What handlers want done later: at least once, later again when it fails, given up after three days."""

from typing import Any

import pytest

from devices.handlers.process import tasks
from devices.models import Handler, HandlerTask
from devices.requests import handlers

NAME = "test.one"
DAY_MS = 86_400_000
pytestmark = pytest.mark.django_db

done: list[Any] = []


def do(what: str) -> None:
    done.append(what)


async def do_slowly(what: str) -> None:
    done.append(what)


def fail(_what: str) -> None:
    raise OSError("nobody answers")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    done.clear()
    Handler.objects.create(name=NAME, version=1, since_ms=1, kind="Reading", on_failure="park")
    present = [1_000_000]
    monkeypatch.setattr(tasks, "unix_ms", lambda: present[0])
    return present


def stored(task: Any, *args: Any, made_ms: int = 1_000_000) -> HandlerTask:
    name = task if isinstance(task, str) else f"{__name__}:{task.__name__}"
    return HandlerTask.objects.create(handler_id=NAME, task=name, args=list(args), made_ms=made_ms, due_ms=1_000_000)


@pytest.mark.parametrize("task", [do, do_slowly])
def test_what_is_done_goes(task: Any) -> None:
    stored(task, "it")
    (row,) = tasks.claim(5)
    tasks.perform(row)
    assert done == ["it"]
    assert not HandlerTask.objects.exists()


def test_nobody_else_does_it_meanwhile_and_somebody_does_after_that(now: list[int]) -> None:
    stored(do, "it")
    assert len(tasks.claim(5)) == 1
    assert tasks.claim(5) == []
    for _ in range(10):  # as long as somebody is at work on it
        now[0] += 3_000
        tasks.renew(HandlerTask.objects.values_list("pk", flat=True))
        assert tasks.claim(5) == []
    now[0] += 10_000
    assert len(tasks.claim(5)) == 1


def test_what_fails_is_done_later_again_and_given_up_in_the_end(now: list[int]) -> None:
    row = stored(fail, "it")
    pauses = []
    for _ in range(4):
        now[0] = HandlerTask.objects.get().due_ms
        (claimed,) = tasks.claim(5)
        tasks.perform(claimed)
        pauses.append(HandlerTask.objects.get().due_ms - now[0])
    assert [pause <= limit * 1000 for pause, limit in zip(pauses, (1, 2, 4, 8), strict=True)] == [True] * 4
    assert pauses[3] > pauses[0]
    row.refresh_from_db()
    assert (row.attempts, row.dead, row.why) == (4, False, "OSError: nobody answers")
    HandlerTask.objects.update(made_ms=now[0] - 3 * DAY_MS, due_ms=now[0])
    tasks.perform(tasks.claim(5)[0])
    assert tasks.claim(5) == []
    assert handlers.report(NAME)[0].dead_tasks == 1
    assert handlers.replay(NAME) == 1
    assert handlers.report(NAME)[0].dead_tasks == 0


def test_a_task_that_is_not_to_be_found_says_so() -> None:
    stored("nowhere:nothing")
    tasks.perform(tasks.claim(1)[0])
    assert HandlerTask.objects.get().why == "LookupError: there is no nowhere:nothing"
