"""Keys that are blocked, many devices deleted at once, quotas of new ones."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from devices.models import BlockedKey, Device, LedgerCount, Quarantined, Reading, Request
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A, B = key_in(0), key_in(0, nth=1)
pytestmark = pytest.mark.django_db


def counted() -> dict[tuple[str, str], int]:
    out: Counter[tuple[str, str]] = Counter()
    for row in LedgerCount.objects.exclude(outcome="received"):
        out[row.outcome, row.reason] += row.count
    return dict(out)


def test_case_h5_a_blocked_device_does_not_come_back(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.ask(A, "delete")
    assert worker.ask(A, "block") == {}
    worker.hear(
        delivery(A, "telemetry", {"t": 2}), delivery(A, "status", b"online"), delivery(B, "telemetry", {"t": 3})
    )
    assert not Device.objects.filter(key=A).exists()
    assert counted() == {("applied", ""): 2, ("rejected", "blocked"): 2}
    other = another_worker()
    other.hear(delivery(A, "telemetry", {"t": 4}))
    assert not Device.objects.filter(key=A).exists(), "whoever takes the shard knows it, too"
    assert other.ask(A, "unblock") == {}
    other.hear(delivery(A, "telemetry", {"t": 5}))
    assert Reading.objects.get(device__key=A).metrics == {"t": 5}
    assert not BlockedKey.objects.exists()


def test_case_h5_of_a_device_that_is_there_nothing_is_taken_while_it_is_blocked(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.ask(A, "block")
    worker.ask(A, "block")
    worker.hear(delivery(A, "telemetry", {"t": 2}), delivery(A, "telemetry", b"{"))
    assert [one.metrics for one in Reading.objects.filter(device__key=A)] == [{"t": 1}]
    assert not Quarantined.objects.exists()


def test_case_h5_many_are_deleted_at_once_part_by_part(
    worker: Worker, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    keys = [key_in(0, nth=number) for number in range(60)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in [*keys, key_in(1)]))
    first, second = (worker.store(part[0], "delete_many", keys=part) for part in (keys[:40], [*keys[40:], "demo/no"]))
    with django_assert_max_num_queries(40):
        assert worker.settle(first) == {"deleted": 40}
    assert Device.objects.count() == 21
    assert sorted(one["gone"] for one in worker.seen) == sorted(keys[:40])
    assert worker.settle(second) == {"deleted": 20}
    assert list(Device.objects.values_list("key", flat=True)) == [key_in(1)]
    worker.hear(delivery(keys[0], "telemetry", {"t": 2}))
    assert Device.objects.count() == 2, "whoever publishes comes back"
    for _ in range(300):
        worker.now_ms = worker.keeper.purge()
        if not Device.deleted.exists():
            break
    assert not Device.deleted.exists()
    assert Reading.objects.count() == 2


def test_case_h5_one_transaction_deletes_one_part_of_a_shard(worker: Worker) -> None:
    keys = [key_in(0, nth=number) for number in range(4)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys))
    worker.store(keys[0], "delete_many", keys=keys[:2])
    worker.settle(worker.store(keys[2], "tags", tags=["x"]))
    assert Device.objects.count() == 2
    worker.store(keys[2], "delete_many", keys=keys[2:3])
    worker.store(keys[3], "delete_many", keys=keys[3:])
    worker.round()
    assert Device.objects.count() == 1
    assert worker.last.next_ms == worker.now_ms, "the next one is due at once"
    worker.round()
    assert not Device.objects.exists()
    assert not Request.objects.filter(status="pending").exists()


def test_case_h5_too_many_new_devices_at_once_are_rejected_and_come_later(
    options: Callable[..., None], another_worker: Callable[[], Worker]
) -> None:
    options(new_devices_per_second=1)
    worker = another_worker()
    worker.now_ms = NOW_MS
    keys = [key_in(0, nth=number) for number in range(50)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys))
    assert counted() == {("applied", ""): 20, ("rejected", "too_many_new_devices"): 30}
    assert worker.ask(keys[-1], "register") == {}, "what somebody asks for has no such quota"
    worker.now_ms += 5_000
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys))
    assert Device.objects.count() == 26


def test_case_h5_a_site_has_so_many_devices(options: Callable[..., None], another_worker: Callable[[], Worker]) -> None:
    options(max_devices_per_site=3)
    worker = another_worker()
    keys = [key_in(0, nth=number) for number in range(5)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys), delivery("other/x", "telemetry", {"t": 1}))
    assert Device.objects.filter(site__name="demo").count() == 3
    assert Device.objects.filter(site__name="other").count() == 1
    assert counted()["rejected", "too_many_devices"] == 2
