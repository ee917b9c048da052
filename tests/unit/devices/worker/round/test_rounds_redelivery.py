"""What a broker delivers again after a lost connection: committed ones take no second effect, others their first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from msgspec.structs import replace

from bridge.link import MAX_IN_FLIGHT
from bridge.messages import Delivery, LinkAck
from bridge.redelivery import unpack
from devices.models import Event, LedgerCount, LinkCursor, Quarantined, Reading, RecentDeliveries
from devices.requests.registry import register_device
from devices.worker.link import delivery_history
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

A, B = key_in(0), key_in(1)
HOUR_MS = 3_600_000


def telemetry(packet_id: int, value: object, key: str = A) -> Delivery:
    return delivery(key, "telemetry", {"t": value}, packet_id=packet_id)


def again(*deliveries: Delivery) -> list[Delivery]:
    return [replace(one, dup=True) for one in deliveries]


def connect(worker: Worker, epoch: int, session: int = 1) -> None:
    """The gateway has a new connection to its broker."""
    worker.uplink = Uplink(epoch, session=session)


def ledger(outcome: str) -> int:
    return sum(row.count for row in LedgerCount.objects.filter(outcome=outcome))


@pytest.fixture(autouse=True)
def connected(worker: Worker) -> None:
    connect(worker, 1)


def test_what_was_committed_takes_no_second_effect(worker: Worker) -> None:
    first, second, third = (telemetry(number, number) for number in (1, 2, 3))
    worker.hear(first, second)
    connect(worker, 2)
    worker.hear(*again(first, second, third))
    assert [one.metrics["t"] for one in Reading.objects.order_by("rev")] == [1, 2, 3]
    assert (ledger("received"), ledger("applied"), ledger("duplicate")) == (5, 3, 2)
    assert worker.acks == [LinkAck(0, GATEWAY, 2, 2, former_epoch=1, former_seq=1)]


def test_a_round_of_duplicates_is_acknowledged_and_shows_nothing(worker: Worker) -> None:
    worker.hear(first := telemetry(1, 1))
    before = twin_of(A)
    connect(worker, 2)
    worker.hear(*again(first))
    assert twin_of(A) == before
    assert (worker.last.commits, len(worker.acks)) == ([], 1)
    assert LinkCursor.objects.get().delivery_count == 1


def test_a_duplicate_does_not_turn_back_what_came_after_it(worker: Worker) -> None:
    on, off = (delivery(A, "state", {"on": on}, packet_id=3 - on) for on in (True, False))
    worker.hear(on, off)
    connect(worker, 2)
    worker.hear(*again(on))
    assert twin_of(A).reported.value == {"on": False}
    worker.hear(*again(off))
    assert twin_of(A).reported.value == {"on": False}


def test_quarantined_and_rejected_ones_are_known_too(
    options: Callable[..., None], another_worker: Callable[[], Worker]
) -> None:
    options(auto_register=False)
    register_device(A)
    worker = another_worker()
    bad, nobodys = delivery(A, "telemetry", b"{", packet_id=2), telemetry(3, 1, key_in(0, nth=1))
    connect(worker, 1)
    worker.hear(bad, nobodys)
    connect(worker, 2)
    worker.hear(*again(bad, nobodys))
    assert (Quarantined.objects.count(), ledger("quarantined"), ledger("rejected")) == (1, 1, 1)
    assert ledger("duplicate") == 2


def test_another_owner_of_the_shard_knows_them(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    worker.hear(first := telemetry(1, 1))
    other = another_worker()
    connect(other, 2)
    other.hear(*again(first), second := telemetry(2, 2))
    third = another_worker()
    third.uplink = other.uplink
    third.hear(*again(second))
    assert Reading.objects.count() == ledger("applied") == ledger("duplicate") == 2


def test_after_a_failed_commit_only_what_was_committed_is_known(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.hear(first := telemetry(1, 1))
    connect(worker, 2)
    with monkeypatch.context() as patch:
        patch.setattr("devices.worker.link.uplink.store_counts", _fails)
        with pytest.raises(DatabaseError):
            worker.hear(*again(first), second := telemetry(2, 2))
    connect(worker, 3)
    worker.hear(*again(first, second))
    assert [one.metrics["t"] for one in Reading.objects.order_by("rev")] == [1, 2]
    assert (ledger("received"), ledger("duplicate")) == (3, 1)


def _fails(*_: Any) -> None:
    raise DatabaseError("gone")


def test_a_new_session_of_the_broker_begins_anew(worker: Worker) -> None:
    worker.hear(first := telemetry(1, 1))
    connect(worker, 2, session=2)
    worker.hear(*again(first))
    assert (ledger("applied"), ledger("duplicate")) == (2, 0)
    connect(worker, 3, session=1)
    worker.hear(*again(first))
    assert ledger("duplicate") == 1, "back at the broker that had kept the other session"


def test_bases_are_counted_over_all_shards(worker: Worker) -> None:
    worker.hear(one := telemetry(1, 1))
    worker.hear(telemetry(2, 1, B), telemetry(3, 1, B))
    connect(worker, 2)
    worker.take(worker.uplink.batch(*again(one), telemetry(4, 2), position=9))
    row = RecentDeliveries.objects.latest("pk")
    record = unpack(row.epoch, row.connection_count, row.packed)
    assert (record.base, record.connection_count, record.total) == (3, 9, 2)


def bases(epoch: int) -> set[int]:
    rows = RecentDeliveries.objects.filter(epoch=epoch)
    return {unpack(row.epoch, row.connection_count, row.packed).base for row in rows}


def test_the_base_of_a_connection_outlives_the_rows_of_the_former_ones(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.hear(telemetry(1, 1))
    connect(worker, 2)
    worker.hear(telemetry(2, 2))
    RecentDeliveries.objects.filter(epoch=1).delete()  # beyond the window
    other = another_worker()
    other.uplink = worker.uplink
    other.hear(telemetry(3, 3))
    assert bases(2) == {1}


def test_a_shard_that_speaks_late_in_a_connection_has_the_others_base(worker: Worker) -> None:
    worker.hear(telemetry(1, 1), telemetry(2, 1))
    connect(worker, 2)
    worker.hear(telemetry(3, 2))
    RecentDeliveries.objects.filter(epoch=1).delete()
    worker.hear(telemetry(4, 1, B))
    assert bases(2) == {2}


def test_a_shard_that_lags_a_connection_behind_has_the_base_of_those_that_went_on(worker: Worker) -> None:
    worker.hear(telemetry(1, 1), telemetry(2, 1))
    connect(worker, 3)
    worker.hear(telemetry(3, 2))
    RecentDeliveries.objects.filter(epoch=1).delete()  # beyond the window of the shard that went on
    connect(worker, 2)
    worker.hear(telemetry(4, 1, B))
    assert bases(2) == {2}


def test_rows_beyond_the_window_are_removed_in_portions(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_history, "_FORGET_AT_LEAST", 3)
    position = 0
    for number in range(1, 5):
        position += 2 * MAX_IN_FLIGHT
        worker.take(worker.uplink.batch(telemetry(number, number), position=position))
        assert RecentDeliveries.objects.count() == (number if number < 4 else 1)
    assert Event.objects.count() == 0


def test_what_a_gone_session_left_is_removed_within_a_day(worker: Worker) -> None:
    worker.hear(telemetry(1, 1), telemetry(2, 1, B))
    connect(worker, 2, session=2)
    worker.hear(telemetry(1, 2))
    delivery_history.forget_gone_sessions(range(4), NOW_MS + 11 * HOUR_MS)
    assert RecentDeliveries.objects.count() == 3
    delivery_history.forget_gone_sessions([1], NOW_MS + 23 * HOUR_MS)
    delivery_history.forget_gone_sessions([2, 3], NOW_MS + 23 * HOUR_MS)
    assert RecentDeliveries.objects.count() == 2, "only of our own shards"
    delivery_history.forget_gone_sessions([0], NOW_MS + 900 * HOUR_MS)
    assert list(RecentDeliveries.objects.values_list("session", flat=True)) == [2]
