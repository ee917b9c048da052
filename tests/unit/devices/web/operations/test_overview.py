"""The operator's overview."""

from collections.abc import Callable

import pytest
from django.test import Client

from bridge.gateway_status import GatewayRow, GatewayStatus, Incident
from devices.gateways import provider
from devices.models import LedgerCount, ShardState
from devices.requests.registry import register_device
from devices.web.operations.schemas import Overview
from devices.web.operations.truth import Part, Truth
from runtime.database_clock import DatabaseNowMs

pytestmark = pytest.mark.django_db


def trouble() -> GatewayStatus:
    gateway = GatewayRow(
        key="k", name="g",
        instance="host:1:2", alive=True, broker_up=False, since_ms=40, lag_ms=90_000, in_flight=8_192,
        oldest_age_ms=4_000, in_flight_limit=8_192, saturated_ms=50, filters=("devices/#",),
        rejected={"odd_levels": 2}, dropped=1,
        entered={0: 3}, entered_epoch=1, epoch=1,
    )  # fmt: skip
    return GatewayStatus(broker_up=False, since_ms=40, gateways=(gateway,), broker_stored=12_000)


def incidents() -> tuple[Incident, ...]:
    return (Incident(kind="session_lost", gateway="g", since_ms=10, until_ms=20, count=1, detail="why"),)


def test_it_shows_who_works_and_what_is_wrong(as_role: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "status", trouble)
    monkeypatch.setattr(provider, "incidents", incidents)
    rows = ShardState.objects
    rows.filter(shard__gt=1).delete()
    rows.filter(shard=0).update(owner="worker:1", beat_ms=DatabaseNowMs(), up_since_ms=5, commit=7, committed_ms=6)
    rows.filter(shard=1).update(owner="worker:2", beat_ms=DatabaseNowMs() - 60_000, up_since_ms=6, trouble="disk full")
    LedgerCount.objects.create(shard=0, outcome="received", count=9)
    LedgerCount.objects.create(shard=0, outcome="applied", count=8)
    register_device("demo/lamp")
    body = as_role(demo="viewer").get("/api/v1/ops").json()
    Overview.model_validate(body, strict=True)
    assert body["shards"] == [
        {
            "shard": 0, "owner": "worker:1", "alive": True, "since": 5, "commits": 7, "committed": 6, "trouble": "",
            "rolled_until": 0, "rolling": 0,
        },
        {
            "shard": 1, "owner": "worker:2", "alive": False, "since": 6, "commits": 0, "committed": 0,
            "trouble": "disk full", "rolled_until": 0, "rolling": 0,
        },
    ]  # fmt: skip
    assert body["gateways"] == [
        {
            "name": "g", "instance": "host:1:2", "alive": True, "broker_up": False, "since": 40, "lag_ms": 90_000,
            "in_flight": 8_192, "in_flight_limit": 8_192, "saturated_since": 50, "oldest_ms": 4_000,
            "filters": ["devices/#"],
        }
    ]  # fmt: skip
    assert (body["broker_up"], body["broker_since"], body["broker_stored"]) == (False, 40, 12_000)
    assert body["presence"] == {"online": 0, "offline": 0, "stale": 0, "unknown": 1}
    assert body["commands"] == {"accepted": 0, "sent": 0, "delivered": 0}
    assert (body["quarantine"], body["ledger"]["balanced"]) == (0, False)
    assert body["incidents"] == [
        {"kind": "session_lost", "gateway": "g", "since": 10, "until": 20, "count": 1, "detail": "why"}
    ]


def test_with_the_real_gateway_status_an_empty_installation_is_empty(as_role: Callable[..., Client]) -> None:
    body = as_role(all="viewer").get("/api/v1/ops").json()
    Overview.model_validate(body, strict=True)
    assert (body["gateways"], body["incidents"], body["broker_up"]) == ([], [], False)
    assert not any(shard["alive"] for shard in body["shards"])


def test_it_needs_a_role(as_role: Callable[..., Client], client: Client) -> None:
    assert as_role().get("/api/v1/ops").status_code == 403
    assert client.get("/api/v1/ops").status_code == 401


def test_case_j2_what_works_is_what_readyz_and_the_link_frame_say(
    as_role: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {name: Part("up", "") for name in ("layer", "gateway", "broker", "workers")}
    truth = Truth(database=Part("down", "can't be written: disk full"), **parts, fresh=False, since=4)

    async def found() -> Truth:
        return truth

    monkeypatch.setattr("devices.web.api.operations.latest", found)
    body = as_role(demo="viewer").get("/api/v1/ops").json()
    assert body["parts"]["database"] == {"state": "down", "detail": "can't be written: disk full"}
    assert body["parts"]["broker"] == {"state": "up", "detail": ""}
    assert body["fresh"] is False
