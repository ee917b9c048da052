"""Pieces of imports in a worker's rounds: each record once, whoever is killed, and news to nobody unless asked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from msgspec import convert

from bridge.messages import Delta, RequestStored
from bridge.shards import device_hash
from devices.models import (
    Alert,
    AlertRule,
    Change,
    Event,
    Follower,
    Import,
    ImportPiece,
    ImportPosition,
    LedgerCount,
    LoggedReadings,
    Quarantined,
    Reading,
    ShardState,
)
from devices.requests.imports import (
    BadRecord,
    DeviceRecords,
    ImportedEvent,
    ImportedReading,
    Piece,
    Result,
    pack,
)
from devices.requests.registry import register_device
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

KEY = key_in(0)
OLD_MS = NOW_MS - 86_400_000


@pytest.fixture
def file(db: None) -> Import:
    register_device(KEY)
    return Import.objects.create(digest="d", name="a.csv", begun_ms=NOW_MS, created_by="system:import")


def readings(*numbers: int, key: str = KEY) -> DeviceRecords:
    its = [ImportedReading(n, OLD_MS + 1000 * n, {"t": n + 0.5}) for n in numbers]
    return DeviceRecords(key, readings=its)


def handed(file: Import, *devices: DeviceRecords, **how: Any) -> ImportPiece:
    payload = pack(Piece(list(devices), **how))
    return ImportPiece.objects.create(file=file, hash=device_hash(devices[0].device), payload=payload)


def nudge(worker: Worker) -> None:
    worker.round(requests=(RequestStored(0, 0, ""),))


def result(piece: ImportPiece) -> Result:
    piece.refresh_from_db()
    assert piece.is_done
    assert bytes(piece.payload) == b""
    return convert(piece.result, Result)


def imported(worker: Worker, file: Import, *devices: DeviceRecords, **how: Any) -> Result:
    piece = handed(file, *devices, **how)
    nudge(worker)
    return result(piece)


def stored() -> list[tuple[int, int, Any]]:
    return list(Reading.objects.order_by("rev").values_list("rev", "ts", "metrics"))


def test_records_become_readings_with_revs_of_their_own(worker: Worker, file: Import) -> None:
    worker.hear(delivery(KEY, "telemetry", {"t": 20}))
    before = twin_of(KEY)
    assert imported(worker, file, readings(0, 1, 2)) == Result(imported=3)
    assert stored()[1:] == [(before.rev + 1 + n, OLD_MS + 1000 * n, {"t": n + 0.5}) for n in range(3)]
    after = twin_of(KEY)
    assert (after.metrics["t"], after.presence, after.last_seen_ms) == (
        before.metrics["t"], before.presence, before.last_seen_ms
    )  # fmt: skip
    assert after.rev == before.rev + 3
    assert not ImportPiece.objects.filter(is_done=False).exists()


def test_what_is_handed_over_twice_takes_effect_once(worker: Worker, file: Import) -> None:
    first, again, more = handed(file, readings(0, 1)), handed(file, readings(0, 1)), handed(file, readings(1, 2))
    nudge(worker)
    worker.round()
    worker.round()
    assert [result(one) for one in (first, again, more)] == [
        Result(imported=2), Result(repeated=2), Result(imported=1, repeated=1)
    ]  # fmt: skip
    assert [ts for _, ts, _ in stored()] == [OLD_MS, OLD_MS + 1000, OLD_MS + 2000]


def test_a_piece_takes_effect_with_its_position_whoever_dies_before_the_commit(
    worker: Worker, another_worker: Callable[[], Worker], file: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = handed(file, readings(0, 1))
    with monkeypatch.context() as patch:
        patch.setattr("devices.worker.round.transaction.pass_fence", _dies)
        with pytest.raises(DatabaseError):
            nudge(worker)
    assert stored() == []
    assert not ImportPosition.objects.exists()
    another = another_worker()
    another.round()
    assert result(piece) == Result(imported=2)
    assert [ts for _, ts, _ in stored()] == [OLD_MS, OLD_MS + 1000]


def _dies(*_: Any) -> None:
    raise DatabaseError("gone")


def test_what_the_device_has_had_before_is_left_out_and_twins_in_the_file_are_not(worker: Worker, file: Import) -> None:
    assert imported(worker, file, readings(0, 1)) == Result(imported=2)
    other = Import.objects.create(digest="e", name="b.csv", begun_ms=NOW_MS, created_by="")
    again = readings(0, 1, 2)
    again.readings.append(ImportedReading(3, OLD_MS + 2000, {"t": 2.5}))
    assert imported(worker, other, again) == Result(imported=2, known=2)
    assert [ts - OLD_MS for _, ts, _ in stored()] == [0, 1000, 2000, 2000]
    assert imported(worker, other, again) == Result(repeated=4)


def test_one_value_of_a_known_reading_is_known(worker: Worker, file: Import) -> None:
    worker.hear(delivery(KEY, "telemetry", {"ts": OLD_MS, "t": 20, "on": True}))
    records = DeviceRecords(
        KEY, readings=[ImportedReading(0, OLD_MS, {"t": 20.0}), ImportedReading(1, OLD_MS, {"on": 1})]
    )
    assert imported(worker, file, records) == Result(imported=1, known=1)


def test_newer_values_change_the_twin_and_browsers_ask_for_them(worker: Worker, file: Import) -> None:
    worker.hear(delivery(KEY, "telemetry", {"ts": OLD_MS - 5, "t": 20}))
    imported(worker, file, readings(0))
    assert twin_of(KEY).metrics["t"].value == 0.5
    (delta,) = worker.last.commits[0].changes
    assert isinstance(delta, Delta)
    assert (delta.prev, delta.rev, delta.item) == (twin_of(KEY).rev, twin_of(KEY).rev, b"")


def test_events_keep_their_time_and_are_no_change_on_record_unless_asked(worker: Worker, file: Import) -> None:
    events = DeviceRecords(KEY, events=[ImportedEvent(0, OLD_MS, "door", b'{"open":true}')])
    assert imported(worker, file, events) == Result(imported=1)
    assert list(Event.objects.values_list("name", "ts", "data")) == [("door", OLD_MS, {"open": True})]
    assert not Change.objects.filter(kind="event").exists()
    other = Import.objects.create(digest="e", name="b.csv", begun_ms=NOW_MS, created_by="")
    assert imported(worker, other, events, as_news=True) == Result(known=1)
    events.events[0] = ImportedEvent(1, OLD_MS + 1, "door", b"1")
    assert imported(worker, other, events, as_news=True) == Result(imported=1)
    assert Change.objects.filter(kind="event").count() == 1


def test_bad_records_and_those_ahead_of_now_are_quarantined_and_counted(worker: Worker, file: Import) -> None:
    records = readings(0)
    records.readings.append(ImportedReading(1, worker.now_ms + 1, {"t": 1}))
    records.bad.append(BadRecord(2, "telemetry", "bad_ts", "never is no time", b'{"ts":"never","t":1}'))
    assert imported(worker, file, records) == Result(imported=1, quarantined=2)
    rows = Quarantined.objects.order_by("payload").values_list("topic", "reason", "detail", "payload")
    assert [(topic, reason) for topic, reason, _, _ in rows] == [(f"devices/{KEY}/telemetry", "bad_ts")] * 2
    assert [detail for _, _, detail, _ in rows] == [
        "record 3: never is no time",
        f"record 2: {worker.now_ms + 1} is ahead of now",
    ]
    assert {(one.outcome, one.reason): one.count for one in LedgerCount.objects.exclude(count=0)} == {
        ("received", ""): 2, ("quarantined", "bad_ts"): 2
    }  # fmt: skip


@pytest.mark.parametrize("as_news", [False, True])
def test_alerts_and_followers_are_told_only_if_asked(worker: Worker, file: Import, *, as_news: bool) -> None:
    rule = {"name": "hot", "condition": {"metric": "t", "above": 30}}
    AlertRule.objects.create(name="hot", site="", rule=rule, changed_ms=1, judged_as=1)
    Follower.objects.create(name="f", shard=0, position=0)
    ShardState.objects.filter(shard=0).update(is_followed=True)
    worker.look()
    worker.hear(delivery(KEY, "telemetry", {"ts": OLD_MS - 1, "t": 20}))
    LoggedReadings.objects.all().delete()
    imported(worker, file, DeviceRecords(KEY, readings=[ImportedReading(0, OLD_MS, {"t": 99})]), as_news=as_news)
    assert (Alert.objects.count(), LoggedReadings.objects.count()) == ((1, 1) if as_news else (0, 0))
    assert twin_of(KEY).metrics["t"].value == 99


def test_devices_are_made_only_if_asked(worker: Worker, file: Import) -> None:
    stranger = key_in(1)
    assert imported(worker, file, readings(0, key=stranger)) == Result(refused={stranger: "unknown_device"})
    assert imported(worker, file, readings(0, key=stranger), creates=True) == Result(imported=1)
    assert twin_of(stranger).metrics["t"].value == 0.5
    assert twin_of(stranger).presence.status == "unknown"


def test_nothing_is_taken_behind_records_that_were_refused(worker: Worker, file: Import) -> None:
    stranger = key_in(1)
    imported(worker, file, readings(0, key=stranger))
    register_device(stranger)
    later = readings(1, key=stranger)
    later.behind = 0
    assert imported(worker, file, later) == Result(refused={stranger: "earlier_refused"})
    assert imported(worker, file, readings(0, 1, key=stranger)) == Result(imported=2)


def test_a_blocked_key_takes_none(worker: Worker, file: Import) -> None:
    worker.ask(KEY, "block")
    assert imported(worker, file, readings(0), readings(0, key=key_in(0, nth=1)), creates=True) == Result(
        imported=1, refused={KEY: "blocked"}
    )


def test_one_piece_a_round_and_the_next_at_once(worker: Worker, file: Import) -> None:
    register_device(key_in(1))
    its = [handed(file, readings(n)) for n in range(3)] + [handed(file, readings(0, key=key_in(1)))]
    nudge(worker)
    assert worker.last.next_ms == worker.now_ms
    done = [piece.pk for piece in its if ImportPiece.objects.get(pk=piece.pk).is_done]
    assert done == [its[0].pk]
    for _ in range(3):
        worker.round()
    assert not ImportPiece.objects.filter(is_done=False).exists()


def test_a_bug_in_one_devices_records_sets_these_aside(
    worker: Worker, file: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reduce(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("devices.worker.requests.imports.records.reduce", reduce)
    assert imported(worker, file, readings(0, 1)) == Result(quarantined=2)
    assert [one.reason for one in Quarantined.objects.all()] == ["internal_error"] * 2
    assert stored() == []


def test_it_goes_with_its_age(worker: Worker, file: Import, settings: Any) -> None:
    imported(worker, file, readings(0))
    worker.now_ms += (settings.DEVICES.retention_days + 1) * 86_400_000
    worker.purge(80)
    assert not Import.objects.exists()
    assert not ImportPosition.objects.exists()
