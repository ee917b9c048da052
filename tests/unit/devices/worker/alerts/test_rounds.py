"""Alerts in rounds: raised and cleared once, with the effect."""

from itertools import count
from typing import Any

import pytest
from msgspec import json

from bridge.messages import AlertStep, RequestStored
from devices.models import Alert, AlertProgress, AlertRule, Change
from devices.worker.effects.rate_gate import RateGate
from devices.worker.presence.gateway_links import GONE_MS
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker
from tests.unit.devices.worker.conftest import GatewayLink

A, B = key_in(0), key_in(1)
_changed = count(1)
HOT = {"metric": "t", "above": 30, "clear_below": 28}


def rule(condition: dict[str, Any], **more: Any) -> AlertRule:
    """A new one."""
    value = {"name": "hot", "condition": condition, **more}
    site = value.get("scope", {}).get("site", "")
    changed = next(_changed)
    return AlertRule.objects.create(name=value["name"], site=site, rule=value, changed_ms=changed, judged_as=changed)


def steps(worker: Worker) -> list[tuple[str, str]]:
    """What browsers were told of alerts by all rounds: device and state."""
    told = [
        json.decode(change.alert)
        for results in worker.results
        for commit in results.commits
        for change in commit.changes
        if isinstance(change, AlertStep)
    ]
    return [(one["device"], one["state"]) for one in told]


def measure(worker: Worker, key: str, value: object, at_s: float = 0, **more: Any) -> None:
    at_ms = worker.now_ms + round(1000 * at_s)
    worker.hear(delivery(key, "telemetry", {"t": value, **more}, at_ms=at_ms))


def test_a_threshold_raises_once_and_clears_with_hysteresis(worker: Worker) -> None:
    rule(HOT)
    for value in (20, 31, 35, 29, 27, 27):
        worker.wait(1)
        measure(worker, A, value)
    alert = Alert.objects.get()
    assert (alert.state, alert.value, alert.raised_ms, alert.cleared_ms) == (
        "resolved", 31, NOW_MS + 2_000, NOW_MS + 5_000
    )  # fmt: skip
    assert steps(worker) == [(A, "firing"), (A, "resolved")]
    assert [change.patch["step"] for change in Change.objects.filter(kind="alert").order_by("commit")] == [
        "raised", "cleared"
    ]  # fmt: skip


def test_a_rule_that_is_new_judges_what_is_known(worker: Worker) -> None:
    measure(worker, A, 31)
    rule(HOT)
    worker.wait(1)
    assert steps(worker) == [(A, "firing")]
    assert Alert.objects.get().raised_ms == NOW_MS


