"""What is old goes, in small steps, and nothing else does."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError

from devices.models import Change, Command, Device, Event, Quarantined, Reading, Request, ShardState, Twin
from devices.options import DevicesOptions
from devices.rules.commands import begun
from devices.worker.retention import purges
from devices.worker.retention import quarantine as quarantine_purges
from devices.worker.retention.purges import Histories
from devices.worker.retention.quarantine import ENTRY_BYTES
from devices.worker.retention.retention import MAX_ROWS, Retention
from devices.worker.retention.scope import Scope
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

A, B, ELSEWHERE = key_in(0), key_in(0, nth=1), key_in(1)
DAY_MS = 86_400_000
MONTH_MS = 30 * DAY_MS


def utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def purge(worker: Worker, days: float = 0.0) -> int:
    """Days pass; then retention works until it rests. The number of steps."""
    worker.now_ms += round(days * DAY_MS)
    for steps in range(1, 1_000):
        next_ms = worker.keeper.purge()
        if next_ms > worker.now_ms + 10_000:
            worker.now_ms = next_ms
            return steps
        worker.now_ms = next_ms
    raise AssertionError("it never rests")


def rows(key: str, count: int, at_ms: int, model: Any = Reading) -> None:
    """A history of its own making, behind what is there."""
    device, twin = Device.objects.get(key=key), Twin.objects.get(device__key=key)
    times = {"ts": at_ms, "received_ms": at_ms, "metrics": {}} if model is Reading else {"ts": at_ms, "data": 1}
    model.objects.bulk_create(model(device=device, rev=twin.rev + 1 + number, **times) for number in range(count))
    twin.rev += count
    twin.save()


def revs(key: str = A, model: Any = Reading) -> list[int]:
    return list(model.objects.filter(device__key=key).order_by("rev").values_list("rev", flat=True))


def purged_rev(key: str = A) -> int:
    return Twin.objects.get(device__key=key).purged_rev


# ---- readings and events


def test_what_is_older_than_retention_goes_and_how_far_is_kept(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", [{"t": 1}, {"t": 2}]))  # revs 1 and 2; 3 is its presence
    worker.now_ms += 10 * DAY_MS
    worker.hear(delivery(A, "telemetry", {"t": 3}, at_ms=worker.now_ms), delivery(ELSEWHERE, "telemetry", {"t": 1}))
    purge(worker, 19)
    assert (revs(), purged_rev()) == ([1, 2, 4], 0)
    purge(worker, 2)
    assert (revs(), purged_rev()) == ([4], 2)
    assert (revs(ELSEWHERE), purged_rev(ELSEWHERE)) == ([], 1)
    purge(worker, 20)
    assert (revs(), purged_rev()) == ([], 4)
    assert twin_of(A).metrics["t"].value == 3, "what is known stays"


def test_events_go_as_well_and_purged_rev_never_goes_back(worker: Worker) -> None:
    worker.hear(delivery(A, "event/first", 1), delivery(A, "telemetry", {"t": 1}))
    purge(worker, 31)
    assert (revs(model=Event), revs(), purged_rev()) == ([], [], 3)
    worker.hear(delivery(A, "event/x", 1, at_ms=worker.now_ms), delivery(A, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    assert purged_rev() == 3, "storing a twin leaves it alone"
    worker.now_ms += 31 * DAY_MS
    scope = Scope(list(worker.keeper._shards.values()), 4, worker.now_ms, MONTH_MS, 10**9)
    readings, events = Histories(Reading, "received_ms"), Histories(Event, "ts")
    readings.step(scope, 10)
    assert purged_rev() == 5
    events.step(scope, 10)
    assert (revs(model=Event), revs(), purged_rev()) == ([], [], 5)


def test_a_long_backlog_goes_in_small_steps_and_quiet_neighbours_wait_for_none(worker: Worker) -> None:
    keys = [key_in(0, nth=number) for number in range(5)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys))
    rows(A, 9_000, NOW_MS)
    sizes: list[int] = []
    steps = 0
    worker.now_ms += 31 * DAY_MS
    while Reading.objects.exists():
        before = Reading.objects.count()
        worker.now_ms = worker.keeper.purge()
        sizes.append(before - Reading.objects.count())
        steps += 1
        assert steps < 100
    assert max(sizes) <= MAX_ROWS
    assert sum(sizes) == 9_005
    assert purged_rev() == 9_002
    assert all(purged_rev(key) == 1 for key in keys[1:])


def test_a_backlog_is_due_at_once_and_rest_is_long_without(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    rows(A, 5_000, NOW_MS)
    assert purge(worker) < 20, "nothing is due: one look a kind"
    assert purge(worker, 31) >= 5_001 / MAX_ROWS
    assert not Reading.objects.exists()


def test_a_row_that_is_newer_stays_wherever_it_lies(worker: Worker) -> None:
    """Gateways' clocks may be set back: then rows behind wait for those before them, and nothing newer is lost."""
    worker.hear(*(delivery(A, "telemetry", {"t": 1}, at_ms=NOW_MS + at) for at in (0, 20 * DAY_MS, 0)))
    purge(worker, 31)
    assert (len(revs()), purged_rev()) == (1, 5), "the stamp that was ahead has taken a rev to go"
    [kept] = Reading.objects.all()
    assert kept.received_ms == NOW_MS + 20 * DAY_MS


