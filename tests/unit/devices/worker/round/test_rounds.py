"""Batches in, rows and messages out: the keeper on a real database, in one thread."""

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from msgspec.structs import replace

from bridge.messages import LinkAck
from bridge.shards import shard_of
from devices.models import Device, Event, LedgerCount, LinkCursor, Quarantined, Reading, ShardState, Site, Twin
from devices.worker.ownership.fence import ShardLostError
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

A, B, ELSEWHERE = key_in(0), key_in(0, nth=1), key_in(1)


def ledger() -> dict[tuple[str, str], int]:
    """What became of deliveries, in all shards; each shard's sum is what it got."""
    out: Counter[tuple[str, str]] = Counter()
    missing: Counter[int] = Counter()
    for row in LedgerCount.objects.all():
        if row.outcome == "received":
            missing[row.shard] += row.count
        else:
            missing[row.shard] -= row.count if row.outcome != "noted" else 0  # values, not deliveries
            out[row.outcome, row.reason] += row.count
    assert not any(missing.values()), missing
    return dict(out)


# ---- what a delivery becomes


def test_a_reading_is_stored_acknowledged_and_told(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 21.5, "in": {"h": 40}}))
    reading = Reading.objects.get()
    assert (reading.device.key, reading.rev, reading.ts, reading.metrics) == (A, 1, NOW_MS, {"t": 21.5, "in.h": 40})
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 2)]
    assert worker.seen == [
        {
            "device": A,
            "prev": 0,
            "rev": 2,
            "readings": [{"rev": 1, "ts": NOW_MS, "metrics": {"t": 21.5, "in.h": 40}}],
            "presence": {"status": "online", "since": NOW_MS, "why": "message"},
        }
    ]
    row = Twin.objects.get()
    assert (row.rev, row.status, twin_of(A).metrics["t"].value) == (2, "online", 21.5)
    assert ledger() == {("applied", ""): 1}


def test_all_kinds_of_messages_in_one_batch(worker: Worker) -> None:
    worker.hear(
        delivery(A, "status", b"online"),
        delivery(A, "telemetry", [{"t": 1}, {"t": 2}]),
        delivery(A, "telemetry/h", b"40"),
        delivery(A, "state", {"led": True}),
        delivery(A, "event/door", {"open": True}),
        delivery(A, "state", b""),
    )
    assert [(one.rev, one.metrics) for one in Reading.objects.all()] == [(2, {"t": 1}), (3, {"t": 2}), (4, {"h": 40})]
    event = Event.objects.get()
    assert (event.rev, event.name, event.data) == (6, "door", {"open": True})
    assert twin_of(A).reported.value == {"led": True}
    assert [(one.get("type", "delta"), one["prev"], one["rev"]) for one in worker.seen] == [
        ("delta", 0, 5),
        ("event", 5, 6),
    ]
    assert ledger() == {("applied", ""): 6}


def test_wrong_content_is_quarantined_and_harms_no_neighbour(worker: Worker) -> None:
    bad: list[tuple[bytes, str]] = [
        (b"{", "bad_json"),
        (b'"\xff"', "bad_utf8"),
        (b"[" * 10_000, "too_deep"),
        (b'{"t":"' + b"x" * 300_000 + b'"}', "too_large"),
        (b'{"t":[' + b"0," * 2_000 + b"0]}", "too_many_leaves"),
        (b"[[1]]", "not_an_object"),
    ]
    worker.hear(
        delivery(A, "telemetry", {"t": 1}),
        *(delivery(A, "telemetry", payload) for payload, _ in bad),
        delivery(A, "telemetry", {"t": 2}),
    )
    rows = list(Quarantined.objects.order_by("pk"))
    assert [row.reason for row in rows] == [reason for _, reason in bad]
    assert [row.truncated for row in rows] == [reason == "too_large" for _, reason in bad]
    assert bytes(rows[0].payload) == b"{"
    assert rows[0].topic == f"devices/{A}/telemetry"
    assert Reading.objects.count() == 2
    assert sum(ledger().values()) == 8
    assert ledger()["quarantined", "bad_json"] == 1


