"""Devices over HTTP: lists, one, changes, deletion, rights."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from bridge.dialects.native.payloads import decode
from bridge.observations import (
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)
from devices.models import Description, Device, Request, RetiredKey
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.requested import set_desired, set_tags
from devices.rules.stream import snapshot
from devices.rules.twin import TwinState, load_value
from devices.web.api.schemas import Device as DeviceSchema
from tests.support.worlds.fake_worker import FakeWorker, set_twin

AsRole = Callable[..., Client]
AsyncAsRole = Callable[..., AsyncClient]
T0 = 1_790_000_000_000


def lively(twin: TwinState) -> None:
    """Let something of everything happen."""
    for decoded in (
        StatusReported(True),
        Telemetry((RawReading(T0 - 5, {"t": 21.5, "ok": True, "label": "ü", "none": None, "n": 3}),)),
        StatePatch({"led": {"on": True}, "list": [1, 2]}),
    ):
        reduce(twin, decoded, Arrival(T0), Limits())
    set_desired(twin, {"led": {"on": False}}, None)
    set_tags(twin, ["red", "hall"])


def tagged(*tags: str) -> Callable[[TwinState], object]:
    return lambda twin: set_tags(twin, list(tags))


def keys(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["device"] for item in response.json()["items"]]


def test_one_device_has_the_sections_of_the_snapshot(as_role: AsRole) -> None:
    device = set_twin("demo/lamp", lively)
    answer = as_role(demo="viewer").get("/api/v1/devices/demo/lamp")
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    DeviceSchema.model_validate(body, strict=True)
    assert set(body) == set(DeviceSchema.model_fields) - {"description"}, "nothing is known of what it is"
    sections = snapshot("demo/lamp", load_value(device.twin.doc))
    assert {name: body[name] for name in sections} == sections
    assert body["presence"] == {"status": "online", "since": T0, "why": "birth"}
    assert body["metrics"]["t"] == {"value": 21.5, "ts": T0 - 5}
    assert (body["site"], body["name"], body["stale_after_s"]) == ("demo", "lamp", None)
    assert body["last_seen_at"] == "2026-09-21T14:13:20.000Z"
    assert body["created_at"].endswith("Z")


def test_notes_tell_what_was_not_taken_as_it_came(as_role: AsRole) -> None:
    def noted(twin: TwinState) -> None:
        lively(twin)
        for at, payload in ((T0, b'{"a":NaN,"b":1}'), (T0 + 1, b'{"c":9007199254740993}'), (T0 + 2, b'{"a":-inf}')):
            assert reduce(twin, decode("telemetry", "", payload), Arrival(at), Limits()).outcome == "applied"

    set_twin("demo/lamp", noted)
    body = as_role(demo="viewer").get("/api/v1/devices/demo/lamp/notes").json()
    assert body == {
        "items": [
            {
                "reason": "not_finite",
                "metric": "a",
                "count": 2,
                "sample": "-inf",
                "last_at": "2026-09-21T14:13:20.002Z",
            },
            {
                "reason": "integer_too_large",
                "metric": "c",
                "count": 1,
                "sample": "9007199254740993",
                "last_at": "2026-09-21T14:13:20.001Z",
            },
        ],
        "next": None,
    }


def test_lists_are_filtered(as_role: AsRole) -> None:
    set_twin("a/lamp-1", lively)
    set_twin("a/pump", tagged("red", "big"))
    set_twin("b/Lamp-2", tagged("redder"))
    set_twin("b/x_y")
    client = as_role(all="viewer")

    def found(query: str) -> list[str]:
        return keys(client.get(f"/api/v1/devices?{query}"))

    assert found("") == ["a/lamp-1", "a/pump", "b/Lamp-2", "b/x_y"]
    assert found("site=b") == ["b/Lamp-2", "b/x_y"]
    assert found("site=nowhere") == []
    assert found("q=lamp") == ["a/lamp-1", "b/Lamp-2"]
    assert found("q=_") == ["b/x_y"], "no wildcard"
    assert found("q=%25") == []
    assert found("tag=red") == ["a/lamp-1", "a/pump"]
    assert found("tag=Red") == []
    assert found('tag=red","hall') == []
    assert found("status=online") == ["a/lamp-1"]
    assert found("status=unknown&site=b&q=lamp") == ["b/Lamp-2"]


def test_they_are_found_by_a_part_of_their_name_too(as_role: AsRole) -> None:
    for key, name in (("a/0x1", "Küche 100%"), ("a/kitchen", ""), ("a/pump", "Kitchen (Küche)"), ("b/0x2", "Küche")):
        Description.objects.create(device=set_twin(key), doc={}, folded_name=name.casefold())
    set_twin("a/undescribed")
    client = as_role(a="viewer")

    def found(query: str) -> list[str]:
        return keys(client.get(f"/api/v1/devices?{query}"))

    assert found("q=KÜCHE") == ["a/0x1", "a/pump"]
    assert found("q=KITCHEN") == ["a/kitchen", "a/pump"]
    assert found("q=100%25") == ["a/0x1"]
    assert found("q=%25%25") == []
    assert found("q=küche&status=online") == []
    first = client.get("/api/v1/devices?q=kitchen&limit=1").json()
    assert [item["device"] for item in first["items"]] == ["a/kitchen"]
    assert found(f"q=kitchen&limit=1&cursor={first['next']}") == ["a/pump"]


def test_pages_neither_repeat_nor_hide(as_role: AsRole) -> None:
    names = [f"demo/d{number:02}" for number in range(7)]
    for name in names:
        set_twin(name)
    client = as_role(demo="viewer")
    first = client.get("/api/v1/devices?limit=3").json()
    assert [item["device"] for item in first["items"]] == names[:3]
    set_twin("demo/a-new-one-before")
    set_twin("demo/d03a")
    Device.objects.get(key="demo/d02").delete()
    second = client.get(f"/api/v1/devices?limit=3&cursor={first['next']}").json()
    assert [item["device"] for item in second["items"]] == ["demo/d03", "demo/d03a", "demo/d04"]
    last = client.get(f"/api/v1/devices?limit=3&cursor={second['next']}").json()
    assert [item["device"] for item in last["items"]] == ["demo/d05", "demo/d06"]
    assert last["next"] is None
    exact = client.get(f"/api/v1/devices?limit=2&cursor={second['next']}").json()
    assert exact["next"] is None, "an exactly full last page has no next"


def test_a_page_takes_the_same_few_queries_whatever_its_size(as_role: AsRole, django_assert_num_queries: Any) -> None:
    for number in range(30):
        set_twin(f"demo/d{number}", lively)
    client = as_role(demo="viewer")
    with django_assert_num_queries(2):  # token with roles, devices with twins
        assert len(keys(client.get("/api/v1/devices?limit=30"))) == 30


@pytest.mark.parametrize("cursor", ["x", "", "bm9wZQ", "WyJyZWFkaW5ncyIsMV0", "WyJkZXZpY2VzIiwxXQ", "é", "W10"])
def test_a_foreign_cursor_is_refused(as_role: AsRole, cursor: str) -> None:
    answer = as_role(demo="viewer").get("/api/v1/devices", {"cursor": cursor})
    assert answer.status_code == 400
    assert "cursor" in answer.json()["detail"]


def test_what_one_may_not_see_is_not_there(as_role: AsRole) -> None:
    set_twin("demo/lamp")
    set_twin("secret/lamp")
    client = as_role(demo="admin")
    assert keys(client.get("/api/v1/devices")) == ["demo/lamp"]
    assert keys(client.get("/api/v1/devices?site=secret")) == []
    for path in ("", "/readings", "/commands", "/desired"):
        hidden = client.get(f"/api/v1/devices/secret/lamp{path}")
        missing = client.get(f"/api/v1/devices/demo/nothing{path}")
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["detail"].replace("secret/lamp", "demo/nothing") == missing.json()["detail"]
    assert client.delete("/api/v1/devices/secret/lamp").status_code == 404


def test_a_user_without_any_role_is_told_so(as_role: AsRole) -> None:
    for path in ("/devices", "/devices/demo/lamp", "/quarantine", "/ledger"):
        answer = as_role().get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_lower_roles_are_forbidden(as_role: AsRole) -> None:
    set_twin("demo/lamp")
    for role in ("viewer", "operator"):
        client = as_role(role, demo=role)
        for answer in (
            client.delete("/api/v1/devices/demo/lamp"),
            client.patch("/api/v1/devices/demo/lamp", {"tags": []}, "application/json"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        '{"tags": "red"}',
        '{"tags": [1]}',
        '{"stale_after_s": 0}',
        '{"stale_after_s": "5"}',
        '{"rev": 5}',
        "[]",
        "7",
        '"x"',
    ],
)
def test_bad_changes_are_refused(as_role: AsRole, body: str) -> None:
    set_twin("demo/lamp")
    answer = as_role(demo="admin").patch("/api/v1/devices/demo/lamp", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_tags_and_limits_change(async_as_role: AsyncAsRole) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="admin")

    async def patch(**body: Any) -> Any:
        return await client.patch("/api/v1/devices/demo/lamp", body, "application/json")

    async with FakeWorker().running():
        answer = await patch(tags=["red", "hall", "red"], stale_after_s=60)
        assert (answer.status_code, answer.json()["tags"], answer.json()["stale_after_s"]) == (200, ["hall", "red"], 60)
        assert answer.json()["rev"] == 1
        assert (await patch()).json()["tags"] == ["hall", "red"]
        answer = await patch(tags=None, stale_after_s=None)
        assert (answer.json()["tags"], answer.json()["stale_after_s"]) == ([], None)
        answer = await patch(tags=["not a name"])
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        answer = await patch(tags=[f"t{number}" for number in range(51)])
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_case_b5_a_metric_is_removed_by_the_worker(async_as_role: AsyncAsRole) -> None:
    def measured(twin: TwinState) -> None:
        reduce(twin, decode("telemetry", "", b'{"t":1,"a/b c":2}'), Arrival(T0), Limits())

    await sync_to_async(set_twin)("demo/lamp", measured)
    client = await sync_to_async(async_as_role)(demo="admin")
    async with FakeWorker().running():
        answer = await client.delete("/api/v1/devices/demo/lamp/metrics/a%2Fb%20c")
        assert (answer.status_code, answer.content) == (204, b"")
        assert list((await client.get("/api/v1/devices/demo/lamp")).json()["metrics"]) == ["t"]
        answer = await client.delete("/api/v1/devices/demo/lamp/metrics/a%2Fb%20c")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    operator = await sync_to_async(async_as_role)("another", demo="operator")
    assert (await operator.delete("/api/v1/devices/demo/lamp/metrics/t")).status_code == 403


async def test_a_device_is_deleted_by_its_worker(async_as_role: AsyncAsRole) -> None:
    await sync_to_async(set_twin)("demo/lamp", lively)
    client = await sync_to_async(async_as_role)(demo="admin")
    async with FakeWorker().running():
        answer = await client.delete("/api/v1/devices/demo/lamp")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await client.get("/api/v1/devices/demo/lamp")).status_code == 404
        assert (await client.delete("/api/v1/devices/demo/lamp")).status_code == 404
    assert (await RetiredKey.objects.aget()).rev > 0


async def test_without_a_worker_nothing_changes_and_it_says_so(
    async_as_role: AsyncAsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="admin")
    monkeypatch.setattr("devices.requests.deletion.ask.__defaults__", (0.1,))
    answer = await client.delete("/api/v1/devices/demo/lamp")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"] == "2"
    assert await Device.objects.aexists()


def test_case_a5_a_sites_admin_sets_how_long_its_devices_may_be_silent(as_role: AsRole) -> None:
    set_twin("demo/lamp")
    client, path = as_role(demo="admin"), "/api/v1/sites/demo/defaults"
    assert client.get(path).json() == {"stale_after_s": None, "tags": {}}

    def patch(body: str) -> Any:
        return client.patch(path, body, "application/json")

    answer = patch('{"stale_after_s":600,"tags":{"battery":7200,"fast":10}}')
    assert (answer.status_code, answer.json()) == (200, {"stale_after_s": 600, "tags": {"battery": 7200, "fast": 10}})
    assert patch('{"tags":{"fast":null,"battery":60}}').json() == {"stale_after_s": 600, "tags": {"battery": 60}}
    assert patch('{"stale_after_s":null}').json() == {"stale_after_s": None, "tags": {"battery": 60}}
    for bad in ('{"stale_after_s":0}', '{"tags":{"no good":1}}', '{"tags":{"a":0}}', '{"tags":{"a":"1"}}', '{"x":1}'):
        assert (patch(bad).status_code, patch(bad).json()["code"]) == (400, "bad_request"), bad


def test_case_a5_others_may_not(as_role: AsRole) -> None:
    set_twin("demo/lamp")
    path = "/api/v1/sites/demo/defaults"
    operator = as_role("operator", demo="operator")
    assert operator.get(path).status_code == 200
    assert operator.patch(path, "{}", "application/json").status_code == 403
    assert as_role("stranger", other="admin").get(path).status_code == 404
    assert as_role("admin", **{"*": "admin"}).get("/api/v1/sites/none/defaults").status_code == 404


async def test_case_a4_deleting_can_clear_what_is_retained(async_as_role: AsyncAsRole) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="admin")
    answer = await client.delete("/api/v1/devices/demo/lamp?retained=burn")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    async with FakeWorker().running():
        assert (await client.delete("/api/v1/devices/demo/lamp?retained=clear")).status_code == 204
    asked = await Request.objects.aget()
    assert (asked.kind, asked.body) == ("delete", {"clear_retained": True})
