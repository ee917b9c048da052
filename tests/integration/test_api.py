"""REST on real parts: PostgreSQL, Redis, Mosquitto, workers, Daphne."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.waiting import eventually
from tests.support.worlds.system import System

Api = Callable[..., httpx.Response]
PROBLEM = "application/problem+json"


@pytest.fixture
def site() -> str:
    """A site of the test's own."""
    return f"site-{secrets.token_hex(3)}"


@pytest.fixture
def api(shared_system: System) -> Api:
    """Asks as an administrator of all sites (the same for all tests: making a token takes a second)."""
    return shared_system.api("administrator", "admin", None)


def telemetry(system: System, key: str, payload: object) -> None:
    system.publish(f"devices/{key}/telemetry", payload)


def device(api: Api, key: str) -> dict[str, Any]:
    """The device, once it is there."""
    body: dict[str, Any] = eventually(lambda: api("GET", f"/devices/{key}").raise_for_status().json())
    return body


def test_lists_are_filtered_and_paged(shared_system: System, site: str, api: Api) -> None:
    keys = [f"{site}/d{number}" for number in range(5)]
    for key in keys:
        telemetry(shared_system, key, {"t": 1})
    eventually(lambda: len(api("GET", "/devices", params={"site": site}).json()["items"]) == 5)
    api("PATCH", f"/devices/{keys[1]}", json={"tags": ["red", "big"]})
    api("PATCH", f"/devices/{keys[2]}", json={"tags": ["redder"]})

    def found(**query: Any) -> list[str]:
        answer = api("GET", "/devices", params={"site": site, **query}).raise_for_status()
        return [item["device"] for item in answer.json()["items"]]

    assert found() == keys
    assert found(tag="red") == [keys[1]]
    assert found(tag="Red") == []
    assert found(q="/D3") == [keys[3]]
    assert found(q="%") == []
    assert found(status="online") == keys
    assert found(status="offline") == []
    pages, cursor = [], None
    while True:
        query = {"site": site, "limit": 2, **({"cursor": cursor} if cursor else {})}
        body = api("GET", "/devices", params=query).json()
        pages.append([item["device"] for item in body["items"]])
        cursor = body["next"]
        if cursor is None:
            break
    assert pages == [keys[:2], keys[2:4], keys[4:]]


def test_readings_by_metric_time_and_rev(shared_system: System, site: str, api: Api) -> None:
    key, t0 = f"{site}/meter", 1_750_000_000_000
    telemetry(shared_system, key, [{"ts": t0 + 1000 * n, ("a" if n % 2 else "b"): n} for n in range(6)])
    eventually(lambda: len(api("GET", f"/devices/{key}/readings").json()["items"]) == 6)

    def found(**query: Any) -> list[dict[str, Any]]:
        answer = api("GET", f"/devices/{key}/readings", params=query).raise_for_status()
        return [item["metrics"] for item in answer.json()["items"]]

    assert found() == [{"b": 0}, {"a": 1}, {"b": 2}, {"a": 3}, {"b": 4}, {"a": 5}]
    assert found(metric="a") == [{"a": 1}, {"a": 3}, {"a": 5}]
    assert found(since=t0 + 2000, until=t0 + 4000) == [{"b": 2}, {"a": 3}]
    assert found(since="2025-06-15T15:06:44Z") == [{"b": 4}, {"a": 5}]
    third = api("GET", f"/devices/{key}/readings").json()["items"][2]["rev"]
    assert found(after_rev=third) == [{"a": 3}, {"b": 4}, {"a": 5}]


