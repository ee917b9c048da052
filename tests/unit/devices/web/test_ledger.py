"""The ledger: sums of what is counted at different places."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from devices.models import LedgerCount
from devices.web.api.schemas import Ledger as LedgerSchema
from devices.web.ledger import gateway_status

pytestmark = pytest.mark.django_db


def gateways() -> Any:
    return SimpleNamespace(
        broker_up=True,
        since_ms=5,
        gateways=(),
        received=100,
        rejected={"odd_levels": 3, "bad_name": 1},
        dropped=7,
        in_flight=2,
    )


def test_it_adds_shards_and_gateways(as_role: Callable[..., Client], settings: Any) -> None:
    settings.CAUSEWAY_GATEWAY_STATUS = f"{__name__}.gateways"
    for shard, outcome, reason, count in (
        (0, "applied", "", 50), (1, "applied", "", 20), (0, "duplicate", "", 4), (0, "quarantined", "bad_json", 2),
        (3, "quarantined", "bad_json", 1), (3, "quarantined", "too_deep", 6), (2, "rejected", "bad_name", 3),
        (2, "rejected", "unknown_device", 1),
    ):  # fmt: skip
        LedgerCount.objects.create(shard=shard, outcome=outcome, reason=reason, count=count)
    body = as_role(demo="viewer").get("/api/v1/ledger").json()
    LedgerSchema.model_validate(body, strict=True)
    assert body == {
        "received": 100, "applied": 70, "duplicate": 4, "quarantined": 9, "rejected": 8, "dropped": 7, "in_flight": 2,
        "reasons": {
            "quarantined": {"bad_json": 3, "too_deep": 6},
            "rejected": {"bad_name": 4, "odd_levels": 3, "unknown_device": 1},
        },
    }  # fmt: skip
    parts = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")
    assert body["received"] == sum(body[part] for part in parts)


def test_with_the_real_gateway_status_an_empty_installation_has_only_noughts(as_role: Callable[..., Client]) -> None:
    assert not gateway_status().broker_up
    body = as_role(all="viewer").get("/api/v1/ledger").json()
    assert body.pop("reasons") == {"quarantined": {}, "rejected": {}}
    assert set(body.values()) == {0}