def test_only_the_shards_that_we_own_are_purged(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(ELSEWHERE, "telemetry", {"t": 1}))
    worker.keeper._shards = {1: worker.keeper._shards[1]}
    purge(worker, 31)
    assert (revs(A), revs(ELSEWHERE)) == ([1], [])


def test_who_has_lost_a_shard_removes_nothing(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    ShardState.objects.filter(shard=0).update(generation=99)
    worker.now_ms += 31 * DAY_MS
    for _ in range(20):
        worker.now_ms = worker.keeper.purge()
    assert (revs(), purged_rev()) == ([1], 0)


def test_a_step_that_fails_half_way_is_made_again(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.now_ms += 31 * DAY_MS

    def broken(revs: Any) -> None:
        raise DatabaseError("the server went away")

    with monkeypatch.context() as patch:
        patch.setattr(purges, "_raise_purged", broken)
        with pytest.raises(DatabaseError):
            purge(worker)
    assert (revs(), purged_rev()) == ([1], 0)
    purge(worker)
    assert (revs(), purged_rev()) == ([], 1)


def test_a_clock_that_was_set_back_does_not_stop_it(worker: Worker) -> None:
    worker.now_ms += 1_000 * DAY_MS
    purge(worker)
    worker.now_ms = NOW_MS
    worker.hear(delivery(A, "telemetry", {"t": 1}, at_ms=NOW_MS - 40 * DAY_MS))
    purge(worker)
    assert revs() == []


# ---- the other kinds


def command(status: str, expires_ms: int, key: str = A) -> None:
    Command.objects.create(
        device=Device.objects.get(key=key),
        name=status,
        args={},
        status=status,
        timeline=list(begun(expires_ms).timeline),
        created_at=utc(expires_ms - 1_000),
        expires_at=utc(expires_ms),
    )


def test_commands_that_are_over_go_by_the_end_of_their_time(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    for status in ("done", "rejected", "failed", "expired", "cancelled", "delivered"):
        command(status, NOW_MS - 31 * DAY_MS)
    command("accepted", NOW_MS - 31 * DAY_MS)  # it would expire first
    command("done", NOW_MS - 29 * DAY_MS)
    purge(worker)
    assert list(Command.objects.order_by("expires_at").values_list("name", flat=True)) == ["accepted", "done"]


def test_requests_go_a_day_after_they_are_settled(worker: Worker) -> None:
    kept, old, pending = (worker.store(A, "tags", tags=[]) for _ in range(3))
    Request.objects.exclude(pk=pending.pk).update(status="settled")
    Request.objects.update(created_at=utc(NOW_MS - DAY_MS - 1_000))
    Request.objects.filter(pk=kept.pk).update(created_at=utc(NOW_MS))
    purge(worker)
    assert set(Request.objects.values_list("pk", flat=True)) == {kept.pk, pending.pk}
    assert not Request.objects.filter(pk=old.pk).exists()


def quarantine(count: int, size: int, *, at_ms: int = NOW_MS, key: str = A) -> None:
    device = Device.objects.get(key=key)
    fields = {"device": device, "topic": "t", "qos": 1, "retain": False, "received_ms": at_ms, "reason": "bad_json"}
    Quarantined.objects.bulk_create(Quarantined(payload=b"x" * size, **fields) for _ in range(count))


def test_quarantine_goes_by_age(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    quarantine(3, 10, at_ms=NOW_MS - 31 * DAY_MS)
    quarantine(2, 10, at_ms=NOW_MS - 29 * DAY_MS)
    purge(worker)
    assert Quarantined.objects.count() == 2


def test_quarantine_goes_by_size_the_oldest_first(
    options: Callable[..., None], another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine_purges, "COUNTED_ROWS", 7)
    options(quarantine_max_mb=1)
    worker = another_worker()
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(ELSEWHERE, "telemetry", {"t": 1}))
    entry = 100_000
    quarantine(4, entry, key=ELSEWHERE)
    quarantine(16, entry)
    newest = list(Quarantined.objects.order_by("-pk").values_list("pk", flat=True))
    purge(worker)
    fitting = 1024 * 1024 // (entry + ENTRY_BYTES)
    assert list(Quarantined.objects.order_by("-pk").values_list("pk", flat=True)) == newest[:fitting]
    purge(worker, 0.001)
    assert Quarantined.objects.count() == fitting


def test_case_h7_a_devices_rubbish_evicts_nobody_elses(
    worker: Worker, options: Callable[..., None], another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine_purges, "LEAST_DEVICE_BYTES", 0)
    monkeypatch.setattr(quarantine_purges, "LEAST_SITE_BYTES", 0)
    monkeypatch.setattr(quarantine_purges, "COUNTED_ROWS", 7)
    options(quarantine_max_mb=1)
    worker.hear(*(delivery(key, "telemetry", b"{") for key in (A, B, "other/x")))
    Quarantined.objects.all().delete()
    worker = another_worker()
    worker.round()
    entry = 4096 - ENTRY_BYTES
    quarantine(3, entry, key=B)
    quarantine(300, entry)
    quarantine(5, entry, key="other/x")
    purge(worker)
    left = Counter(Quarantined.objects.values_list("device__key", flat=True))
    assert left == {B: 3, A: 16, "other/x": 5}, "of 256: a sixteenth"
    monkeypatch.setattr(quarantine_purges, "SITE_PART", 64)
    purge(worker)
    left = Counter(Quarantined.objects.values_list("device__key", flat=True))
    assert left == {A: 4, "other/x": 4}, "its site has no more"


def test_many_tiny_quarantined_messages_are_bounded_too(
    options: Callable[..., None], another_worker: Callable[[], Worker]
) -> None:
    options(quarantine_max_mb=1)
    worker = another_worker()
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    quarantine(2_500, 1)
    purge(worker)
    assert Quarantined.objects.count() == 1024 * 1024 // (1 + ENTRY_BYTES)


def test_large_payloads_go_a_few_at_a_time(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purges, "STEP_BYTES", 1_000)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    quarantine(20, 400, at_ms=NOW_MS - 31 * DAY_MS)
    sizes = [20]
    for _ in range(40):
        worker.now_ms = worker.keeper.purge()
        sizes.append(Quarantined.objects.count())
    assert sizes[-1] == 0
    assert max(before - after for before, after in pairwise(sizes)) == 3


# ---- deleted devices


def test_a_deleted_device_is_gone_at_once_and_its_history_step_by_step(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(A, "event/x", 1), delivery(A, "state", b"{"))
    rows(A, 5_000, NOW_MS)
    command("sent", NOW_MS + DAY_MS)
    worker.ask(A, "delete")
    assert not Device.objects.exists()
    assert not Twin.objects.exists()
    assert not Command.objects.exists()
    assert Reading.objects.count() == 5_001, "not in one long transaction"
    worker.hear(delivery(A, "telemetry", {"t": 2}))
    successor = Device.objects.get(key=A)
    purge(worker)
    assert not Device.deleted.exists()
    assert [reading.device_id for reading in Reading.objects.all()] == [successor.pk]
    assert not Event.objects.exists()
    assert not Quarantined.objects.exists()


def test_a_key_may_be_deleted_again_before_the_former_history_has_gone(worker: Worker) -> None:
    for _ in range(3):
        worker.hear(delivery(A, "telemetry", {"t": 2}))
        worker.ask(A, "delete")
    assert Device.deleted.count() == 3
    purge(worker)
    assert not Device.deleted.exists()
    assert not Reading.objects.exists()


def test_the_next_owner_goes_on_with_a_deletion(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.ask(A, "delete")
    other = another_worker()
    other.round()
    purge(other)
    assert not Device.deleted.exists()


class Patient:
    """A kind of rows that is looked for every minute."""

    def __init__(self) -> None:
        self.looks: list[list[int]] = []

    def step(self, scope: Scope, limit: int) -> float:
        """Remember the shards."""
        self.looks.append([shard.number for shard in scope.shards])
        return 60.0


def of(*numbers: int) -> Any:
    return [SimpleNamespace(number=number) for number in numbers]


def test_a_shard_that_was_taken_is_looked_at_before_the_pause_is_over() -> None:
    task = Patient()
    retention = Retention(DevicesOptions(), [task])
    for shards in (of(0), of(0), of(0, 1), of(0, 1), of(0), of(0, 1)):
        retention.step(shards, NOW_MS)
    assert task.looks == [[0], [0, 1], [0, 1]]


# ---- the record of changes


def test_changes_go_after_retention_those_of_former_shards_too(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    for number in (4, 5):  # as after a reshard
        row = {"shard": number, "commit": 1, "nth": 1, "device": A, "at_ms": worker.now_ms, "actor": ""}
        Change.objects.create(**row, rev=None, kind="settings", patch={}, undo={})
    worker.now_ms += 10 * DAY_MS
    worker.hear(delivery(A, "state", {"a": 2}, at_ms=worker.now_ms))
    purge(worker, 19)
    assert Change.objects.count() == 6
    purge(worker, 2)
    assert [(row.kind, row.patch) for row in Change.objects.all()] == [("reported", {"a": 2})]
    purge(worker, 10)
    assert not Change.objects.exists()
