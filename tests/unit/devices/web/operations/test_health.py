"""/healthz and /readyz."""

import asyncio
import threading
import time
from typing import Any

import pytest
from channels.layers import channel_layers
from django.db import OperationalError
from django.test import AsyncClient, Client

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.models import Installation, ShardState
from devices.web.operations import observer
from runtime.databases.limits import Starvation
from tests.support.worlds.fake_worker import install

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker link, and workers that have just beaten."""
    status = GatewayStatus(
        broker_up=True, since_ms=1_790_000_000_000, gateways=(GatewayRow(key="g", alive=True, broker_up=True),)
    )
    monkeypatch.setattr(observer, "gateway_status", lambda: status)
    install()
    ShardState.objects.update(beat_ms=int(time.time() * 1000))


async def ready() -> tuple[int, dict[str, Any]]:
    answer = await AsyncClient().get("/readyz")
    body = answer.json()
    assert answer["Cache-Control"] == "no-store"
    assert body["status"] == ("ready" if answer.status_code == 200 else "not ready")
    assert list(body["checks"]) == ["database", "channel_layer", "broker_link", "shards"]
    return answer.status_code, body["checks"]


def broken(checks: dict[str, Any]) -> list[str]:
    return [name for name, check in checks.items() if not check["ok"]]


def test_healthz_asks_nobody(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_all_well() -> None:
    status, checks = await ready()
    assert (status, broken(checks)) == (200, [])
    assert checks["broker_link"]["detail"] == "up since 2026-09-21T14:13:20Z, 1 gateway(s) alive"


async def test_a_shard_without_a_beat() -> None:
    await ShardState.objects.filter(shard__in=[1, 3]).aupdate(beat_ms=int(time.time() * 1000) - 7_000)
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["shards"])
    assert checks["shards"]["detail"] == "no worker for shard 1, 3"


async def test_the_broker_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "gateway_status", GatewayStatus)
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["broker_link"])
    assert checks["broker_link"]["detail"] == "down, 0 gateway(s) alive"


async def test_a_layer_that_fails_or_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        async def new_channel(self) -> str:
            raise ConnectionError("Error 111 connecting\nto somewhere")

    class Hanging(Failing):
        async def new_channel(self) -> str:
            return await asyncio.Event().wait()  # type: ignore[return-value]

    channel_layers.backends["default"] = Failing()
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["channel_layer"])
    assert checks["channel_layer"]["detail"] == "Error 111 connecting"
    monkeypatch.setattr(observer, "LAYER_S", 0.05)
    channel_layers.backends["default"] = Hanging()
    assert (await ready())[1]["channel_layer"]["detail"] == "no answer within 0.05 s"


async def test_case_j6_a_database_that_fails_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_count: int) -> None:
        raise OperationalError('FATAL:  database "nothing" does not exist\nDETAIL: …')

    monkeypatch.setattr(observer, "read_facts", fail)
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["database", "broker_link", "shards"])
    assert checks["database"]["detail"] == 'can\'t be read: FATAL:  database "nothing" does not exist'
    assert checks["shards"]["detail"] == "not known without the database"


async def test_case_j3_a_database_that_takes_no_writes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    await ShardState.objects.aupdate(beat_ms=int(time.time() * 1000) - 60_000)

    def fail() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(observer, "_write", fail)
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["database", "broker_link", "shards"])
    assert checks["database"]["detail"] == "can't be written: database is locked"
    assert checks["broker_link"]["detail"] == "not known without the database"


async def test_a_database_that_hangs_does_not_hold_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(observer, "read_facts", lambda _count: released.wait(30))
    monkeypatch.setattr(observer, "LIMIT_S", 0.05)
    began = time.monotonic()
    status, checks = await ready()
    took_s = time.monotonic() - began
    released.set()
    assert (status, checks["database"]["detail"]) == (503, "can't be read: no answer within 0.05 s")
    assert checks["channel_layer"]["ok"]
    assert took_s < 10


async def test_case_f8_another_number_of_shards_is_not_ready() -> None:
    await Installation.objects.aupdate(shards=5)
    status, checks = await ready()
    assert (status, broken(checks)) == (503, ["shards"])
    assert checks["shards"]["detail"].startswith("BRIDGE_SHARDS: 4 here")


def test_case_j1_a_process_without_connections_for_long_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.0, 129.0, 130.0))
    starving = Starvation(lambda: next(clock))
    starving.has_room = lambda: False
    monkeypatch.setattr("devices.web.operations.health.starvation", starving)
    starving.refused()
    for status in (200, 503):
        assert Client().get("/healthz").status_code == status
    starving.has_room = lambda: True
    assert Client().get("/healthz").status_code == 200
