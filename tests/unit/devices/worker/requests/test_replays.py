"""Quarantined messages carried out once more: as if they came when they came."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import TOPIC, Base, Route
from bridge.dialects.mapping.dialect import Mappings
from bridge.dialects.mapping.rules import rule_of
from bridge.dialects.native import dialect
from bridge.messages import Delivery, RequestStored
from devices.models import Command, Device, Event, LedgerCount, Mapping, Quarantined, Reading, SourceFilter
from tests.support.dialects.rows import rows
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.retention.test_retention import command

A, B = key_in(0), key_in(0, nth=1)
LATER_MS = 3_600_000


def quarantined(worker: Worker, topic: str, payload: bytes, key: str = A, **more: Any) -> Quarantined:
    """A message that was quarantined an hour ago, whatever its payload; the device has spoken since."""
    worker.hear(delivery(key, topic, b"\xff" if topic != "ack/x" else payload, **more))
    entry = Quarantined.objects.latest("pk")
    Quarantined.objects.filter(pk=entry.pk).update(payload=payload)
    worker.now_ms += LATER_MS
    worker.hear(delivery(key, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    return Quarantined.objects.get(pk=entry.pk)


def replay(worker: Worker, entry: Quarantined, key: str = A) -> Any:
    return worker.ask(key, "replay", quarantined_id=entry.pk)


def ledger() -> Counter[tuple[str, str]]:
    return Counter({(row.outcome, row.reason): row.count for row in LedgerCount.objects.all()})


def test_what_is_right_by_now_is_applied_and_leaves_quarantine(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'{"h": 40}')
    before, seen_ms, presence = ledger(), twin_of(A).last_seen_ms, twin_of(A).presence
    assert replay(worker, entry) == {"outcome": "applied", "reason": "", "detail": ""}
    assert not Quarantined.objects.exists()
    reading = Reading.objects.latest("rev")
    assert (reading.ts, reading.received_ms, reading.metrics) == (NOW_MS, NOW_MS, {"h": 40}), "its original time"
    assert [one["readings"][0]["metrics"] for one in worker.seen] == [{"h": 40}]
    assert ledger() - before == {("received", ""): 1, ("applied", ""): 1}
    assert (twin_of(A).last_seen_ms, twin_of(A).presence) == (seen_ms, presence), "old news"


def test_an_old_value_never_overwrites_a_newer_one(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'{"t": 99}')
    replay(worker, entry)
    assert twin_of(A).metrics["t"].value == 1
    assert Reading.objects.latest("rev").metrics == {"t": 99}


def test_a_replayed_birth_or_will_says_nothing_about_now(worker: Worker) -> None:
    for said in (b"offline", b"online"):
        entry = quarantined(worker, "status", said)
        before = twin_of(A)
        assert replay(worker, entry)["outcome"] == "applied"
        assert twin_of(A) == before
        assert worker.last.commits == []


def test_a_state_patch_is_applied_as_of_now_and_an_event_with_its_time(worker: Worker) -> None:
    patch, event = quarantined(worker, "state", b'{"led": true}'), quarantined(worker, "event/door", b'"open"')
    worker.hear(delivery(A, "state", {"led": False, "mode": "eco"}, at_ms=worker.now_ms))
    replay(worker, patch)
    replay(worker, event)
    assert twin_of(A).reported.value == {"led": True, "mode": "eco"}
    kept = Event.objects.get()
    assert (kept.name, kept.data) == ("door", "open")
    assert kept.ts < worker.now_ms - LATER_MS + 1


def test_what_is_still_wrong_stays_with_the_new_reason(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b"[[1]]")
    before = ledger()
    result = replay(worker, entry)
    assert result == {"outcome": "quarantined", "reason": "not_an_object", "detail": "element 0: telemetry is an array"}
    entry.refresh_from_db()
    assert (entry.reason, entry.detail) == ("not_an_object", "element 0: telemetry is an array")
    assert Quarantined.objects.count() == 1
    assert ledger() - before == {("received", ""): 1, ("quarantined", "not_an_object"): 1}


def test_case_b4_of_a_batch_the_good_elements_leave_and_the_bad_ones_stay(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'[{"a":1},5]')
    assert replay(worker, entry)["detail"] == "element 1: telemetry is a number"
    entry.refresh_from_db()
    assert bytes(entry.payload) == b"[5]"
    assert replay(worker, entry)["outcome"] == "quarantined"
    assert [one.metrics for one in Reading.objects.order_by("rev")] == [{"t": 1}, {"a": 1}]


def test_what_is_over_a_limit_is_rejected_and_leaves(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", json.dumps({f"m{n}": "x" * 40_000 for n in range(6)}).encode())
    worker.hear(delivery(A, "telemetry", {"long": "x" * 40_000}))
    assert replay(worker, entry)["reason"] == "metrics_too_large"
    assert not Quarantined.objects.exists()


def test_an_answer_to_a_command_counts_as_of_then(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    command("sent", NOW_MS + LATER_MS)
    pk = Command.objects.get().pk
    worker.hear(delivery(A, f"ack/{pk}", b"{"))
    entry = Quarantined.objects.get()
    Quarantined.objects.update(payload=b'{"status":"done"}')
    assert replay(worker, entry)["outcome"] == "applied"
    done = Command.objects.get()
    assert (done.status, done.timeline[-1]["at_ms"]) == ("done", NOW_MS)
    assert [one["status"] for one in worker.seen] == ["done"]


def test_an_answer_to_a_command_of_another_device_stays(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(B, "telemetry", {"t": 1}))
    command("sent", NOW_MS + LATER_MS, key=B)
    worker.hear(delivery(A, f"ack/{Command.objects.get().pk}", {"status": "done"}))
    assert replay(worker, Quarantined.objects.get())["reason"] == "unknown_command"
    assert Command.objects.get().status == "sent"


def test_two_who_replay_the_same_apply_it_once(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'{"h": 40}')
    requests = [worker.store(A, "replay", quarantined_id=entry.pk) for _ in range(3)]
    readings = Reading.objects.count()
    worker.round(requests=tuple(RequestStored(0, row.pk, "asker") for row in requests))
    while worker.last.next_ms == worker.now_ms:
        worker.round()
    for row in requests:
        row.refresh_from_db()
    assert [row.status for row in requests] == ["settled"] * 3
    assert [row.result.get("outcome", row.result.get("error")) for row in requests] == [
        "applied",
        "not_found",
        "not_found",
    ]
    assert Reading.objects.count() == readings + 1


def test_what_is_not_there_or_not_whole_or_nobodys_is_refused(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'{"h": 40}')
    worker.hear(delivery(B, "telemetry", {"t": 1}))
    for body in ({"quarantined_id": 10**6}, {"quarantined_id": "x"}, {"quarantined_id": True}, {}):
        assert worker.ask(A, "replay", **body)["error"] == "not_found"
    assert replay(worker, entry, key=B)["error"] == "not_found"
    Quarantined.objects.update(topic=f"elsewhere/{A}/telemetry")
    assert replay(worker, entry)["error"] == "conflict"
    Quarantined.objects.update(topic=f"devices/{A}/telemetry", truncated=True)
    assert replay(worker, entry)["error"] == "conflict"
    assert Quarantined.objects.count() == 1


def test_a_bug_or_a_row_that_is_refused_leaves_it_in_quarantine(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = quarantined(worker, "telemetry", b'{"h": 40}')

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "decode", broken)
        assert replay(worker, entry)["reason"] == "internal_error"
    entry.refresh_from_db()
    assert entry.reason == "internal_error"
    assert replay(worker, entry)["outcome"] == "applied"


def test_deleting_the_device_comes_first(worker: Worker) -> None:
    entry = quarantined(worker, "telemetry", b'{"h": 40}')
    deleting, replaying = worker.store(A, "delete"), worker.store(A, "replay", quarantined_id=entry.pk)
    worker.settle(deleting)
    worker.round()
    replaying.refresh_from_db()
    assert replaying.result["error"] == "not_found"
    assert not Device.objects.exists()


def test_what_came_by_a_mapping_is_read_by_the_rules_of_now(worker: Worker) -> None:
    rule = {"site": "home", "pattern": "weather/{device}/{metric}", "payload": "number"}
    row = Mapping.objects.create(rule=rule, changed_ms=1, created_by="ann")
    route = Mappings((rule_of(rule),)).route("weather/roof/t")
    assert isinstance(route, Route)
    fields = (route.source, route.kind, route.detail, b"21,5", NOW_MS, 1, False, False, 1)
    worker.hear(Delivery("weather/roof/t", *fields, dialect=route.dialect))
    entry = Quarantined.objects.get()
    worker.now_ms += LATER_MS
    assert worker.ask("home/roof", "replay", quarantined_id=entry.pk)["reason"] == "not_a_number"
    Mapping.objects.update(rule={**rule, "pattern": "weather/{device}/x/{metric}"})
    assert worker.ask("home/roof", "replay", quarantined_id=entry.pk)["error"] == "conflict", "no rule takes it"
    Mapping.objects.filter(pk=row.pk).update(rule={**rule, "decimal": ","})
    assert worker.ask("home/roof", "replay", quarantined_id=entry.pk)["outcome"] == "applied"
    reading = Reading.objects.get()
    assert (reading.device.key, reading.ts, reading.metrics) == ("home/roof", NOW_MS, {"t": 21.5})
    assert not Quarantined.objects.exists()


def test_what_came_on_a_topic_that_a_source_wants_is_read_by_its_dialect(db: None) -> None:
    topic, source = "plants/7/dose", "home/ha"
    SourceFilter.objects.create(source=source, dialect="homeassistant", topic_filter="plants/+/dose", **_FILTER)
    SourceFilter.objects.create(source=source, dialect="homeassistant", topic_filter=topic, **_FILTER)
    SourceFilter.objects.create(source="away/ha", dialect="homeassistant", topic_filter=topic, **_FILTER)
    spoken = (*NATIVE_ALONE, Enabled("homeassistant", (Base("home"), Base("away", "hass"))))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        worker, key = Worker(), f"{source}~plant-7"
        for one in rows("ha-discovery")[:1]:
            hear(worker, Route("homeassistant", source, "config", "device/plant-7"), one.topic, one.payload)
        hear(worker, Route("homeassistant", source, TOPIC, topic), topic, b"25")
        twin = twin_of(key)
        assert twin.metrics["dose"].value == 25
        kept = {"qos": 1, "retain": False, "received_ms": worker.now_ms, "reason": "internal_error"}
        device = Device.objects.get(key=key)
        for where in (topic, "plants/8/dose"):
            Quarantined.objects.create(device=device, topic=where, payload=b"30", **kept)
        other, mine = Quarantined.objects.order_by("-pk")
        assert replay(worker, mine, key) == {"outcome": "applied", "reason": "", "detail": ""}
        assert twin_of(key).metrics["dose"].value == 30
        assert replay(worker, other, key)["error"] == "conflict", "it is the source's, and says nothing of this device"


_FILTER: Any = {"qos": 1, "keep": False, "retained": "always", "big": False}


def hear(worker: Worker, route: Route, topic: str, payload: bytes) -> None:
    """As a gateway that has sorted it so."""
    fields = (topic, route.source, route.kind, route.detail, payload, worker.now_ms)
    how: dict[str, Any] = {"qos": 1, "retain": False, "dup": False, "packet_id": 1, "dialect": route.dialect}
    worker.hear(Delivery(*fields, **how))