def test_case_b4_the_bad_elements_of_a_batch_are_kept_in_one_entry(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", b'[{"v":1},{"v":2,"ts":5},{"v":3},5]'))
    assert [one.metrics for one in Reading.objects.order_by("rev")] == [{"v": 1}, {"v": 3}]
    row = Quarantined.objects.get()
    assert (row.reason, row.detail) == ("ts_before_2000", "elements 1, 3: 5")
    assert (bytes(row.payload), row.truncated) == (b'[{"v":2,"ts":5},5]', False)
    assert ledger() == {("quarantined", "ts_before_2000"): 1}


def test_case_b5_a_metric_over_the_limit_is_noted_and_the_others_go_on(
    worker: Worker, options: Callable[..., None], another_worker: Any
) -> None:
    options(max_metrics_per_device=2)
    other = another_worker()
    other.hear(delivery(A, "telemetry", {"a": 1, "b": 2}), delivery(A, "telemetry", {"a": 2, "c": 3}))
    assert ledger() == {("applied", ""): 2, ("noted", "too_many_metrics"): 1}
    assert {name: metric.value for name, metric in twin_of(A).metrics.items()} == {"a": 2, "b": 2}
    assert [note.metric for note in twin_of(A).notes] == ["c"]


# ---- unknown devices


def test_unknown_devices_are_registered_in_bulk_with_their_site(worker: Worker) -> None:
    worker.hear(*(delivery(key_in(0, nth=number), "telemetry", {"t": 1}) for number in range(20)))
    assert Device.objects.count() == 20
    assert Site.objects.get().name == "demo"
    assert Twin.objects.filter(status="online").count() == 20


def test_without_auto_register_an_unknown_device_is_rejected(options: Callable[..., None], another_worker: Any) -> None:
    options(auto_register=False)
    worker = another_worker()
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(A, "state", b""), delivery(B, "state", b"{"))
    assert ledger() == {("rejected", "unknown_device"): 3}
    assert Device.objects.count() == 0
    assert worker.last.commits == []


def test_a_device_registered_elsewhere_is_found(options: Callable[..., None], another_worker: Any) -> None:
    from devices.requests.registry import register_device

    options(auto_register=False)
    worker = another_worker()
    worker.round()
    register_device(A)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert ledger() == {("applied", ""): 1}


def test_a_device_row_without_twin_gets_one(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    from bridge.shards import device_hash

    site = Site.objects.create(name="demo")
    Device.objects.create(site=site, key=A, hash=device_hash(A))
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    Device.objects.create(site=site, key=B, hash=device_hash(B))
    another_worker().hear(delivery(B, "telemetry", {"t": 1}))
    assert Twin.objects.filter(rev=2).count() == 2


def test_beyond_max_devices_new_ones_are_rejected(options: Callable[..., None], another_worker: Any) -> None:
    options(max_devices=2)
    worker = another_worker()
    worker.hear(*(delivery(key_in(0, nth=number), "telemetry", {"t": 1}) for number in range(3)))
    worker.hear(delivery(ELSEWHERE, "telemetry", {"t": 1}), delivery(A, "telemetry", {"t": 2}))
    assert ledger() == {("applied", ""): 3, ("rejected", "too_many_devices"): 2}


def test_clearing_a_retained_message_registers_nobody(worker: Worker) -> None:
    worker.hear(delivery(A, "status", b""))
    assert Device.objects.count() == 0
    assert ledger() == {("applied", ""): 1}


def test_a_device_of_another_shard_is_not_touched(worker: Worker) -> None:
    batch = Uplink(gateway="confused").batch(delivery(A, "telemetry", {"t": 1}))
    worker.take(replace(batch, shard=1))
    assert ledger() == {("rejected", "wrong_shard"): 1}
    worker.take(replace(batch, shard=1, seq=2, deliveries=(delivery("no key", "telemetry", {}),), delivery_count=2))
    assert ledger()["rejected", "bad_name"] == 1


# ---- the link


def test_a_repeat_is_acknowledged_and_not_applied(worker: Worker) -> None:
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 1}))
    worker.take(batch)
    worker.take(batch)
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 2)]
    assert Reading.objects.count() == 1
    assert worker.last.commits == []


def test_a_gap_is_answered_with_what_is_expected(worker: Worker) -> None:
    first = worker.uplink.batch(delivery(A, "telemetry", {"t": 1}))
    second = worker.uplink.batch(delivery(A, "telemetry", {"t": 2}))
    worker.take(second)
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 1, gap=True)]
    worker.take(second, first)
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 3)]
    assert [row.metrics["t"] for row in Reading.objects.order_by("rev")] == [1, 2]


def test_several_batches_go_into_one_transaction(worker: Worker) -> None:
    batches = [worker.uplink.batch(delivery(A, "telemetry", {"t": number})) for number in range(3)]
    worker.take(*batches, worker.uplink.batch(delivery(ELSEWHERE, "telemetry", {"t": 1})))
    assert sorted(ack.next_seq for ack in worker.acks) == [2, 4]
    assert [commit.commit for commit in worker.last.commits] == [1, 1]
    assert LinkCursor.objects.get(shard=0).seq == 3


def test_a_newer_connection_begins_anew_and_the_former_is_not_heard(worker: Worker) -> None:
    old = worker.uplink.batch(delivery(A, "telemetry", {"t": 1}))
    worker.take(Uplink(epoch=2).hello(0))
    assert worker.acks == [LinkAck(0, GATEWAY, 2, 2)]
    worker.take(old)
    assert worker.acks == []
    assert Reading.objects.count() == 0


