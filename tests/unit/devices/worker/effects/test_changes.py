"""The record of changes: each one once, in order, whatever fails; back over it from today, what there was."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models import Change, Command, Device, ShardState
from devices.requests.provisioning import provision_http
from devices.requests.registry import FoundOrMade, find_or_make, register_device
from devices.rules.actors import Actor
from devices.rules.commands import begun
from devices.worker.round import admission
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker
from tests.unit.devices.worker.effects.recorded_fleet import Fleet

VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.just([None, {"a": None}]))
INNER = st.dictionaries(st.sampled_from("xy"), st.one_of(VALUES, st.just({"deep": 1}), st.just({})), max_size=2)
DOCUMENTS = st.dictionaries(st.sampled_from("ab"), st.one_of(VALUES, INNER, INNER), min_size=1, max_size=2)
WORDS = st.dictionaries(st.sampled_from(["name", "model"]), st.sampled_from(["A", "B"]), max_size=2)


def _of(what: str, detail: Any) -> Any:
    return st.tuples(st.just(what), st.sampled_from([0, 0, 0, 1, 2]), detail)


STEPS = st.one_of(
    _of("telemetry", st.dictionaries(st.sampled_from("tu"), st.integers(0, 3), min_size=1)),
    _of("telemetry retained", st.dictionaries(st.sampled_from("tv"), st.integers(0, 3), min_size=1)),
    *[_of("state", DOCUMENTS)] * 6,
    _of("state retained", DOCUMENTS),
    _of("status", st.sampled_from([b"online", b"offline"])),
    _of("model", WORDS),
    _of("event/pressed", VALUES),
    *[_of("desired", st.fixed_dictionaries({"patch": DOCUMENTS}))] * 3,
    _of("tags", st.fixed_dictionaries({"tags": st.lists(st.sampled_from(["p", "q"]))})),
    _of("description", st.fixed_dictionaries({"words": WORDS})),
    _of("settings", st.fixed_dictionaries({"stale_after_s": st.sampled_from([None, 5, 7])})),
    _of("metric", st.just({"remove": "t"})),
    _of("register", st.just({})),
    _of("provision", st.none()),
    _of("delete", st.just({})),
    _of("command", st.none()),
    _of("puback", st.none()),
    _of("answer", st.sampled_from(["accepted", "done", "failed"])),
    _of("cancel", st.none()),
    _of("silence", st.none()),
)
FATES = st.sampled_from(["", "", "", "fails", "killed", "fails, then killed"])
ROUNDS = st.lists(st.tuples(st.lists(STEPS, max_size=8), FATES), min_size=3, max_size=8)


def live(fleet: Fleet, rounds: list[tuple[list[tuple[str, int, Any]], str]]) -> None:
    """All that happens, and then the checks."""
    for steps, fate in rounds:
        fleet.do(steps, fails="fails" in fate)
        if "killed" in fate:
            fleet.kill()
    fleet.do([], fails=False)
    fleet.check()


@pytest.mark.django_db
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROUNDS)
def test_back_from_today_all_is_as_it_was_seen_and_nothing_is_missing_or_twice(
    db: None, monkeypatch: pytest.MonkeyPatch, rounds: list[tuple[list[tuple[str, int, Any]], str]]
) -> None:
    live(Fleet(monkeypatch), rounds)


# Cases -----------------------------------------------------------------------------------------------------------

A = key_in(0)


def record(key: str = A) -> list[tuple[str, Any, Any, str]]:
    rows = Change.objects.filter(device=key).order_by("commit", "nth")
    return list(rows.values_list("kind", "patch", "undo", "actor"))


def test_each_change_of_a_transaction_stands_for_itself(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": {"b": 1}}), delivery(A, "state", {"a": 2}), delivery(A, "event/pressed", 5))
    assert [(kind, patch, undo) for kind, patch, undo, _ in record() if kind != "presence"] == [
        ("registered", {}, None),
        ("reported", {"a": {"b": 1}}, {"a": None}),
        ("reported", {"a": 2}, {"a": {"b": 1}}),
        ("event", {"name": "pressed", "data": 5, "ts": worker.now_ms}, None),
    ]
    row = Change.objects.get(device=A, kind="event")
    assert (row.at_ms, row.rev, row.commit) == (worker.now_ms, 4, ShardState.objects.get(shard=row.shard).commit)


def test_who_asked_stands_beside_it(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    for kind, body in (("desired", {"patch": {"b": 1}}), ("tags", {"tags": ["p"]}), ("delete", {})):
        row = worker.store(A, kind, **body)
        row.created_by = "user:ann"
        row.save()
        worker.settle(row)
    assert [(kind, actor) for kind, _, _, actor in record()[-3:]] == [
        ("desired", "user:ann"),
        ("tags", "user:ann"),
        ("deleted", "user:ann"),
    ]
    _, _, undo, _ = record()[-1]
    assert (undo["reported"], undo["desired"], undo["desired_version"], undo["tags"]) == ({"a": 1}, {"b": 1}, 1, ["p"])


def test_what_is_only_readings_costs_no_row_and_no_statement(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    before = Change.objects.count()
    with CaptureQueriesContext(connection) as queries:
        worker.hear(delivery(A, "telemetry", {"t": 2}), delivery(A, "telemetry", [{"t": 3}, {"u": 4}]))
    assert Change.objects.count() == before
    assert not [one for one in queries.captured_queries if "devices_change" in one["sql"]]


def test_a_device_that_was_provisioned_while_nobody_worked_is_told_as_registered_before_all_else(db: None) -> None:

    provision_http(A, Actor("system", "provision_device"))
    provision_http(A, Actor("system", "provision_device"))
    assert Device.objects.get().key == A
    assert record() == []
    Worker().hear(delivery(A, "state", {"a": 1}))
    assert [(kind, actor) for kind, _, _, actor in record()[:1]] == [("registered", "system:provision_device")]
    assert [kind for kind, _, _, _ in record()].count("registered") == 1


def test_a_device_that_was_provisioned_is_registered_before_a_deletion_that_waited_and_does_not_come_back(
    db: None,
) -> None:
    worker = Worker()
    waiting = worker.store(A, "delete")
    provision_http(A, Actor("system", "provision_device"))
    worker.settle(waiting)
    worker.round()
    assert [kind for kind, _, _, _ in record()] == ["registered", "deleted"]
    assert not Device.objects.exists()


def test_a_device_that_somebody_else_makes_at_the_same_time_is_told_as_registered_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(keys: Iterable[str]) -> FoundOrMade:
        register_device(A, "system:provision_device")
        return find_or_make(keys)

    monkeypatch.setattr(admission, "find_or_make", late)
    worker.hear(delivery(A, "state", {"a": 1}))
    worker.wait(3)
    kinds = [(kind, actor) for kind, _, _, actor in record() if kind != "presence"]
    assert kinds == [("registered", "system:provision_device"), ("reported", "")]


def test_a_first_step_that_a_killed_worker_had_not_told_is_told_by_the_next(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    now = datetime.fromtimestamp(worker.now_ms / 1000, UTC)
    command = Command.objects.create(
        device=Device.objects.get(),
        name="blink",
        args={},
        timeline=list(begun(worker.now_ms).timeline),
        created_at=now,
        expires_at=now + timedelta(seconds=60),
        created_by="user:bob",
    )
    successor = another_worker()
    successor.wait(1)
    successor.wait(1)
    steps = [(patch["id"], patch["status"], actor) for kind, patch, _, actor in record() if kind == "command"]
    assert steps == [(str(command.pk), "accepted", "user:bob")]