def test_a_word_of_changed_rules_is_enough(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(worker, A, 31)
    monkeypatch.setattr(RateGate, "__call__", lambda self: False)
    rule(HOT)
    worker.round()
    assert steps(worker) == []
    worker.round(requests=(RequestStored(0, 0, ""),))
    assert steps(worker) == [(A, "firing")]
    assert worker.last.settled == []


def test_late_data_change_nothing(worker: Worker) -> None:
    rule(HOT)
    measure(worker, A, 20)
    measure(worker, A, 99, ts=NOW_MS - 60_000)
    worker.hear(*(delivery(A, "telemetry", {"t": 99, "ts": NOW_MS - at}) for at in (70_000, 50_000)))
    assert steps(worker) == []


def test_a_restart_goes_on(worker: Worker, another_worker: Any) -> None:
    rule(HOT, for_s=60)
    measure(worker, A, 31)
    assert AlertProgress.objects.count() == 1
    other = another_worker()
    other.now_ms = worker.now_ms + 30_000
    other.round()
    other.wait(29)
    assert steps(other) == []
    other.wait(2)
    assert steps(other) == [(A, "firing")]
    third = another_worker()
    third.now_ms = other.now_ms + 10_000
    measure(third, A, 31)
    measure(third, A, 5)
    assert steps(third) == [(A, "resolved")]
    assert Alert.objects.count() == 1


def test_no_data_waits_for_the_link(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    rule({"no_data_s": 60})
    measure(worker, A, 1)
    measure(worker, B, 1)
    worker.wait(30)
    gateways[GATEWAY].broker_up = False
    worker.round()
    worker.wait((GONE_MS + 1_000) / 1000)
    worker.wait(600)
    assert steps(worker) == []
    link = gateways[GATEWAY]
    link.broker_up, link.since_ms = True, worker.now_ms
    measure(worker, A, 1, 1)
    worker.wait(50)
    measure(worker, A, 1)
    assert steps(worker) == []
    for _ in range(12):
        worker.wait(1)
    assert steps(worker) == [(B, "firing")]
    measure(worker, B, 1)
    assert steps(worker) == [(B, "firing"), (B, "resolved")]


def test_an_outage_of_the_broker_raises_nothing_and_hides_no_dead_device(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    """Ten minutes; all devices are under rules of silence and of presence, and one does not come back."""
    keys = [f"demo/many{number}" for number in range(60)]
    rule({"no_data_s": 120}, name="silent")
    rule({"presence": ["offline", "stale"]}, name="away")
    worker.hear(*(delivery(key, "telemetry", {"t": 1}, at_ms=worker.now_ms) for key in keys))
    worker.wait(30)
    link = gateways[GATEWAY]
    link.broker_up, link.since_ms, link.drained_ms = False, worker.now_ms, worker.now_ms
    worker.hear(*(delivery(key, "status", "offline", at_ms=worker.now_ms) for key in keys[30:]))  # wills of its end
    for _ in range(20):
        worker.wait(30)
    assert steps(worker) == []
    link.broker_up, link.since_ms = True, worker.now_ms
    worker.round()
    link.drained_ms = 2**60
    back_ms = worker.now_ms
    for _ in range(12):
        worker.wait(30)
        worker.hear(*(delivery(key, "telemetry", {"t": 1}, at_ms=worker.now_ms) for key in keys[1:]))
    assert {device for device, _ in steps(worker)} == {keys[0]}
    raised = dict(Alert.objects.values_list("rule_name", "raised_ms"))
    assert raised["silent"] == back_ms + 120_000
    assert set(raised) == {"silent", "away"}


def test_a_rule_that_is_deleted_or_changed_ends_its_alerts(worker: Worker) -> None:
    row = rule(HOT)
    measure(worker, A, 31)
    row.delete()
    worker.wait(1)
    assert steps(worker) == [(A, "firing"), (A, "resolved")]
    assert AlertProgress.objects.count() == 0


def test_an_alert_is_acknowledged_by_request(worker: Worker) -> None:
    rule(HOT)
    measure(worker, A, 31)
    alert = Alert.objects.get()
    body = {"alert": str(alert.pk), "at": "2027-01-15T08:00:00.000Z"}
    assert worker.ask(A, "alert", **body, acknowledge=True)["state"] == "acknowledged"
    assert worker.ask(A, "alert", **body, comment="on my way")["comments"][0]["text"] == "on my way"
    assert worker.ask(B, "alert", **body, acknowledge=True)["error"] == "not_found"
    measure(worker, A, 3)
    assert worker.ask(A, "alert", **body, acknowledge=True)["error"] == "conflict"
    assert [state for _, state in steps(worker)] == ["firing", "acknowledged", "acknowledged", "resolved"]


@pytest.mark.parametrize("away", ["deleted", "tags"])
def test_a_device_that_leaves_takes_its_alerts_with_it(worker: Worker, away: str) -> None:
    rule(HOT, scope={"tags": ["watched"]})
    measure(worker, A, 31)
    worker.ask(A, "tags", tags=["watched"])
    worker.round()
    assert steps(worker) == [(A, "firing")]
    if away == "deleted":
        worker.ask(A, "delete")
    else:
        worker.ask(A, "tags", tags=[])
    worker.round()
    assert steps(worker) == [(A, "firing"), (A, "resolved")]