def test_gateways_have_cursors_of_their_own(worker: Worker) -> None:
    other = Uplink(gateway="other")
    worker.take(worker.uplink.hello(0), other.hello(0), other.batch(delivery(A, "telemetry", {"t": 1})))
    assert {ack.gateway: ack.next_seq for ack in worker.acks} == {GATEWAY: 2, "other": 3}


def test_cursors_twins_and_counts_survive_a_new_owner(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 1}))
    worker.take(batch)
    other = another_worker()
    other.take(batch)
    assert other.acks == [LinkAck(0, GATEWAY, 1, 2)]
    other.take(worker.uplink.batch(delivery(A, "telemetry", {"t": 2})))
    assert [row.rev for row in Reading.objects.order_by("rev")] == [1, 3]
    assert ledger() == {("applied", ""): 2}
    assert [commit.commit for commit in other.last.commits] == [2]


# ---- commit numbers and ownership


def test_only_what_is_broadcast_raises_the_commit_number(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert [(one.shard, one.commit) for one in worker.last.commits] == [(0, 1)]
    worker.take(worker.uplink.hello(0))
    worker.hear(delivery(A, "telemetry", {}))
    assert worker.last.commits == []
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert [(one.shard, one.commit) for one in worker.last.commits] == [(0, 2)]
    assert {row.shard: row.commit for row in ShardState.objects.all()} == {0: 2, 1: 0, 2: 0, 3: 0}


def test_a_fenced_worker_writes_nothing(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    another_worker().round()
    with pytest.raises(ShardLostError, match="shard 0, 1, 2, 3: another worker has taken it"):
        worker.hear(delivery(A, "telemetry", {"t": 2}))
    assert Reading.objects.count() == 1


def test_the_fence_tells_which_are_lost(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    other = another_worker()
    other.shards = frozenset({0, 3})
    other.round()
    worker.hear(delivery(ELSEWHERE, "telemetry", {"t": 2}))
    for quiet in ({}, {"t": 1}):
        with pytest.raises(ShardLostError) as lost:
            worker.hear(delivery(A, "telemetry", quiet), delivery(ELSEWHERE, "telemetry", {"t": 3}))
        assert lost.value.shards == {0, 3}, "those without a message, too"
    assert Reading.objects.count() == 1
    worker.shards -= {0, 3}
    worker.uplink = Uplink(2)
    worker.take(worker.uplink.batch(delivery(ELSEWHERE, "telemetry", {"t": 3})))
    assert Reading.objects.count() == 2


def test_a_lease_that_is_over_does_no_harm_while_nobody_has_taken_the_shard(worker: Worker) -> None:
    ShardState.objects.update(beat_ms=1)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert Reading.objects.count() == 1
    assert ShardState.objects.get(shard=0).beat_ms > 1, "the fence renews it"


def test_a_fenced_worker_blames_no_row(
    worker: Worker, another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its successor has given out the revs that it would give out."""
    other = another_worker()
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    other.hear(delivery(A, "telemetry", {"t": 2}), delivery(A, "telemetry", {"t": 3}))
    blamed: list[str] = []
    monkeypatch.setattr("devices.worker.effects.storage.log.warning", lambda event, **_: blamed.append(event))
    with pytest.raises(ShardLostError):
        worker.hear(delivery(A, "telemetry", {"t": 4}))
    assert blamed == []
    assert [row.metrics["t"] for row in Reading.objects.order_by("rev")] == [1, 2, 3]


def test_what_looks_like_a_bug_of_a_fenced_worker_is_none(
    worker: Worker, another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its successor may have deleted what it knows."""
    other = another_worker()
    other.round()
    monkeypatch.setattr("devices.worker.round.transaction.Admission.admit", _surprised)
    with pytest.raises(ShardLostError):
        worker.hear(delivery(A, "telemetry", {"t": 1}))
    with pytest.raises(KeyError):
        other.hear(delivery(A, "telemetry", {"t": 1}))


def _surprised(*_args: object) -> None:
    raise KeyError("gone")


def test_shards_that_are_left_are_nobodys_and_forgotten(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.shards -= {0}
    worker.round(leaving=frozenset({0}))
    assert {row.shard: row.owner for row in ShardState.objects.all()} == {0: "", 1: "me", 2: "me", 3: "me"}
    worker.hear(delivery(A, "telemetry", {"t": 2}))
    assert worker.acks == []
    assert Reading.objects.count() == 1


def test_a_fenced_worker_releases_nothing_of_its_successor(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    another_worker().round()
    worker.shards = frozenset()
    worker.round(leaving=frozenset(range(4)))
    assert {row.owner for row in ShardState.objects.all()} == {"another 0"}


# ---- failures


def test_after_a_failed_commit_everything_is_read_again(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    generation = ShardState.objects.get(shard=0).generation
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 2}), delivery(B, "telemetry", {"t": 2}))
    with monkeypatch.context() as broken:
        broken.setattr("devices.worker.round.transaction.pass_fence", _broken)
        with pytest.raises(DatabaseError):
            worker.take(batch)
    assert Reading.objects.count() == 1
    worker.take(batch)
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 3)]
    assert [row.rev for row in Reading.objects.filter(device__key=A).order_by("rev")] == [1, 3]
    assert ledger() == {("applied", ""): 3}
    assert ShardState.objects.get(shard=0).generation > generation, "what was under way is fenced"


def _broken(*_args: object, **_kwargs: object) -> None:
    raise DatabaseError("gone")


def test_a_commit_that_succeeded_unseen_is_acknowledged_once_more(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 1}))
    with monkeypatch.context() as broken:
        broken.setattr("devices.worker.round.transaction.Broadcast.tell", _broken)
        with pytest.raises(DatabaseError):
            worker.take(batch)
    worker.take(batch)
    assert worker.acks == [LinkAck(0, GATEWAY, 1, 2)]
    assert Reading.objects.count() == 1


