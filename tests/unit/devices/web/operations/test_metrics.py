"""/metrics."""

import time
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.gateways import provider
from devices.models import Command, LedgerCount, ShardState
from devices.rules.presence import seen
from tests.support.worlds.fake_worker import install, set_twin

pytestmark = pytest.mark.django_db


def scrape() -> dict[tuple[str, ...], float]:
    """Sample name and label values → value."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_what_the_tables_say() -> None:
    lamp = set_twin("demo/lamp", lambda twin: seen(twin, 5))
    set_twin("demo/pump")
    LedgerCount.objects.create(shard=0, outcome="applied", reason="", count=40)
    LedgerCount.objects.create(shard=1, outcome="applied", reason="", count=2)
    LedgerCount.objects.create(shard=1, outcome="quarantined", reason="bad_json", count=3)
    LedgerCount.objects.create(shard=1, outcome="noted", reason="not_finite", count=5)
    LedgerCount.objects.create(shard=2, outcome="noted", reason="not_finite", count=2)
    LedgerCount.objects.create(shard=0, outcome="received", reason="", count=40)
    LedgerCount.objects.create(shard=1, outcome="received", reason="", count=6)
    for status in ("accepted", "sent", "sent", "done"):
        now = timezone.now()
        Command.objects.create(
            device=lamp, name="x", args={}, timeline=[], status=status, created_at=now, expires_at=now
        )
    install()
    ShardState.objects.filter(shard=2).update(commit=17, beat_ms=int(time.time() * 1000) - 2_000)
    found = scrape()
    assert found["causeway_database_up",] == 1
    assert found["causeway_deliveries_total", "applied", ""] == 42
    assert found["causeway_deliveries_total", "quarantined", "bad_json"] == 3
    assert found["causeway_noted_total", "not_finite"] == 7
    assert found["causeway_received_total",] == 46
    assert found["causeway_shard_received_total", "1"] == 6
    assert found["causeway_shard_deliveries_total", "applied", "1"] == 2
    assert found["causeway_ledger_balanced",] == 0, "one is missing in shard 1"
    assert found["causeway_in_flight",] == found["causeway_broker_up",] == 0
    assert [found["causeway_devices", status] for status in ("online", "offline", "stale", "unknown")] == [1, 0, 0, 1]
    assert [found["causeway_commands_open", status] for status in ("accepted", "sent", "delivered")] == [1, 2, 0]
    assert ("causeway_commands_open", "done") not in found
    assert found["causeway_shard_commits_total", "2"] == 17
    assert 2 <= found["causeway_shard_beat_age_seconds", "2"] < 30
    assert ("causeway_shard_beat_age_seconds", "0") not in found, "no worker ever had it"
    assert found["process_resident_memory_bytes",] > 0


def test_what_gateways_say_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "status", status)
    found = scrape()
    assert found["causeway_gateway_deliveries_total", "g", "rejected"] == 3
    assert found["causeway_gateway_deliveries_total", "g", "dropped"] == 2
    assert found["causeway_gateway_in_flight", "g"] == found["causeway_in_flight",] == 4
    assert found["causeway_received_total",] == 5, "without those in flight"
    assert found["causeway_ledger_balanced",] == 1


def status() -> GatewayStatus:
    row = GatewayRow(
        key="g", name="g", alive=True, rejected={"odd_levels": 3}, dropped=2, entered_epoch=5, entered={0: 4}
    )
    return GatewayStatus(broker_up=True, since_ms=5, gateways=(row,))


def test_without_a_database_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("devices.web.operations.metrics.read_ledger", lambda _status: down())
    found = scrape()
    assert found["causeway_database_up",] == 0
    assert found["process_resident_memory_bytes",] > 0
    assert not any(name[0].startswith("causeway_devices") for name in found)


def test_a_scrape_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        set_twin(f"demo/d{number}")
    with django_assert_max_num_queries(8):
        scrape()
