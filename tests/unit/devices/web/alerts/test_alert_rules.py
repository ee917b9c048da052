"""Alert rules and alerts over HTTP: who may do what, and what a backtest says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.test import AsyncClient, Client

from bridge.shards import device_hash
from devices.models import Alert, AlertRule, Change, Device, Reading, Request, Site, Twin
from devices.rules.twin import TwinState, dump
from devices.web.alerts import alerts
from runtime.database_clock import unix_ms

JSON = "application/json"
URL = "/api/v1/alert-rules"
RULE: dict[str, Any] = {
    "name": "hot", "scope": {"site": "demo", "tags": [], "devices": []},
    "condition": {"metric": "t", "above": 30, "clear_below": 28}, "for_s": 60, "severity": "warning", "enabled": True,
}  # fmt: skip


@pytest.fixture
def admin(as_role: Callable[..., Client]) -> Client:
    return as_role("ann", demo="admin")


def made(client: Client, **rule: Any) -> Any:
    return client.post(URL, {**RULE, **rule}, JSON)


def device(key: str, *, tags: tuple[str, ...] = ()) -> Device:
    """One without anything."""
    site = Site.objects.get_or_create(name=key.partition("/")[0])[0]
    one = Device.objects.create(site=site, key=key, hash=device_hash(key))
    Twin.objects.create(device=one, doc=dump(TwinState()), rev=0, status="online", tags=list(tags))
    return one


def alert(key: str, raised_ms: int = 1, **more: Any) -> Alert:
    fields = {"rule": 1, "rule_name": "hot", "severity": "warning", "kind": "above", "metric": "t", "state": "firing"}
    its = {"device": key, "site": key.partition("/")[0], "hash": device_hash(key), "raised_ms": raised_ms}
    return Alert.objects.create(**fields | its | more)


def test_a_rule_is_made_changed_and_deleted(admin: Client) -> None:
    answer = made(admin)
    assert answer.status_code == 201, answer.content
    one = answer.json()
    assert {**one, "scope": one["scope"] | {"tags": [], "devices": []}} == one | RULE | {"scope": one["scope"]}
    assert (one["version"], one["flap"], one["created_by"][:9]) == (1, {"count": 5, "within_s": 600}, "token:ann")
    assert admin.get(URL).json()["items"] == [one]
    path = f"{URL}/{one['id']}"
    changed = admin.put(path, {**one, "severity": "critical", "flap": None}, JSON)
    assert changed.status_code == 200, changed.content
    assert (changed.json()["version"], changed.json()["flap"], changed["ETag"]) == (2, None, '"2"')
    versions = admin.get(f"{path}/versions").json()["items"]
    assert [(row["version"], row["rule"]["severity"]) for row in versions] == [(2, "critical"), (1, "warning")]
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_a_change_of_how_it_judges_is_told_from_one_that_is_not(admin: Client) -> None:
    one = made(admin).json()
    path = f"{URL}/{one['id']}"
    admin.put(path, {**one, "name": "very hot"}, JSON)
    assert AlertRule.objects.get().judged_as == 1
    admin.put(path, {**one, "for_s": 61}, JSON)
    assert AlertRule.objects.get().judged_as == 3


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"condition": {"metric": "t"}}, "exactly one of"),
        ({"condition": {"metric": "t", "above": 1, "below": 2}}, "exactly one of"),
        ({"condition": {"above": 1}}, "metric"),
        ({"condition": {"metric": "t", "above": 1, "clear_below": 2}}, "clear_below"),
        ({"condition": {"metric": "t", "above": 1, "clear_above": 2}}, "clear_above"),
        ({"condition": {"no_data_s": 0}}, "no_data_s"),
        ({"condition": {"presence": "unknown"}}, "presence"),
        ({"condition": {"expression": "__import__('os').getcwd() == 1"}}, "expression"),
        ({"condition": {"event": "a b"}}, "event"),
        ({"condition": {"event": "a"}, "for_s": 5}, "for_s"),
        ({"scope": {"site": "demo", "devices": ["home/x"]}}, "devices"),
        ({"severity": "awful"}, "severity"),
        ({"schedule": {"time_zone": "Mars/Olympus"}}, "time_zone"),
        ({"schedule": {"from": "25:00"}}, "from"),
        ({"flap": {"count": 0, "within_s": 1}}, "flap"),
        ({"for": 5}, "for"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(admin: Client, wrong: dict[str, Any], why: str) -> None:
    answer = made(admin, **wrong)
    assert (answer.status_code, why in answer.json()["detail"]) == (400, True), answer.content


def test_who_may_what(admin: Client, as_role: Callable[..., Client]) -> None:
    everywhere, viewer = as_role("eve", all="admin"), as_role("vic", demo="viewer", home="admin")
    mine, theirs = made(admin).json()["id"], made(everywhere, name="all", scope=None).json()["id"]
    assert made(admin, scope={"site": "home"}).status_code == 403
    assert made(admin, scope={}).status_code == 403
    assert made(admin, name="by key", scope={"devices": ["demo/a"]}).status_code == 201
    assert [row["id"] for row in viewer.get(URL).json()["items"]][:2] == [mine, theirs]
    assert viewer.delete(f"{URL}/{mine}").status_code == 403
    assert as_role("otto", home="viewer").get(f"{URL}/{mine}").status_code == 404
    assert admin.put(f"{URL}/{mine}", {**RULE, "scope": {}}, JSON).status_code == 403


def test_alerts_are_listed_newest_first_to_whom_they_concern(as_role: Callable[..., Client]) -> None:
    rows = [alert(f"demo/d{number % 3}", raised_ms=number // 2) for number in range(10)]
    alert("home/x", 99)
    Alert.objects.filter(pk=rows[3].pk).update(state="resolved", cleared_ms=5)
    client = as_role("vic", demo="viewer")
    found, cursor = [], ""
    while True:
        page = client.get(f"/api/v1/alerts?limit=3{cursor}").json()
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [one["raised"] for one in found] == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
    assert len({one["id"] for one in found}) == 10
    assert [one["id"] for one in client.get("/api/v1/alerts?state=resolved").json()["items"]] == [str(rows[3].pk)]
    assert len(client.get("/api/v1/alerts?device=demo/d0&state=firing").json()["items"]) == 3
    assert client.get("/api/v1/alerts?site=home").json()["items"] == []
    assert client.get("/api/v1/alerts?state=odd").status_code == 400
    shown = client.get(f"/api/v1/alerts/{rows[0].pk}").json()
    named = ("id", "rule", "device", "state", "snoozed_until", "severity", "count", "value", "raised", "cleared")
    assert {name: shown[name] for name in named} == dict(
        zip(named, (str(rows[0].pk), 1, "demo/d0", "firing", None, "warning", 1, None, 0, None), strict=True)
    )
    assert client.get(f"/api/v1/alerts/{uuid4()}").status_code == 404
    assert client.get("/api/v1/alerts/7").status_code == 404


async def test_what_operators_do_is_asked_of_the_worker(
    async_as_role: Callable[..., AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:

    asked: list[dict[str, Any]] = []

    async def ask(key: str, kind: str, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked.append({"key": key, "kind": kind, **body})
        return {}

    monkeypatch.setattr(alerts, "ask", ask)
    one = await sync_to_async(alert)("demo/a")
    make = sync_to_async(async_as_role)
    operator, viewer = await make("ola", demo="operator"), await make("vic", demo="viewer")
    path = f"/api/v1/alerts/{one.pk}"
    for suffix, body in (
        ("acknowledge", {}),
        ("comment", {"text": "x"}),
        ("snooze", {"for_s": 60}),
        ("assign", {"assignee": "ann"}),
    ):
        assert (await viewer.post(f"{path}/{suffix}", body, JSON)).status_code == 403
        assert (await operator.post(f"{path}/{suffix}", body, JSON)).status_code == 200
    for body in ({}, {"for_s": 1, "until": 5}, {"for_s": 99 * 86_400}):
        assert (await operator.post(f"{path}/snooze", body, JSON)).status_code == 400
    for suffix, body in (("comment", {"comment": "y"}), ("snooze", {"snoozed_until": 0}), ("snooze", {"until": 0})):
        assert (await operator.post(f"{path}/{suffix}", body, JSON)).status_code == 200
    assert (await operator.post(f"{path}/comment", {"text": ""}, JSON)).status_code == 400
    assert {(row["key"], row["kind"], row["alert"]) for row in asked} == {("demo/a", "alert", str(one.pk))}
    assert (asked[0]["acknowledge"], asked[1]["comment"], asked[3]["assignee"]) == (True, "x", "ann")
    assert abs(asked[2]["snooze_until_ms"] - unix_ms() - 60_000) < 30_000


def test_rules_come_from_files(db: None, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("- {name: hot, condition: {metric: t, above: 30}}\n- {name: dead, condition: {no_data_s: 60}}\n")
    call_command("load_alert_rules", str(file))
    call_command("load_alert_rules", str(file))
    assert [(row.name, row.version) for row in AlertRule.objects.order_by("pk")] == [("hot", 1), ("dead", 1)]
    file.write_text("- {name: hot, condition: {metric: t, above: 31}}\n")
    call_command("load_alert_rules", str(file), "--replace")
    assert [(row.name, row.version) for row in AlertRule.objects.all()] == [("hot", 2)]
    for text in ("a: b", "- {name: x}", "- !!python/object/apply:os.getcwd []", "- [", "- 5"):
        file.write_text(text)
        with pytest.raises(CommandError):
            call_command("load_alert_rules", str(file))


# ---- backtest

MINUTE = 60_000


def test_a_backtest_says_what_would_have_been(admin: Client) -> None:
    begin = unix_ms() // MINUTE * MINUTE - 100 * MINUTE
    one, other = device("demo/a"), device("demo/b")
    device("demo/c")
    values = [20, 31, 29, 29, 27, 31, 31, 31, 20, None, "x", 40]
    rows = [(one, index + 1, begin + index * MINUTE, value) for index, value in enumerate(values)]
    rows += [(other, 1, begin, 99), (other, 2, begin - 500 * MINUTE, 99)]
    Reading.objects.bulk_create(
        Reading(device=of, rev=rev, ts=ts, received_ms=begin, metrics={"t": value, "u": 1})
        for of, rev, ts, value in rows
    )
    Change.objects.create(
        shard=0, commit=1, nth=1, device="demo/b", at_ms=begin + 30_000, kind="presence", actor="", undo=None,
        patch={"status": "offline", "since": begin + 30_000, "why": "will"},
    )  # fmt: skip

    def tried(**rule: Any) -> list[tuple[str, int, int | None]]:
        body = {"rule": {**RULE, **rule}, "since": begin, "until": begin + 50 * MINUTE}
        answer = admin.post(f"{URL}/backtest", body, JSON)
        assert answer.status_code == 200, answer.content
        items = answer.json()["items"]
        times = [(row["raised"] - begin, None if row["cleared"] is None else row["cleared"] - begin) for row in items]
        return [
            (row["device"], raised // 1000, cleared if cleared is None else cleared // 1000)
            for row, (raised, cleared) in zip(items, times, strict=True)
        ]

    assert tried(for_s=0) == [
        ("demo/a", 60, 240), ("demo/a", 300, 480), ("demo/a", 660, None), ("demo/b", 0, None)
    ]  # fmt: skip
    assert tried() == [("demo/a", 120, 240), ("demo/a", 360, 480), ("demo/a", 720, None)], "b was away before its time"
    assert tried(for_s=0, condition={"expression": "t > 30 and u == 1"}, scope={"devices": ["demo/a"]}) == [
        ("demo/a", 60, 120), ("demo/a", 300, 480), ("demo/a", 660, None)
    ]  # fmt: skip
    assert tried(for_s=0, condition={"metric": "t", "rate_above": 0.15}) == [("demo/a", 60, 120)]
    assert tried(for_s=0, condition={"no_data_s": 90, "metric": "t"}) == [
        ("demo/a", 570, 600), ("demo/a", 750, None), ("demo/b", 90, None)
    ]  # fmt: skip
    assert tried(for_s=0, condition={"presence": "offline"}) == [("demo/b", 30, None)]


def test_a_backtest_is_bounded(admin: Client) -> None:
    for since, until in ((5, 5), (-1, 5), (0, None), (unix_ms() + MINUTE, None)):
        body = {"rule": RULE, "since": since, "until": until}
        assert admin.post(f"{URL}/backtest", body, JSON).status_code == 400
    assert Request.objects.count() == 0
