"""Readings over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from devices.models import Device, Reading, Twin
from devices.web.api.schemas import Reading as ReadingSchema
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/devices/demo/lamp/readings"
T0 = 1_790_000_000_000  # 2026-09-21T14:13:20Z

METRICS: list[dict[str, Any]] = [
    {"t": 20.5},
    {"t": None, "h": 50},
    {"h": 51, 'x"t': 1},
    {"text": ',"t":5', "h": {}},
    {"ü": True, "a,b": 1},
]


@pytest.fixture
def lamp(db: None) -> Device:
    device = set_twin("demo/lamp")
    other = set_twin("demo/other")
    Reading.objects.create(device=other, rev=1, ts=T0, received_ms=T0, metrics={"t": 99})
    for number, metrics in enumerate(METRICS):
        Reading.objects.create(
            device=device, rev=10 + 2 * number, ts=T0 + 1000 * (number % 3), received_ms=T0 + 7, metrics=metrics
        )
    return device


@pytest.fixture
def revs(as_role: Callable[..., Client], lamp: Device) -> Callable[..., list[int]]:
    client = as_role(demo="viewer")

    def get(**query: Any) -> list[int]:
        answer = client.get(URL, query)
        assert answer.status_code == 200, answer.content
        return [item["rev"] for item in answer.json()["items"]]

    return get


def test_readings_come_in_rev_order_as_they_are(as_role: Callable[..., Client], lamp: Device) -> None:
    body = as_role(demo="viewer").get(URL).json()
    assert body["next"] is None
    assert [item["rev"] for item in body["items"]] == [10, 12, 14, 16, 18]
    assert [item["metrics"] for item in body["items"]] == METRICS
    assert body["items"][1] == {
        "rev": 12, "ts": T0 + 1000, "received_at": "2026-09-21T14:13:20.007Z", "metrics": {"t": None, "h": 50},
        "clamped": False,
    }  # fmt: skip
    ReadingSchema.model_validate(body["items"][0], strict=True)


def test_by_metric_only_that_metric(as_role: Callable[..., Client], lamp: Device) -> None:
    client = as_role(demo="viewer")

    def found(*names: str) -> list[Any]:
        return [item["metrics"] for item in client.get(URL, {"metric": names}).json()["items"]]

    assert found("t") == [{"t": 20.5}, {"t": None}], "neither a name that ends so nor a text that looks so"
    assert found("h") == [{"h": 50}, {"h": 51}, {"h": {}}]
    assert found("t", "ü") == [{"t": 20.5}, {"t": None}, {"ü": True}]
    assert found('x"t') == [{'x"t': 1}]
    assert found("a,b") == [{"a,b": 1}]
    assert found("nothing") == []


def test_by_time(revs: Callable[..., list[int]]) -> None:
    assert revs(since=T0 + 1000) == [12, 14, 18]
    assert revs(until=T0 + 1000) == [10, 16]
    assert revs(since=T0 + 1000, until=T0 + 2000) == [12, 18]
    for same in (
        "2026-09-21T14:13:21Z",
        "2026-09-21T16:13:21.000+02:00",
        "2026-09-21T16:13:21 02:00",
        "2026-09-21t14:13:21z",
    ):
        assert revs(since=same) == [12, 14, 18]


def test_by_rev_in_pages(as_role: Callable[..., Client], lamp: Device, revs: Callable[..., list[int]]) -> None:
    assert revs(after_rev=12) == [14, 16, 18]
    assert revs(after_rev=18) == []
    client = as_role("other", demo="viewer")
    first = client.get(URL, {"limit": 2, "after_rev": 10}).json()
    second = client.get(URL, {"limit": 2, "after_rev": 10, "cursor": first["next"]}).json()
    assert [item["rev"] for page in (first, second) for item in page["items"]] == [12, 14, 16, 18]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"), ("since", ""), ("until", "2026-09-21T14:13:20"), ("until", "2026-09-21"),
        ("since", "1.5"), ("since", "9" * 40), ("since", "²"), ("limit", 0), ("limit", 1001), ("after_rev", "x"),
        ("cursor", "x"),
    ],
)  # fmt: skip
def test_bad_parameters_are_named(as_role: Callable[..., Client], lamp: Device, name: str, value: Any) -> None:
    answer = as_role(demo="viewer").get(URL, {name: value})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(name)


def test_a_page_says_through_which_rev_readings_may_be_gone(as_role: Callable[..., Client], lamp: Device) -> None:
    client = as_role(demo="viewer")
    assert client.get(URL).json()["purged_rev"] == 0
    Reading.objects.filter(device=lamp, rev__lte=12).delete()
    Twin.objects.filter(device=lamp).update(purged_rev=12)
    page = client.get(URL, {"after_rev": 10}).json()
    assert ([item["rev"] for item in page["items"]], page["purged_rev"]) == ([14, 16, 18], 12)


def test_case_d2_the_newest_first_goes_by_time_and_a_late_one_stands_in_its_place(
    as_role: Callable[..., Client], lamp: Device
) -> None:
    Reading.objects.create(device=lamp, rev=20, ts=T0 - 86_400_000, received_ms=T0, metrics={"t": 1})
    client = as_role(demo="viewer")

    def pages(limit: int, **query: Any) -> list[list[int]]:
        found, cursor = [], None
        while True:
            asked: dict[str, Any] = {"order": "newest", "limit": limit, **query, **cursor_of(cursor)}
            body = client.get(URL, asked).json()
            found.append([item["rev"] for item in body["items"]])
            cursor = body["next"]
            if cursor is None:
                return found

    assert pages(100) == [[14, 18, 12, 16, 10, 20]]
    assert pages(1) == [[14], [18], [12], [16], [10], [20]], "equal times are told apart by rev"
    assert pages(4) == [[14, 18, 12, 16], [10, 20]]
    assert pages(2, since=T0, until=T0 + 2000) == [[18, 12], [16, 10]]
    assert pages(2, after_rev=14) == [[18, 16], [20]]


def test_each_order_has_its_own_cursors(as_role: Callable[..., Client], lamp: Device) -> None:
    client = as_role(demo="viewer")
    for order, other in (("rev", "newest"), ("newest", "rev")):
        cursor = client.get(URL, {"order": order, "limit": "1"}).json()["next"]
        assert client.get(URL, {"order": other, "cursor": cursor}).status_code == 400
    assert client.get(URL, {"order": "oldest"}).status_code == 400


def cursor_of(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"cursor": cursor}
