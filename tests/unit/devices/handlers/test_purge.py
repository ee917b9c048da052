"""What handlers have kept for too long, or too much of, goes; items that waited are counted as left out."""

import pytest

from devices.handlers.process import purge
from devices.models import Handler, HandlerDevice, HandlerItem, HandlerTask
from mqtt_gateway.models import Incident

NAME = "test.one"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _handler() -> None:
    Handler.objects.create(name=NAME, version=1, since_ms=1, kind="Reading", on_failure="park")
    HandlerDevice.objects.create(handler_id=NAME, device="hall/a", parked_ms=1)


def item(at_ms: int, *, dead: bool = False) -> int:
    row = HandlerItem.objects.create(handler_id=NAME, device="hall/a", kind="Reading", item={}, at_ms=at_ms, dead=dead)
    return int(row.pk)


def task(due_ms: int, *, dead: bool) -> int:
    return int(HandlerTask.objects.create(handler_id=NAME, task="x:y", args=[], made_ms=1, due_ms=due_ms, dead=dead).pk)


def test_what_is_too_old_goes() -> None:
    kept = [item(1_000), item(1_000, dead=True)]
    tasks = [task(1_000, dead=True), task(1, dead=False)]
    for at_ms in (1, 999):
        item(at_ms)
        item(at_ms, dead=True)
        task(at_ms, dead=True)
    assert purge.step(1_000) == 6
    assert purge.step(1_000) == 0
    assert sorted(HandlerItem.objects.values_list("pk", flat=True)) == kept
    assert sorted(HandlerTask.objects.values_list("pk", flat=True)) == tasks
    assert HandlerDevice.objects.get().left_out == 2
    assert list(Incident.objects.values_list("kind", "gateway", "count")) == [
        ("handler_left_out", f"handler {NAME}", 2)
    ]


def test_of_dead_letters_and_given_up_tasks_the_latest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "MOST_DEAD", 3)
    letters = [item(5, dead=True) for _ in range(5)]
    tasks = [task(5, dead=True) for _ in range(4)]
    waits = [item(5) for _ in range(5)]
    assert purge.step(0) == 3
    assert sorted(HandlerItem.objects.values_list("pk", flat=True)) == [*letters[2:], *waits]
    assert sorted(HandlerTask.objects.values_list("pk", flat=True)) == tasks[1:]


def test_it_looks_once_a_minute_when_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    time_s, found, steps = [0.0], [5, 0], []

    def step(before_ms: int) -> int:
        steps.append(before_ms)
        return found.pop(0) if found else 0

    monkeypatch.setattr(purge, "step", step)
    one = purge.Purge(lambda: time_s[0])
    for at_s in (0.0, 59.0, 60.0, 60.2, 60.4, 119.0, 120.3):
        time_s[0] = at_s
        one.run()
    assert len(steps) == 3