def test_tags_limits_and_desired_state_are_changed_by_the_worker(shared_system: System, site: str, api: Api) -> None:
    key = f"{site}/lamp"
    telemetry(shared_system, key, {"t": 1})
    before = device(api, key)
    changed = api("PATCH", f"/devices/{key}", json={"tags": ["hall"], "stale_after_s": 7}).json()
    assert (changed["tags"], changed["stale_after_s"], changed["rev"]) == (["hall"], 7, before["rev"] + 1)

    url = f"/devices/{key}/desired"
    answer = api("PATCH", url, json={"led": {"on": True}})
    assert (answer.json(), answer.headers["ETag"]) == ({"version": 1, "desired": {"led": {"on": True}}}, '"1"')
    answer = api("PATCH", url, json={"x": 1}, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "conflict")
    answer = api("PATCH", url, json={"led": None}, headers={"If-Match": '"1"'})
    assert answer.json() == {"version": 2, "desired": {}}
    assert api("GET", url).headers["ETag"] == '"2"'


def test_a_command_can_be_taken_back_until_the_device_answers(shared_system: System, site: str, api: Api) -> None:
    key = f"{site}/lamp"
    telemetry(shared_system, key, {"t": 1})
    device(api, key)
    command = api("POST", f"/devices/{key}/commands", json={"name": "blink", "ttl_s": 60}).json()
    url = f"/commands/{command['id']}"
    eventually(lambda: api("GET", url).json()["status"] == "sent")
    answer = api("POST", f"{url}/cancel")
    assert [step["status"] for step in answer.json()["timeline"]] == ["accepted", "sent", "cancelled"]
    answer = api("POST", f"{url}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    shared_system.publish(f"devices/{key}/ack/{command['id']}", {"status": "done"})
    eventually(lambda: api("GET", url).json()["status"] == "done")
    assert api("GET", url).json()["timeline"][-1]["late"] is True


def test_a_deleted_device_comes_back_with_higher_revs(shared_system: System, site: str, api: Api) -> None:
    key = f"{site}/phoenix"
    for value in range(3):
        telemetry(shared_system, key, {"t": value})
    eventually(lambda: device(api, key)["metrics"]["t"]["value"] == 2)
    last = device(api, key)["rev"]
    api("PATCH", f"/devices/{key}", json={"tags": ["old"]})
    assert api("DELETE", f"/devices/{key}").status_code == 204
    assert api("GET", f"/devices/{key}").status_code == 404
    telemetry(shared_system, key, {"h": 1})
    again = device(api, key)
    assert again["rev"] > last + 1
    assert (set(again["metrics"]), again["tags"]) == ({"h"}, [])


def test_roles_hold(shared_system: System, site: str, api: Api) -> None:
    key = f"{site}/lamp"
    telemetry(shared_system, key, {"t": 1})
    device(api, key)
    wishes: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/devices/{key}", {}),
        ("POST", f"/devices/{key}/commands", {"json": {"name": "x"}}),
        ("PATCH", f"/devices/{key}/desired", {"json": {"a": 1}}),
        ("PATCH", f"/devices/{key}", {"json": {"tags": []}}),
        ("DELETE", f"/devices/{key}", {}),
    ]
    expected = {
        "stranger": [404, 404, 404, 404, 404],
        "viewer": [200, 403, 403, 403, 403],
        "operator": [200, 202, 200, 403, 403],
        "admin": [200, 202, 200, 200, 204],
    }
    for who, statuses in expected.items():
        role = "admin" if who == "stranger" else who
        ask = shared_system.api(f"{who}-{site}", role, "elsewhere" if who == "stranger" else site)  # type: ignore[arg-type]
        assert [ask(method, path, **options).status_code for method, path, options in wishes] == statuses, who


