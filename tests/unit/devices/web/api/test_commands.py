"""Commands over HTTP."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.utils import timezone
from msgspec import to_builtins

from devices.models import ApiToken, Command, Description, Device
from devices.rules.described.descriptions import Kept, dialect_said
from devices.rules.twin import TwinState
from devices.web.api import paging
from devices.web.api.paging import encode_cursor
from devices.web.api.schemas import Command as CommandSchema
from tests.support.worlds.fake_worker import FakeWorker, set_twin

AsRole = Callable[..., Client]
AsyncAsRole = Callable[..., AsyncClient]
URL = "/api/v1/devices/demo/lamp/commands"


@pytest.fixture
def lamp(transactional_db: None) -> Device:
    return set_twin("demo/lamp")


def stored(device: Device, status: str = "done", created_at: datetime | None = None) -> Command:
    moment = created_at or timezone.now()
    return Command.objects.create(
        device=device, name="x", args={}, status=status, timeline=[], created_at=moment, expires_at=moment
    )


def send(client: Client, body: Any, key: str | None = None) -> Any:
    return client.post(URL, body, "application/json", headers={"Idempotency-Key": key} if key else {})


def test_a_command_is_accepted_and_can_be_looked_at(as_role: AsRole, lamp: Device) -> None:
    client = as_role(demo="operator")
    answer = send(client, {"name": "set_led", "args": {"on": True}, "ttl_s": 30})
    command = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/commands/{command['id']}"
    CommandSchema.model_validate(command, strict=True)
    assert [step["status"] for step in command["timeline"]] == ["accepted"]
    assert command["timeline"][0]["at"] == command["created_at"]
    assert {name: command[name] for name in ("device", "name", "args", "status", "ttl_s", "result", "reason")} == {
        "device": "demo/lamp", "name": "set_led", "args": {"on": True}, "status": "accepted", "ttl_s": 30,
        "result": None, "reason": None,
    }  # fmt: skip
    assert client.get(answer["Location"]).json() == command
    assert client.get(URL).json() == {"items": [command], "next": None}
    stored, token = Command.objects.get(), ApiToken.objects.get()
    assert (stored.created_by, stored.user_id) == (f"token:{token.user}/{token.digest[:8]}", token.user_id)


def test_arguments_and_time_may_be_left_out(as_role: AsRole, lamp: Device) -> None:
    command = send(as_role(demo="operator"), {"name": "reboot"}).json()
    assert (command["args"], command["ttl_s"]) == ({}, 60)


def test_null_arguments_are_none(as_role: AsRole, lamp: Device) -> None:
    answer = send(as_role(demo="operator"), {"name": "reboot", "args": None})
    assert (answer.status_code, answer.json()["args"]) == (202, {})


def test_repeating_is_safe(as_role: AsRole, lamp: Device) -> None:
    client = as_role(demo="operator")
    first = send(client, {"name": "x", "args": {"a": 1}}, "key")
    again = send(client, {"args": {"a": 1}, "name": "x"}, "key")
    other = send(client, {"name": "x", "args": {"a": 2}}, "key")
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 409)
    assert first.json() == again.json()
    assert other.json()["code"] == "conflict"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "payload"),
        ("{}", "name: Field required"),
        ('{"name": 7}', "name: "),
        ('{"name": "a b"}', "A-Z a-z 0-9"),
        ('{"name": "x", "args": [1]}', "args: "),
        ('{"name": "x", "args": {"a": {"b": "\\u0000"}}}', "bad_text"),
        ('{"name": "x", "args": {"a": 9007199254740993}}', "integer_too_large"),
        ('{"name": "x", "ttl_s": 0}', "1 to 604800"),
        ('{"name": "x", "ttl_s": 604801}', "1 to 604800"),
        ('{"name": "x", "ttl_s": "60"}', "ttl_s: "),
        ('{"name": "x", "ttl": 60}', "ttl: "),
        ('{"name": NaN}', "no JSON"),
        ('{"name": "x"', "no JSON"),
        ('{"name": "x", "args": ' + '{"a":' * 40 + "1" + "}" * 40 + "}", "too_deep"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_bad_commands_are_refused_with_what_is_wrong(as_role: AsRole, lamp: Device, body: str, said: str) -> None:
    answer = send(as_role(demo="operator"), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert said in answer.json()["detail"] or said == "payload"
    assert not Command.objects.exists()


def test_a_large_one_is_too_large(as_role: AsRole, lamp: Device) -> None:
    client = as_role(demo="operator")
    assert send(client, {"name": "x", "args": {"a": "y" * 262_000}}).status_code == 202
    for size in (262_200, 300_000, 3_000_000):
        answer = send(client, {"name": "x", "args": {"a": "y" * size}})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_more_than_a_hundred_are_too_many(as_role: AsRole, lamp: Device) -> None:
    client = as_role(demo="operator")
    for _ in range(100):
        assert send(client, {"name": "x"}).status_code == 202
    answer = send(client, {"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0


def test_viewers_may_look_only(as_role: AsRole, lamp: Device) -> None:
    command = stored(lamp)
    client = as_role(demo="viewer")
    assert client.get(f"/api/v1/commands/{command.pk}").status_code == 200
    assert send(client, {"name": "x"}).status_code == 403
    assert client.post(f"/api/v1/commands/{command.pk}/cancel").status_code == 403


def test_commands_of_other_sites_are_not_there(as_role: AsRole, lamp: Device) -> None:
    command = stored(lamp)
    client = as_role(other="admin")
    for path in (f"{command.pk}", f"{uuid4()}", "no-uuid"):
        for answer in (client.get(f"/api/v1/commands/{path}"), client.post(f"/api/v1/commands/{path}/cancel")):
            assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such command")
    assert send(client, {"name": "x"}).status_code == 404


def test_the_newest_come_first_in_pages(as_role: AsRole, lamp: Device) -> None:
    now = timezone.now()
    together = sorted((stored(lamp, created_at=now) for _ in range(3)), key=lambda row: row.pk, reverse=True)
    older = stored(lamp, "failed", now - timedelta(seconds=1))
    client = as_role(demo="viewer")
    order = [str(row.pk) for row in (*together, older)]
    seen, cursor = [], None
    for _ in range(2):
        page = client.get(URL, {"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        stored(lamp)  # a newer one moves nothing
    assert (seen, cursor) == (order, None)
    assert [item["id"] for item in client.get(f"{URL}?status=failed").json()["items"]] == [str(older.pk)]
    assert client.get(f"{URL}?status=lost").status_code == 400
    forged = "WyJjb21tYW5kcyIsIngiLCJ5Il0"  # ["commands","x","y"]
    assert client.get(f"{URL}?cursor={forged}").status_code == 400


async def test_an_open_one_can_be_cancelled_once(async_as_role: AsyncAsRole, lamp: Device) -> None:
    client = await sync_to_async(async_as_role)(demo="operator")
    command = await sync_to_async(stored)(lamp, "sent")
    async with FakeWorker().running():
        answer = await client.post(f"/api/v1/commands/{command.pk}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        answer = await client.post(f"/api/v1/commands/{command.pk}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "cursor",
    [
        encode_cursor("commands", "2026-01-01T00:00:00+00:00", "\0"),
        encode_cursor("commands", "0001-01-01T00:00:00+14:00", "00000000-0000-4000-8000-000000000000"),
        encode_cursor("commands", "9999-12-31T23:59:59-14:00", "00000000-0000-4000-8000-000000000000"),
        encode_cursor("commands", "0001-01-01T00:00:00", "00000000-0000-4000-8000-000000000000"),
        urlsafe_b64encode(b"[" * 3000).decode().rstrip("="),
        urlsafe_b64encode(b"[" * 700).decode().rstrip("="),
    ],
)
def test_case_f9_a_forged_cursor_is_the_clients_fault(as_role: Callable[..., Client], cursor: str) -> None:
    set_twin("demo/lamp")
    answer = as_role(demo="viewer").get("/api/v1/devices/demo/lamp/commands", {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("position", ["demo/\0", 2**63, -(2**70)])
def test_case_f9_what_no_database_takes_is_in_no_cursor(as_role: Callable[..., Client], position: Any) -> None:
    set_twin("demo/lamp")
    client = as_role(demo="admin")
    for path in ("devices", "quarantine", "devices/demo/lamp/readings"):
        answer = client.get(f"/api/v1/{path}", {"cursor": encode_cursor(path.rpartition("/")[2], position)})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_case_c3_a_key_with_the_same_values_is_the_same_command(
    async_as_role: Callable[..., AsyncClient],
) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="operator")

    async def send(body: str) -> Any:
        url, headers = "/api/v1/devices/demo/lamp/commands", {"Idempotency-Key": "k"}
        return await client.post(url, body, "application/json", headers=headers)

    first = await send('{"name":"set","args":{"a":1,"b":[100,{"c":true}]}}')
    assert first.status_code == 202
    again = await send('{"args":{"b":[1e2,{"c":true}],"a":1.0},"name":"set","ttl_s":60}')
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    for other in ('"a":true,"b":[100,{"c":true}]', '"a":1,"b":[100,{"c":1}]'):
        assert (await send('{"name":"set","args":{' + other + "}}")).status_code == 409


def test_case_g10_a_list_is_bounded_in_bytes_and_cuts_large_results(as_role: Callable[..., Client]) -> None:
    set_twin("demo/lamp")
    large = {"log": "x" * 255_000}
    step = {"status": "done", "at_ms": 1_790_000_000_000, "result": large}
    for _ in range(30):
        Command.objects.create(
            device=Device.objects.get(key="demo/lamp"),
            name="x",
            args={"text": "y" * 15_000},
            status="done",
            timeline=[step] * 2,
            result=large,
            created_at=timezone.now(),
            expires_at=timezone.now() + timedelta(seconds=60),
        )
    client, cursor = as_role(demo="viewer"), None
    seen: list[Any] = []
    while True:
        query = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
        answer = client.get("/api/v1/devices/demo/lamp/commands", query)
        assert len(answer.content) <= 2 * 1024 * 1024
        seen += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert len({one["id"] for one in seen}) == len(seen) == 30
    cut = seen[0]["result"]["cut"]
    assert cut["bytes"] > 255_000
    assert seen[0]["timeline"][0]["result"] == {"cut": cut}
    assert seen[0]["args"] == {"text": "y" * 15_000}
    assert client.get(cut["href"]).json()["result"] == large


def test_case_g10_a_page_ends_with_its_bytes(monkeypatch: pytest.MonkeyPatch, as_role: Callable[..., Client]) -> None:
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 1_000)
    for number in range(9):
        set_twin(f"demo/d{number}")
    client = as_role(demo="viewer")
    first = client.get("/api/v1/devices").json()
    assert 1 <= len(first["items"]) < 9
    rest = client.get("/api/v1/devices", {"cursor": first["next"]}).json()
    assert rest["items"][0]["device"] == f"demo/d{len(first['items'])}"


def test_what_contradicts_the_description_is_refused_before_anything_is_stored(as_role: AsRole, lamp: Device) -> None:
    kept = Kept()
    target = {"metric": "target", "kind": "number", "low": 5, "high": 30, "settable": True}
    dialect_said(kept, {"properties": [target], "actions": [{"name": "identify"}]}, TwinState())
    Description.objects.create(device=lamp, doc=to_builtins(kept))
    client = as_role(demo="operator")
    for body, field in (
        ({"name": "set", "args": {"target": 31}}, "args.target"),
        ({"name": "explode"}, "name"),
    ):
        answer = send(client, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
        assert [one["name"] for one in answer.json()["errors"]] == [field]
    assert not Command.objects.exists()
    assert send(client, {"name": "set", "args": {"target": 21}}).status_code == 202
