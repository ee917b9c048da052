"""The ledger: sums of what is counted at different places."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.gateways import gateway_status, provider
from devices.models import LedgerCount, LinkCursor
from devices.web.operations.ledger import read_ledger
from devices.web.operations.schemas import Ledger as LedgerSchema

pytestmark = pytest.mark.django_db

PARTS = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")


def count(shard: int, **outcomes: int) -> None:
    for outcome, number in outcomes.items():
        LedgerCount.objects.create(shard=shard, outcome=outcome, reason="", count=number)


def gateway(name: str = "g", **more: Any) -> GatewayRow:
    return GatewayRow(key=name, name=name, entered_epoch=5, **more)


def status(*rows: GatewayRow) -> GatewayStatus:
    return GatewayStatus(broker_up=True, since_ms=5, gateways=rows)


def cursor(shard: int, epoch: int, taken: int, gateway: str = "g") -> None:
    LinkCursor.objects.create(shard=shard, gateway=gateway, epoch=epoch, seq=1, delivery_count=taken)


def two_gateways() -> GatewayStatus:
    return status(
        gateway("a", rejected={"odd_levels": 3, "bad_name": 1}, dropped=7, entered={0: 60, 1: 21}),
        gateway("b", rejected={"bad_name": 2}, dropped=1, entered={0: 4}),
    )


def test_it_adds_shards_and_gateways(as_role: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "status", two_gateways)
    for shard, outcome, reason, number in (
        (0, "applied", "", 50), (1, "applied", "", 20), (0, "duplicate", "", 4), (0, "quarantined", "bad_json", 2),
        (3, "quarantined", "bad_json", 1), (3, "quarantined", "too_deep", 6), (2, "rejected", "bad_name", 3),
        (2, "rejected", "unknown_device", 1),
        (0, "received", "", 56), (1, "received", "", 20), (2, "received", "", 4), (3, "received", "", 7),
    ):  # fmt: skip
        LedgerCount.objects.create(shard=shard, outcome=outcome, reason=reason, count=number)
    cursor(0, 5, 55, "a")
    cursor(1, 5, 20, "a")
    cursor(0, 4, 9_000, "b")
    body = as_role(demo="viewer").get("/api/v1/ledger").json()
    LedgerSchema.model_validate(body, strict=True)
    nothing = {"applied": 0, "duplicate": 0, "quarantined": 0, "rejected": 0, "in_flight": 0}
    assert body == {
        "received": 111, "applied": 70, "duplicate": 4, "quarantined": 9, "rejected": 10, "dropped": 8, "in_flight": 10,
        "balanced": True,
        "reasons": {
            "quarantined": {"bad_json": 3, "too_deep": 6},
            "rejected": {"bad_name": 6, "odd_levels": 3, "unknown_device": 1},
        },
        "gateways": [
            {"name": "a", "rejected": 4, "dropped": 7, "in_flight": 6},
            {"name": "b", "rejected": 2, "dropped": 1, "in_flight": 4},
        ],
        "shards": [
            {**nothing, "shard": 0, "received": 65, "applied": 50, "duplicate": 4, "quarantined": 2, "in_flight": 9},
            {**nothing, "shard": 1, "received": 21, "applied": 20, "in_flight": 1},
            {**nothing, "shard": 2, "received": 4, "rejected": 4},
            {**nothing, "shard": 3, "received": 7, "quarantined": 7},
        ],
    }  # fmt: skip
    assert body["received"] == sum(body[part] for part in PARTS)


@pytest.mark.parametrize(
    ("epoch", "taken", "in_flight"),
    [(5, 3, 7), (5, 10, 0), (5, 12, 0), (4, 900, 10), (6, 1, 0)],
    ids=["some", "none", "the beat is old", "not heard of yet", "the beat is of a former connection"],
)
def test_in_flight_is_what_entered_less_what_is_stored(epoch: int, taken: int, in_flight: int) -> None:
    cursor(0, epoch, taken)
    ledger = read_ledger(status(gateway(entered={0: 10})))
    assert (ledger.in_flight, ledger.received, ledger.balanced) == (in_flight, in_flight, True)


@pytest.mark.parametrize(("lost", "found"), [(1, -1), (-1, 1)])
def test_an_imbalance_of_a_shard_shows_even_if_another_makes_up_for_it(lost: int, found: int) -> None:
    count(0, received=10, applied=10)
    assert read_ledger(status()).balanced
    count(1, received=10, applied=10 - lost)
    ledger = read_ledger(status())
    assert not ledger.balanced
    assert ledger.received - sum(getattr(ledger, part) for part in PARTS) == lost
    count(2, received=10, duplicate=10 - found)
    ledger = read_ledger(status())
    assert not ledger.balanced
    assert [one.shard for one in ledger.shards if not one.balanced] == [1, 2]
    assert ledger.received == sum(getattr(ledger, part) for part in PARTS)


def test_all_is_read_in_one_statement(django_assert_num_queries: Any) -> None:
    count(0, received=1, applied=1)
    cursor(0, 5, 1)
    with django_assert_num_queries(1):
        assert read_ledger(status(gateway(entered={0: 2}))).received == 2


def test_with_the_real_gateway_status_an_empty_installation_has_only_noughts(as_role: Callable[..., Client]) -> None:
    assert not gateway_status().broker_up
    body = as_role(all="viewer").get("/api/v1/ledger").json()
    assert body.pop("reasons") == {"quarantined": {}, "rejected": {}}
    assert (body.pop("gateways"), body.pop("shards"), body.pop("balanced")) == ([], [], True)
    assert set(body.values()) == {0}
