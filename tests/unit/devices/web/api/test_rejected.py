"""Rejected messages over HTTP: found by topic, by those who may see their sites."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bridge.dialects.refusals.rejections import Rejection
from devices.models import Rejected
from devices.web.operations.schemas import Rejected as RejectedSchema
from mqtt_gateway.models import Rejected as RejectedByGateway
from runtime.databases.topic_samples import record

URL = "/api/v1/rejected"
T0 = 1_790_000_000_000

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rejections() -> None:
    at_gateway = [
        Rejection("devices/demo", "odd_levels", 2, T0 + 3, b"\xff"),
        Rejection("elsewhere/x", "foreign_root", 1, T0 + 1, b"no"),
    ]
    record(RejectedByGateway, "gw", at_gateway, 10)
    at_worker = [
        Rejection("devices/demo/lamp/telemetry", "unknown_device", 1, T0 + 2, b'{"t": 21}', "demo/lamp"),
        Rejection("devices/secret/lamp/telemetry", "unknown_device", 1, T0, b"{}", "secret/lamp"),
    ]
    record(Rejected, "0", at_worker, 10)


def topics(client: Client, **query: Any) -> list[str]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [item["topic"] for item in answer.json()["items"]]


def test_case_i8_they_are_found_by_topic_with_reason_and_payload(as_role: Callable[..., Client]) -> None:
    client = as_role(all="viewer")
    assert topics(client) == [
        "devices/demo", "devices/demo/lamp/telemetry", "elsewhere/x", "devices/secret/lamp/telemetry",
    ]  # fmt: skip
    assert topics(client, topic="lamp") == ["devices/demo/lamp/telemetry", "devices/secret/lamp/telemetry"]
    assert topics(client, reason="odd_levels") == ["devices/demo"]
    first, second = client.get(URL, {"topic": "demo"}).json()["items"]
    assert first == {
        "topic": "devices/demo", "reason": "odd_levels", "count": 2, "gateway": "gw", "payload": "/w==",
        "encoding": "base64", "first_at": "2026-09-21T14:13:20.003Z", "last_at": "2026-09-21T14:13:20.003Z",
    }  # fmt: skip
    assert (second["payload"], second["encoding"], second["gateway"]) == ('{"t": 21}', "utf-8", "")
    RejectedSchema.model_validate(first, strict=True)


def test_case_i8_they_come_in_pages(as_role: Callable[..., Client]) -> None:
    client = as_role(all="viewer")
    body = client.get(URL, {"limit": 3}).json()
    rest = client.get(URL, {"limit": 3, "cursor": body["next"]}).json()
    assert [item["topic"] for item in (*body["items"], *rest["items"])] == topics(client)
    assert (len(rest["items"]), rest["next"]) == (1, None)


def test_case_i8_of_other_sites_and_of_none_they_are_not_shown(as_role: Callable[..., Client]) -> None:
    assert topics(as_role(demo="viewer")) == ["devices/demo", "devices/demo/lamp/telemetry"]


def test_the_latest_are_kept_and_counted_on(as_role: Callable[..., Client]) -> None:
    record(Rejected, "0", [Rejection("devices/demo/lamp/telemetry", "unknown_device", 4, T0 + 9, b"new")], 2)
    record(Rejected, "0", [Rejection(f"devices/demo/{n}/x", "unknown_device", 1, T0 + 10 + n, b"") for n in (1, 2)], 2)
    assert set(Rejected.objects.values_list("topic", flat=True)) == {"devices/demo/1/x", "devices/demo/2/x"}
    record(Rejected, "0", [Rejection("devices/demo/1/x", "unknown_device", 4, T0 + 20, b"new")], 2)
    row = Rejected.objects.get(topic="devices/demo/1/x")
    assert (row.count, row.first_ms, row.last_ms, bytes(row.payload)) == (5, T0 + 11, T0 + 20, b"new")
