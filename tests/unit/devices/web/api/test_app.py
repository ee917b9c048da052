"""The API as a whole: who gets in, how errors look, what the documentation says."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import AsyncClient, Client

from devices.models import Membership
from devices.requests.registry import register_device
from devices.web.api.app import api
from devices.web.api.problems import CONTENT_TYPE as PROBLEM
from tests.unit.devices.web.conftest import make_user

pytestmark = pytest.mark.django_db

DEVICES = "/api/v1/devices"


def check_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.content)
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["title"]
    assert body["detail"]
    return body


@pytest.fixture
def browser() -> Client:
    """A browser of an operator of demo, logged in, that checks CSRF as in real life."""
    user = User.objects.create_user("someone")
    register_device("demo/lamp")
    Membership.objects.create(user=user, site=None, role="operator")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_nobody_is_unauthorized() -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic eDp5"},
    ):
        answer = Client().get(DEVICES, headers=headers)
        check_problem(answer, 401, "unauthorized")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_does_not_fall_back_to_the_session(browser: Client) -> None:
    assert browser.get(DEVICES).status_code == 200
    check_problem(browser.get(DEVICES, headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")


@pytest.mark.django_db(transaction=True)
def test_a_session_needs_the_csrf_token_for_changes(browser: Client) -> None:
    url = f"{DEVICES}/demo/lamp/commands"
    check_problem(browser.post(url, {"name": "x"}, "application/json"), 403, "forbidden")
    browser.get("/api/v1/docs")  # sets the cookie
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    answer = browser.post(url, {"name": "x"}, "application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 202


@pytest.mark.django_db(transaction=True)
def test_a_token_needs_none(browser: Client) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {make_user('prog', all='operator')}"})
    assert client.post(f"{DEVICES}/demo/lamp/commands", {"name": "x"}, "application/json").status_code == 202


def test_a_deactivated_user_is_out_at_once(browser: Client) -> None:
    User.objects.update(is_active=False)
    check_problem(browser.get(DEVICES), 401, "unauthorized")


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1", "/api/v1/", "/api/v2/x", "/api/v1/nothing", f"{DEVICES}/", f"{DEVICES}/a"]
)
def test_unknown_paths(path: str, as_role: Callable[..., Client]) -> None:
    check_problem(as_role(demo="viewer").get(path), 404, "not_found")


def test_unknown_methods(as_role: Callable[..., Client]) -> None:
    answer = as_role(demo="viewer").put(DEVICES)
    check_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "DELETE, GET, HEAD, OPTIONS"
    answer = as_role("other", demo="viewer").post(f"{DEVICES}/demo/lamp")  # a view of synchronous and async operations
    check_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert as_role("third", demo="operator").get("/api/v1/quarantine/1/replay")["Allow"] == "OPTIONS, POST"


def test_head_is_like_get(as_role: Callable[..., Client]) -> None:
    answer = as_role(demo="viewer").head(DEVICES)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_invalid_parameters_are_listed(as_role: Callable[..., Client]) -> None:
    body = check_problem(as_role(demo="viewer").get(f"{DEVICES}?limit=x&status=asleep"), 400, "bad_request")
    assert [(error["in"], error["name"]) for error in body["errors"]] == [("query", "status"), ("query", "limit")]


def test_a_body_of_unknown_length_is_refused(as_role: Callable[..., Client]) -> None:
    answer = as_role(demo="operator").post(
        f"{DEVICES}/demo/lamp/commands", {"name": "x"}, "application/json", headers={"Transfer-Encoding": "chunked"}
    )
    check_problem(answer, 411, "bad_request")


def test_bugs_and_outages_are_problems_too(as_role: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    client = as_role(demo="viewer")

    def failing_with(error: Exception) -> Any:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr("devices.web.api.devices.visible_device", fail)
        return client.get(f"{DEVICES}/demo/lamp")

    body = check_problem(failing_with(RuntimeError("secret detail")), 500, "internal")
    assert "secret" not in json.dumps(body)
    answer = failing_with(OperationalError("password of user x wrong"))
    assert "password" not in json.dumps(check_problem(answer, 503, "unavailable"))
    assert answer["Retry-After"]


async def test_async_operations_fail_alike(async_as_role: Callable[..., AsyncClient]) -> None:
    from asgiref.sync import sync_to_async

    client = await sync_to_async(async_as_role)(demo="operator")
    check_problem(
        await client.post(f"{DEVICES}/demo/none/commands", {"name": "x"}, "application/json"), 404, "not_found"
    )
    check_problem(await client.post(f"{DEVICES}/demo/none/commands", "{", "application/json"), 400, "bad_request")
    check_problem(await AsyncClient().post(f"{DEVICES}/demo/none/commands"), 401, "unauthorized")


def test_the_documentation_describes_every_operation() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.")
    operations = {
        (method.upper(), path.removeprefix("/api/v1")): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    device = "/devices/{site}/{device}"
    assert set(operations) == {
        ("GET", "/series"), ("GET", "/export"),
        ("GET", "/calculated-metrics"), ("POST", "/calculated-metrics"), ("POST", "/calculated-metrics/preview"),
        ("GET", "/calculated-metrics/{calculated_id}"), ("PUT", "/calculated-metrics/{calculated_id}"),
        ("DELETE", "/calculated-metrics/{calculated_id}"),
        ("GET", "/alert-rules"), ("POST", "/alert-rules"), ("POST", "/alert-rules/backtest"),
        ("GET", "/alert-rules/{rule_id}"), ("PUT", "/alert-rules/{rule_id}"), ("DELETE", "/alert-rules/{rule_id}"),
        ("GET", "/alert-rules/{rule_id}/versions"), ("GET", "/alerts"), ("GET", "/alerts/{alert_id}"),
        ("POST", "/alerts/{alert_id}/acknowledge"), ("POST", "/alerts/{alert_id}/snooze"),
        ("POST", "/alerts/{alert_id}/comment"), ("POST", "/alerts/{alert_id}/assign"),
        ("GET", "/devices"), ("GET", device), ("PATCH", device), ("DELETE", device), ("GET", f"{device}/desired"),
        ("PATCH", f"{device}/desired"), ("GET", f"{device}/commands"), ("POST", f"{device}/commands"),
        ("GET", "/commands/{command_id}"), ("POST", "/commands/{command_id}/cancel"), ("GET", f"{device}/readings"),
        ("GET", "/quarantine"), ("GET", "/quarantine/{entry_id}"), ("POST", "/quarantine/{entry_id}/replay"),
        ("POST", "/listen"), ("GET", "/listen/{number}"), ("GET", "/mappings"), ("POST", "/mappings"),
        ("GET", "/mappings/{mapping_id}"), ("PUT", "/mappings/{mapping_id}"), ("DELETE", "/mappings/{mapping_id}"),
        ("POST", "/mappings/preview"),
        ("GET", "/handlers"), ("GET", "/handlers/{name}/parked"), ("POST", "/handlers/{name}/pause"),
        ("POST", "/handlers/{name}/resume"),
        ("POST", "/handlers/{name}/rebuild"), ("POST", "/handlers/{name}/replay"),
        ("GET", "/ledger"), ("GET", "/ops"), ("GET", "/rejected"), ("GET", f"{device}/notes"),
        ("DELETE", f"{device}/metrics/{{name}}"), ("DELETE", "/quarantine/{entry_id}"),
        ("GET", "/sites/{site}/defaults"), ("PATCH", "/sites/{site}/defaults"),
        ("GET", f"{device}/events"), ("GET", f"{device}/changes"), ("DELETE", "/devices"),
        ("GET", f"{device}/description"), ("PUT", f"{device}/description"), ("GET", "/description.schema.json"),
        ("POST", "/ingest/{site}/{device}/telemetry"), ("POST", "/ingest/{site}/{device}/state"),
        ("POST", "/ingest/{site}/{device}/event/{name}"),
        ("GET", f"{device}/block"), ("POST", f"{device}/block"), ("DELETE", f"{device}/block"),
        ("GET", "/me/preferences"), ("PATCH", "/me/preferences"), ("GET", "/me/views"), ("POST", "/me/views"),
        ("PATCH", "/me/views/{view_id}"), ("DELETE", "/me/views/{view_id}"), ("GET", "/boards"), ("POST", "/boards"),
        ("POST", "/boards/{board_id}/link"), ("DELETE", "/boards/{board_id}"), ("POST", "/tickets"), ("GET", "/stream"),
        ("GET", "/version"), ("POST", "/client-errors"), ("GET", f"{device}/messages"), ("POST", f"{device}/messages"),
    }  # fmt: skip
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    for (_, path), operation in operations.items():
        assert operation["summary"]
        assert operation["description"]
        own = path.startswith("/ingest/")  # the device's own token, good for nothing else
        assert operation["security"] == ([{"DeviceToken": []}] if own else [{"TokenAuth": []}, {"SessionAuth": []}])
        assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert set(schema["components"]["securitySchemes"]) == {"TokenAuth", "SessionAuth", "DeviceToken"}
    assert "Problem" in schema["components"]["schemas"]


def test_the_documentation_page_needs_nothing_from_elsewhere() -> None:
    answer = Client().get("/api/v1/docs")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text
    assert api.title in text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{DEVICES}?q=%00", 400, "bad_request"),
        (f"{DEVICES}?site=a&tag=%00", 400, "bad_request"),
        (f"{DEVICES}/demo%00/lamp", 404, "not_found"),
        (f"{DEVICES}/demo/lamp/readings?metric=%00", 400, "bad_request"),
        ("/api/v1/quarantine?device=%00", 400, "bad_request"),
    ],
)
def test_nul_never_reaches_the_database(browser: Client, path: str, status: int, code: str) -> None:
    check_problem(browser.get(path), status, code)


@pytest.mark.parametrize(("path", "kind"), [(DEVICES, PROBLEM), ("/login", "text/html; charset=utf-8")])
def test_case_g15_a_foreign_host_is_a_problem_too(path: str, kind: str) -> None:
    answer = Client().get(path, headers={"host": "elsewhere.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, kind)
    assert (b"ALLOWED_HOSTS" in answer.content) == (kind == PROBLEM)


def test_case_g15_options_say_what_is_allowed(as_role: Callable[..., Client]) -> None:
    register_device("demo/lamp")
    client = as_role(demo="admin")
    for path, allowed in (
        ("devices/demo/lamp/commands", "GET, HEAD, OPTIONS, POST"),
        ("devices/demo/lamp", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("devices", "DELETE, GET, HEAD, OPTIONS"),
    ):
        answer = client.options(f"/api/v1/{path}")
        assert (answer.status_code, answer["Allow"], answer.content) == (204, allowed, b"")
        assert "Content-Type" not in answer


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_case_g15_a_body_that_is_no_json_is_415(as_role: Callable[..., Client], kind: str) -> None:
    answer = as_role(demo="admin").post("/api/v1/devices/demo/lamp/commands", b"name=x", content_type=kind)
    assert (answer.status_code, answer["Content-Type"]) == (415, PROBLEM)


def test_case_g15_too_many_parameters_are_a_problem(as_role: Callable[..., Client]) -> None:
    answer = as_role(demo="admin").get("/api/v1/devices?" + "a=b&" * 1_500)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


def test_case_g9_answers_are_kept_by_no_cache_between(as_role: Callable[..., Client]) -> None:
    client = as_role(demo="admin")
    for path in ("devices", "nowhere", "devices/demo/none"):
        assert client.get(f"/api/v1/{path}")["Cache-Control"] == "private, no-cache"
