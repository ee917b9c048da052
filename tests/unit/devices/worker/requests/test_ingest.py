"""Messages over HTTP in a worker's rounds: by the same rules, counted once, and settled with what they do."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from devices.models import Event, LedgerCount, Quarantined, Reading, Request
from devices.requests.registry import register_device
from devices.worker.requests import pending_requests
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.conftest import GatewayLink

KEY = key_in(0)


@pytest.fixture(autouse=True)
def device(db: None) -> None:
    register_device(KEY)


def stored(worker: Worker, suffix: str, payload: bytes) -> Request:
    body = {"topic": f"devices/{KEY}/{suffix}", "payload": b64encode(payload).decode(), "digest": "d"}
    return worker.store(KEY, "ingest", received_ms=worker.now_ms, **body)


def send(worker: Worker, suffix: str, payload: bytes) -> Any:
    return worker.settle(stored(worker, suffix, payload))


def ledger() -> dict[tuple[str, str], int]:
    return {(row.outcome, row.reason): row.count for row in LedgerCount.objects.all() if row.count}


def test_it_is_applied_counted_and_settled_and_its_payload_forgotten(worker: Worker) -> None:
    assert send(worker, "telemetry", b'{"t": 21}') == {"outcome": "applied", "reason": "", "detail": ""}
    assert Reading.objects.get().metrics == {"t": 21}
    assert [item["readings"][0]["metrics"] for item in worker.seen if item.get("readings")] == [{"t": 21}]
    assert (twin_of(KEY).presence.status, twin_of(KEY).http) == ("online", True)
    assert ledger() == {("received", ""): 1, ("applied", ""): 1}
    assert Request.objects.get().body == {"digest": "d"}
    send(worker, "event/door", b'"open"')
    send(worker, "state", b'{"led": true}')
    assert Event.objects.get().name == "door"
    assert twin_of(KEY).reported.value == {"led": True}


def test_what_is_wrong_is_quarantined_by_the_same_rules(worker: Worker) -> None:
    answer = send(worker, "telemetry", b"{")
    assert (answer["outcome"], answer["reason"]) == ("quarantined", "bad_json")
    row = Quarantined.objects.get()
    assert (row.topic, bytes(row.payload)) == (f"devices/{KEY}/telemetry", b"{")
    assert ledger() == {("received", ""): 1, ("quarantined", "bad_json"): 1}


def test_what_is_blocked_is_rejected_and_counted(worker: Worker) -> None:
    worker.ask(KEY, "block")
    assert send(worker, "telemetry", b"{}")["reason"] == "blocked"
    assert ledger() == {("received", ""): 1, ("rejected", "blocked"): 1}
    assert not Reading.objects.exists()


@pytest.mark.parametrize(
    "topic", ["devices/other/x/telemetry", "devices/nonsense", "elsewhere/x", f"devices/{KEY}/a/b/c"]
)
def test_a_request_is_for_its_own_device_only(worker: Worker, topic: str) -> None:
    row = worker.store(KEY, "ingest", topic=topic, payload="", received_ms=1, digest="d")
    assert worker.settle(row)["error"] == "bad_request"
    assert ledger() == {}


def test_it_takes_effect_once_whoever_dies_before_the_commit(
    worker: Worker, another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stored(worker, "telemetry", b'{"t": 1}')
    with monkeypatch.context() as patch:

        def dies(_settled: Any) -> None:
            raise DatabaseError("gone")

        patch.setattr(pending_requests, "settle", dies)
        with pytest.raises(DatabaseError):
            worker.round()
    assert not Reading.objects.exists()
    heir = another_worker()
    heir.round()
    row.refresh_from_db()
    assert (row.status, Reading.objects.count(), ledger()[("received", "")]) == ("settled", 1, 1)
    heir.settle(row)
    assert Reading.objects.count() == 1, "a late nudge changes nothing"


def test_our_link_to_the_broker_tells_nothing_of_it_until_it_speaks_by_mqtt(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    send(worker, "telemetry", b'{"t": 1}')
    for link in gateways.values():
        link.broker_up = False
    for _ in range(8):
        worker.wait(1)
    assert twin_of(KEY).presence.status == "online"
    worker.wait(301)
    assert twin_of(KEY).presence.status == "stale"
    worker.hear(delivery(KEY, "telemetry", {"t": 2}, at_ms=worker.now_ms))
    assert not twin_of(KEY).http
