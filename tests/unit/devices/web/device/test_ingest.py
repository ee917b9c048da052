"""Ingest over HTTP: whose token, what body, what is repeated. (What workers do: worker/requests/test_ingest.py.)"""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.test import AsyncClient

from devices.models import Device, Request
from devices.requests.ingest import digest_of, new_token
from devices.requests.provisioning import revoke_http
from devices.web.device import ingest as operations
from devices.web.people.throttle import Throttle
from tests.support.worlds.fake_worker import FakeWorker, set_twin

KEY, URL = "demo/meter", "/api/v1/ingest/demo/meter/telemetry"
KEYED: dict[str, Any] = {"Idempotency-Key": "m1"}


@pytest.fixture
def token(transactional_db: None) -> str:
    set_twin(KEY)
    set_twin("demo/other")
    token, digest = new_token()
    Device.objects.filter(key=KEY).update(http_token=digest)
    return token


@pytest.fixture(autouse=True)
def fresh_throttles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_devices", "_guesses"):
        monkeypatch.setattr(operations, name, Throttle(3, 10.0, 1_000))


async def send(token: str, url: str = URL, body: bytes = b'{"t": 1}', **headers: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", **headers}
    return await AsyncClient().post(url, body, "application/json", headers=headers)


async def test_it_is_answered_once_it_is_settled_and_a_repeat_is_the_same(token: str) -> None:
    async with FakeWorker().running():
        for _ in range(2):
            answer = await send(token, **KEYED)
            assert (answer.status_code, answer.json()["outcome"]) == (202, "applied")
        other = await send(token, URL, b'{"t": 2}', **{"Message-Id": "m1"})
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert await Request.objects.acount() == 1


async def test_nobody_settles_it_and_its_repeat_is_asked_anew(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from devices.requests import ask

    monkeypatch.setattr(ask, "_LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(ask.ask, "__defaults__", (0.3,))
    answer = await send(token, **KEYED)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert (await Request.objects.aget()).status == "withdrawn"
    monkeypatch.setattr(ask.ask, "__defaults__", (5.0,))
    async with FakeWorker(silent=True).running():
        assert (await send(token, **KEYED)).status_code == 202
    assert (await Request.objects.aget()).status == "settled"


@pytest.mark.parametrize("url", ["/api/v1/ingest/demo/other/telemetry", "/api/v1/ingest/demo/none/state"])
async def test_a_token_is_good_for_its_own_device_only(token: str, url: str) -> None:
    assert (await send(token, url)).status_code == 401
    assert (await send("wrong")).status_code == 401
    assert not await Request.objects.aexists()


async def test_guessing_is_slow(token: str) -> None:
    assert [(await send("wrong")).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert (await send(token, body=b"")).status_code == 400, "whoever has the token is not held up"


async def test_a_device_is_held_to_so_many_messages(token: str) -> None:
    async with FakeWorker().running():
        answers = [await send(token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


async def test_it_can_be_revoked_and_only_its_digest_is_kept(token: str) -> None:
    device = await Device.objects.aget(key=KEY)
    assert device.http_token == digest_of(token)
    assert await sync_to_async(revoke_http)(KEY)
    assert (await send(token)).status_code == 401
    assert not await sync_to_async(revoke_http)(KEY)


@pytest.mark.parametrize(
    ("first", "again", "status"),
    [
        (b'{"a": 1, "b": [1.0, {"c": 2}]}', b'{"b":[1,{"c":2.0}],"a":1e0}', 202),
        (b'{"a": 1}', b'{"a": true}', 409),
        (b'{"a": NaN}', b'{"a":NaN}', 409),  # no JSON: byte by byte
        (b'{"a": 1e300}', b'{"a":1e300}', 202),
    ],
)
async def test_case_c3_the_same_message_written_anew(token: str, first: bytes, again: bytes, status: int) -> None:
    async with FakeWorker().running():
        assert (await send(token, body=first, **KEYED)).status_code == 202
        assert (await send(token, body=again, **KEYED)).status_code == status


@pytest.mark.parametrize(
    ("url", "body", "headers", "status"),
    [
        (URL, b"", {}, 400),
        (URL, b"x" * (256 * 1024 + 5000), {}, 413),
        (URL, b"{}", {"Idempotency-Key": "x" * 201}, 400),
        ("/api/v1/ingest/demo/meter/event/a b", b"{}", {}, 400),
        ("/api/v1/ingest/demo/meter/status", b"{}", {}, 404),
    ],
)
async def test_what_makes_no_sense(token: str, url: str, body: bytes, headers: dict[str, str], status: int) -> None:
    assert (await send(token, url, body, **headers)).status_code == status


def test_the_command_prints_the_token_once(transactional_db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("provision_device", KEY, "--http")
    token = capsys.readouterr().out.split()[-1]
    assert Device.objects.get(key=KEY).http_token == digest_of(token)
    call_command("provision_device", KEY, "--revoke-http")
    assert "revoked" in capsys.readouterr().out
    assert Device.objects.get(key=KEY).http_token == ""