def test_a_bug_costs_one_message_only(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    from devices.rules.reducer import reduce as real
    from devices.worker.link import uplink

    def reduce(twin: Any, decoded: Any, *rest: Any) -> Any:
        twin.rev += 100  # half-done
        if getattr(decoded, "name", "") == "boom":
            raise RuntimeError("a bug")
        twin.rev -= 100
        return real(twin, decoded, *rest)

    monkeypatch.setattr(uplink, "reduce", reduce)
    worker.hear(delivery(A, "telemetry", {"t": 0}))
    worker.hear(
        delivery(A, "telemetry", {"t": 1}),
        delivery(A, "event/boom", {}),
        delivery(A, "telemetry", {"t": 2}),
        delivery(A, "event/boom", {}),
        delivery(B, "telemetry", {"t": 3}),
    )
    assert [row.rev for row in Reading.objects.filter(device__key=A).order_by("rev")] == [1, 3, 4]
    assert ledger() == {("applied", ""): 4, ("quarantined", "internal_error"): 2}
    assert [row.topic for row in Quarantined.objects.all()] == [f"devices/{A}/event/boom"] * 2


@pytest.mark.parametrize("neighbours", [0, 1, 6])
def test_a_row_that_the_database_refuses_costs_one_message_only(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, neighbours: int
) -> None:
    monkeypatch.setattr("bridge.dialects.native.dialect.decode", _decode_with_a_huge_ts)
    others = [key_in(0, name="n", nth=number) for number in range(neighbours)]
    worker.hear(delivery(A, "telemetry", {"t": 0}))
    worker.hear(
        *(delivery(key, "telemetry", {"t": 1}) for key in others),
        delivery(A, "telemetry", {"t": 1}),
        delivery(A, "telemetry", {"refused": 2}),
        delivery(A, "telemetry", {"t": 3}),
    )
    assert [row.metrics["t"] for row in Reading.objects.filter(device__key=A).order_by("rev")] == [0, 1, 3]
    assert Reading.objects.count() == 3 + neighbours
    assert ledger() == {("applied", ""): 3 + neighbours, ("quarantined", "storage_error"): 1}
    assert twin_of(A).rev == Reading.objects.filter(device__key=A).order_by("-rev")[0].rev
    assert [one["rev"] for one in worker.seen if one["device"] == A] == [4]


def _decode_with_a_huge_ts(kind: Any, detail: str, payload: bytes) -> Any:
    from bridge.dialects.native.payloads import decode
    from bridge.observations import RawReading, Telemetry

    decoded = decode(kind, detail, payload)
    if b"refused" in payload:
        assert isinstance(decoded, Telemetry)
        return Telemetry((RawReading(-(2**70), decoded.readings[0].metrics),))
    return decoded


def test_shards_of_the_test_keys() -> None:
    assert [shard_of(key, 4) for key in (A, B, ELSEWHERE)] == [0, 0, 1]


# ---- memory


def test_a_round_leaves_nothing_to_the_garbage_collector(worker: Worker) -> None:
    keys = [key_in(0, nth=number) for number in range(30)]
    worker.hear(*(delivery(key, "telemetry", {"t": 1}) for key in keys))
    gc.collect()
    gc.disable()
    try:
        worker.hear(*(delivery(key, "telemetry", {"t": 2}) for key in keys))
        assert gc.collect() < len(keys)
    finally:
        gc.enable()
