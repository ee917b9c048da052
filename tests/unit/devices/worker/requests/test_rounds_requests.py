"""Requests: desired, tags, delete, register; what is published as desired."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import json

from bridge.messages import Publish, RequestSettled, RequestStored
from devices.models import Command, Device, DeviceTag, LedgerCount, Reading, Request, RetiredKey, Twin
from devices.worker.requests import pending_requests
from tests.support.worlds import downlinks
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

A, B, ELSEWHERE = key_in(0), key_in(0, nth=1), key_in(1)


@pytest.fixture(autouse=True)
def device(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))


def desired(payload: Any, key: str = A) -> Publish:
    return downlinks.desired(0, key, payload if isinstance(payload, bytes) else json.encode(payload))


# ---- twins


def test_desired_is_changed_told_and_answered(worker: Worker) -> None:
    row = worker.store(A, "desired", patch={"target": 21}, if_version=None)
    assert worker.settle(row) == {"version": 1, "desired": {"target": 21}}
    told = b'{"version":1,"desired":{"target":21}}'
    assert worker.last.settled == [("asker", RequestSettled(row.pk, told))]
    assert worker.seen == [
        {"device": A, "prev": 2, "rev": 3, "readings": [], "desired": {"target": 21}, "desired_version": 1}
    ]
    assert twin_of(A).desired.value == {"target": 21}


def test_a_refused_change_changes_nothing(worker: Worker) -> None:
    assert worker.ask(A, "desired", patch={"a": 1}, if_version=3)["error"] == "conflict"
    assert worker.ask(A, "desired", patch=[1])["error"] == "bad_request"
    assert worker.ask(A, "tags", tags=["no good!"])["error"] == "bad_request"
    assert worker.ask(A, "settings", stale_after_s=0)["error"] == "bad_request"
    assert worker.ask(A, "settings", tags=[])["error"] == "bad_request"
    assert worker.ask(A, "dance")["error"] == "bad_request"
    assert worker.last.commits == []
    assert twin_of(A).rev == 2


@pytest.mark.parametrize("body", [[], None, "x", {"patch": {"a": [1, {"b": None}]}, "if_version": "x"}])
def test_an_odd_body_is_refused(worker: Worker, body: Any) -> None:
    row = worker.store(A, "desired")
    Request.objects.update(body=body)
    assert "error" in worker.settle(row)


def test_tags_are_changed(worker: Worker) -> None:
    assert worker.ask(A, "tags", tags=["b", "a"]) == {"tags": ["a", "b"]}
    assert Twin.objects.get().tags == ["a", "b"]
    assert worker.seen[0]["tags"] == ["a", "b"]


def test_devices_are_found_by_the_tags_that_they_have(worker: Worker) -> None:
    def found() -> list[str]:
        return list(DeviceTag.objects.order_by("tag").values_list("tag", flat=True))

    worker.ask(A, "tags", tags=["b", "a"])
    assert found() == ["a", "b"]
    assert "error" in worker.ask(A, "tags", tags=["no good!"])
    assert found() == ["a", "b"]
    worker.ask(A, "tags", tags=["c", "b"])
    assert found() == ["b", "c"]
    worker.hear(delivery(A, "telemetry", {"t": 3}))
    assert found() == ["b", "c"]
    worker.ask(A, "tags", tags=[])
    assert found() == []
    worker.ask(A, "tags", tags=["d"])
    worker.ask(A, "delete")
    assert found() == []


def test_case_b5_a_metric_is_removed_for_all_who_watch(worker: Worker) -> None:
    assert worker.ask(A, "metric", remove="t") == {}
    assert worker.seen == [{"device": A, "prev": 2, "rev": 3, "readings": [], "metrics": {"t": None}}]
    assert twin_of(A).metrics == {}
    assert worker.ask(A, "metric", remove="t")["error"] == "not_found"
    assert worker.ask(A, "metric", remove=None)["error"] == "bad_request"
    assert Reading.objects.count() == 1


def test_case_b5_a_full_device_lets_the_silent_metric_go_and_takes_the_new_one(
    another_worker: Callable[[], Worker], options: Callable[..., None]
) -> None:
    options(max_metrics_per_device=1)
    worker = another_worker()
    worker.hear(delivery(A, "telemetry", {"t": 2, "ts": worker.now_ms - 31 * 86_400_000}))
    worker.ask(A, "metric", remove="t")
    worker.hear(delivery(A, "telemetry", {"old": 2, "ts": worker.now_ms - 31 * 86_400_000}))
    worker.hear(delivery(A, "telemetry", {"new": 1}))
    assert list(twin_of(A).metrics) == ["new"]
    assert [one.get("metrics") for one in worker.seen] == [{"old": None}, None]
    assert worker.seen[1]["readings"][0]["metrics"] == {"new": 1}


def test_settings_are_changed_without_a_word_to_clients(worker: Worker) -> None:
    assert worker.ask(A, "settings", stale_after_s=10) == {"stale_after_s": 10}
    assert ([commit.changes for commit in worker.last.commits], twin_of(A).rev) == ([()], 2)
    assert Device.objects.get().stale_after_s == 10
    assert worker.ask(A, "settings", stale_after_s=None) == {"stale_after_s": None}
    assert Device.objects.get().stale_after_s is None


def test_requests_are_carried_out_in_order_whatever_the_nudges(worker: Worker) -> None:
    rows = [worker.store(A, "desired", patch={"n": number}) for number in range(3)]
    worker.settle(rows[2])
    results = [Request.objects.get(pk=row.pk).result for row in rows]
    assert results == [{"version": number + 1, "desired": {"n": number}} for number in range(3)]
    assert twin_of(A).desired.value == {"n": 2}


def test_a_large_result_is_not_told_but_read(worker: Worker) -> None:
    row = worker.store(A, "desired", patch={"text": "x" * 20_000})
    assert worker.settle(row)["desired"] == {"text": "x" * 20_000}
    assert worker.last.settled == [("asker", RequestSettled(row.pk))]


def test_a_request_whose_nudge_was_lost_is_found(worker: Worker) -> None:
    row = worker.store(A, "desired", patch={"n": 1})
    worker.wait(1)
    row.refresh_from_db()
    assert row.status == "settled"
    worker.round(requests=(RequestStored(0, row.pk, "late asker"),))
    assert worker.last.settled == [("late asker", RequestSettled(row.pk))]


def test_a_withdrawn_request_is_not_carried_out(worker: Worker) -> None:
    row = worker.store(A, "desired", patch={"n": 1})
    Request.objects.update(status="withdrawn")
    worker.round(requests=(RequestStored(0, row.pk, "asker"),))
    assert twin_of(A).desired.value == {}
    assert worker.last.settled == [("asker", RequestSettled(row.pk))]


def test_one_withdrawn_at_the_last_moment_is_not_carried_out_either(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = worker.store(A, "desired", patch={"n": 1})
    real = pending_requests.held

    def held(ids: Any) -> Any:
        Request.objects.update(status="withdrawn")
        return real(ids)

    monkeypatch.setattr(pending_requests, "held", held)
    worker.round(requests=(RequestStored(0, row.pk, "asker"),))
    assert twin_of(A).desired.value == {}


def test_more_than_a_round_of_requests(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_requests, "ROUND_LIMIT", 3)
    rows = [worker.store(A, "desired", patch={"n": number}) for number in range(8)]
    nudges = tuple(RequestStored(0, row.pk, "asker") for row in rows)
    worker.round(requests=nudges)
    told = [settled.request_id for _, settled in worker.last.settled]
    while len(told) < 8:
        assert worker.last.next_ms == worker.now_ms, "there is more to do"
        worker.round()
        told += [settled.request_id for _, settled in worker.last.settled]
    assert told == [row.pk for row in rows]


@pytest.mark.parametrize("kind", ["desired", "tags", "delete"])
def test_an_unknown_device_has_nothing_to_change(worker: Worker, kind: str) -> None:
    assert worker.ask(B, kind)["error"] == "not_found"
    assert Device.objects.count() == 1


def test_a_request_under_the_wrong_shard_is_refused(worker: Worker) -> None:
    row = worker.store(A, "tags", tags=["a"])
    Request.objects.update(hash=1)
    row.hash = 1
    assert worker.settle(row)["error"] == "bad_request"


def test_requests_of_shards_that_others_own_are_theirs(another_worker: Callable[[], Worker]) -> None:
    one = another_worker()
    one.shards = frozenset({1})
    row = one.store(A, "tags", tags=["a"])
    one.round()
    row.refresh_from_db()
    assert row.status == "pending"


def test_a_bug_in_one_request_costs_that_only(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("devices.worker.requests.requests.set_tags", broken)
    first = worker.store(A, "tags", tags=["a"])
    second = worker.store(A, "desired", patch={"n": 1})
    assert worker.settle(second)["version"] == 1
    first.refresh_from_db()
    assert first.result["error"] == "unavailable"


# ---- registering and deleting


def test_a_device_is_registered_and_told(worker: Worker, options: Callable[..., None]) -> None:
    assert worker.ask(B, "register") == {}
    assert worker.seen == [{"device": B, "prev": 0, "rev": 1, "readings": []}]
    assert worker.ask(B, "register") == {}
    assert worker.last.commits == []
    assert Twin.objects.get(device__key=B).rev == 1


def test_registering_needs_no_auto_register_but_room(
    options: Callable[..., None], another_worker: Callable[[], Worker]
) -> None:
    options(auto_register=False, max_devices=2)
    worker = another_worker()
    assert worker.ask(B, "register") == {}
    assert worker.ask(key_in(0, nth=2), "register")["error"] == "rate_limited"


@pytest.mark.parametrize("key", ["nonsense", "a/b/c", "a/é"])
def test_only_a_key_can_be_registered(worker: Worker, key: str) -> None:
    assert worker.ask(key, "register")["error"] == "bad_request"


def test_what_is_asked_of_a_deleted_device_is_refused_though_the_broker_still_retains_something_of_it(
    worker: Worker,
) -> None:
    worker.ask(A, "delete")
    asked = worker.store(A, "tags", tags=["p"])
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 2}, retain=True))
    worker.round(batches=(batch,), requests=(RequestStored(asked.hash % 4, asked.pk, "asker"),))
    asked.refresh_from_db()
    assert (asked.status, asked.result["error"]) == ("settled", "not_found")
    assert not Device.objects.exists()


def test_a_deleted_device_is_gone(worker: Worker) -> None:
    worker.hear(delivery(A, "event/x", {}), delivery(A, "telemetry", b"{"))
    rev = twin_of(A).rev
    assert worker.ask(A, "delete") == {}
    assert worker.seen == [{"gone": A}]
    for model in (Device, Twin, Command):  # what else hangs on it goes step by step: test_retention.py
        assert not model._default_manager.exists(), model
    assert RetiredKey.objects.get().rev == rev
    assert worker.ask(A, "tags", tags=[])["error"] == "not_found"


def test_its_successor_goes_on_with_the_revs(worker: Worker) -> None:
    worker.ask(A, "delete")
    worker.hear(delivery(A, "telemetry", {"t": 2}))
    assert worker.seen[0]["prev"] == 3
    assert Reading.objects.get(device__key=A).rev == 4
    worker.ask(A, "delete")
    assert RetiredKey.objects.get().rev == 5


def test_what_comes_with_the_deletion_is_counted(worker: Worker) -> None:
    row = worker.store(A, "delete")
    worker.round(
        requests=(RequestStored(0, row.pk, "asker"),),
        batches=(worker.uplink.batch(delivery(A, "telemetry", {"t": 2}), delivery(A, "telemetry", b"{")),),
    )
    counted = {(one.outcome, one.count) for one in LedgerCount.objects.all()}
    assert counted == {("received", 3), ("applied", 2), ("quarantined", 1)}
    assert not Device.objects.exists()
    assert worker.seen == [{"gone": A}]


def test_what_follows_a_deletion_finds_the_device_gone(worker: Worker) -> None:
    deleting, tagging, registering = worker.store(A, "delete"), worker.store(A, "tags"), worker.store(A, "register")
    worker.settle(deleting)
    assert worker.last.next_ms == worker.now_ms, "there is more to do"
    worker.round()
    for row in (tagging, registering):
        row.refresh_from_db()
    assert registering.result == {}
    assert Device.objects.get().key == A
    assert tagging.status == "settled"


# ---- the desired topic


def test_what_reported_lacks_is_published_until_the_broker_confirms(worker: Worker) -> None:
    worker.ask(A, "desired", patch={"target": 21, "mode": "eco"})
    payload = {"version": 1, "delta": {"target": 21, "mode": "eco"}}
    assert worker.sent == [desired(payload)]
    assert worker.wait(5).downlinks, "again"
    worker.published(desired(payload))
    assert worker.last.commits == [], "nothing that a client could see"
    assert worker.wait(100).downlinks == []
    assert twin_of(A).desired_published == json.encode(payload).decode()


def test_it_shrinks_as_reported_follows_and_is_cleared_in_the_end(worker: Worker) -> None:
    worker.ask(A, "desired", patch={"target": 21, "mode": "eco"})
    worker.published(worker.sent[0])
    worker.hear(delivery(A, "state", {"target": 21}))
    assert worker.sent == [desired({"version": 1, "delta": {"mode": "eco"}})]
    worker.hear(delivery(A, "state", {"mode": "eco"}))
    assert worker.sent == [desired(b"")]
    worker.published(desired(b""))
    assert worker.wait(100).downlinks == []
    assert twin_of(A).desired_published == ""


def test_a_late_confirmation_of_a_former_payload_is_none_of_the_newer(worker: Worker) -> None:
    worker.ask(A, "desired", patch={"n": 1})
    former = worker.sent[0]
    worker.ask(A, "desired", patch={"n": 2})
    newer = worker.sent[0]
    assert former != newer
    worker.published(former)
    assert worker.sent == []
    assert worker.wait(5).downlinks == [(worker.last.downlinks[0][0], newer)]
    worker.published(newer)
    assert worker.wait(100).downlinks == []


def test_a_refused_publish_is_tried_again(worker: Worker) -> None:
    worker.ask(A, "desired", patch={"n": 1})
    worker.published(worker.sent[0], ok=False, reason="broker link down")
    assert worker.last.downlinks == []
    assert worker.wait(5).downlinks


def test_after_a_takeover_only_what_is_unconfirmed_is_published(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.hear(delivery(B, "telemetry", {"t": 1}))
    worker.ask(A, "desired", patch={"n": 1})
    worker.published(worker.sent[0])
    worker.ask(B, "desired", patch={"n": 2})
    other = another_worker()
    other.round()
    assert other.sent == [desired({"version": 1, "delta": {"n": 2}}, B)]


def test_a_deleted_devices_desired_topic_is_cleared(worker: Worker) -> None:
    worker.ask(A, "desired", patch={"n": 1})
    worker.published(worker.sent[0])
    worker.ask(A, "delete")
    assert worker.sent == [desired(b"")]
    assert worker.wait(5).downlinks, "again"
    worker.published(desired(b""))
    assert worker.wait(1000).downlinks == []


def test_a_successors_desired_topic_may_still_hold_what_its_predecessor_left(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.ask(A, "desired", patch={"n": 1})
    worker.published(worker.sent[0])
    worker.ask(A, "delete")
    other = another_worker()  # knows nothing of the clearing
    other.round()
    other.hear(delivery(A, "telemetry", {"t": 1}))
    assert other.sent == [desired(b"")]
    other.published(desired(b""))
    assert twin_of(A).desired_published == ""


def test_a_device_that_is_never_asked_for_anything_costs_no_publish(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    assert all(not result.downlinks for result in worker.results)