def test_errors_through_daphne_are_problems(shared_system: System, api: Api) -> None:
    client = shared_system.client()
    for answer, status in (
        (client.get("/api/v1/devices"), 401),
        (client.get("/api/v1/devices", headers={"Authorization": "Bearer wrong"}), 401),
        (client.get("/api/nothing"), 404),
        (api("PUT", "/devices"), 405),
        (api("GET", "/devices", params={"limit": 0}), 400),
        (api("PATCH", "/devices/a/b/desired", content=b"{"), 400),
        (api("PATCH", "/devices/a/b/desired", content=b" " * 300_000), 413),
        (api("PATCH", "/devices/a/b/desired", content=iter([b"{}"])), 411),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
        assert answer.json()["status"] == status
    assert api("HEAD", "/devices").content == b""


def test_the_documentation_page_has_all_that_it_needs(shared_system: System) -> None:
    client = shared_system.client()
    page = client.get("/api/v1/docs")
    assert page.is_success
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert any("/reference" in address for address in addresses)
    assert all(client.get(address).is_success for address in addresses)
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "Causeway"


def test_a_provisioned_device_is_there_before_it_speaks(shared_system: System, site: str, api: Api) -> None:
    shared_system.manage("provision_device", f"{site}/new")
    assert api("GET", f"/devices/{site}/new").json()["presence"]["status"] == "unknown"
    telemetry(shared_system, f"{site}/new", {"t": 1})
    eventually(lambda: device(api, f"{site}/new")["metrics"]["t"]["value"] == 1)


def test_without_workers_changes_are_refused_and_readiness_says_why(causeway: Callable[..., System]) -> None:
    system = causeway(workers=1)
    api = system.api()
    telemetry(system, "demo/lamp", {"t": 1})
    rev = device(api, "demo/lamp")["rev"]
    system.workers[0].terminate()
    answer = api("PATCH", "/devices/demo/lamp/desired", json={"on": True})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "nothing was changed" in answer.json()["detail"]
    command = api("POST", "/devices/demo/lamp/commands", json={"name": "x", "ttl_s": 60})
    assert command.status_code == 202, "stored, and sent when a worker is back"
    ready = eventually(lambda: _not_ready(system), 15)
    assert ready is not None
    assert ready["checks"]["shards"] == {"ok": False, "detail": "no worker for shard 0, 1, 2, 3"}
    assert ready["checks"]["database"]["ok"]
    system.workers[0].start()
    eventually(lambda: api("GET", f"/commands/{command.json()['id']}").json()["status"] == "sent", 20)
    assert device(api, "demo/lamp")["rev"] == rev, "what was withdrawn is not done later"
    assert api("GET", "/devices/demo/lamp/desired").json() == {"version": 0, "desired": {}}


def _not_ready(system: System) -> dict[str, Any] | None:
    answer = httpx.get(f"{system.url}/readyz", timeout=10, trust_env=False)
    body: dict[str, Any] = answer.json()
    return None if answer.is_success or body["checks"]["shards"]["ok"] else body


def test_while_redis_is_down_changes_are_made_and_read(causeway: Callable[..., System]) -> None:
    system = causeway(workers=1)
    api = system.api()
    telemetry(system, "demo/lamp", {"t": 1})
    device(api, "demo/lamp")
    system.parts.redis.kill()
    answer = api("PATCH", "/devices/demo/lamp/desired", json={"on": True})
    assert (answer.status_code, answer.json()) == (200, {"version": 1, "desired": {"on": True}})
    command = api("POST", "/devices/demo/lamp/commands", json={"name": "x", "ttl_s": 60}).json()
    assert (
        httpx.get(f"{system.url}/readyz", timeout=10, trust_env=False).json()["checks"]["channel_layer"]["ok"] is False
    )
    system.parts.redis.start()
    eventually(lambda: api("GET", f"/commands/{command['id']}").json()["status"] == "sent", 30)


def test_metrics_tell_of_the_installation(shared_system: System, site: str, api: Api) -> None:
    telemetry(shared_system, f"{site}/lamp", {"t": 1})
    device(api, f"{site}/lamp")

    def value(line: str) -> float:
        text = httpx.get(f"{shared_system.url}/metrics", timeout=10, trust_env=False).text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else -1

    assert value("causeway_broker_up") == value("causeway_database_up") == 1
    assert value('causeway_devices{presence="online"}') >= 1
    assert value('causeway_deliveries_total{outcome="applied",reason=""}') >= 1
    eventually(lambda: value("causeway_received_total") >= 1)
