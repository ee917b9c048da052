"""Calculated metrics over HTTP and from a file: rights, refusals, preview."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from bridge.observations import RawReading, Telemetry
from devices.models import CalculatedMetric, Reading
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.twin import TwinState
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/calculated-metrics"
T0 = 1_790_000_000_000
POWER = {"metric": "power", "expression": "u * i", "scope": {"site": "demo"}, "unit": "W"}


def post(client: Client, path: str, value: Any) -> Any:
    return client.post(f"{URL}{path}", value, "application/json")


def sends(twin: TwinState) -> None:
    reduce(twin, Telemetry((RawReading(T0, {"power": 1}),)), Arrival(T0), Limits())


def test_one_is_made_changed_and_deleted(as_role: Callable[..., Client]) -> None:
    client = as_role(demo="admin")
    made = post(client, "", POWER)
    assert made.status_code == 201
    one = made.json()
    assert (one["version"], one["kind"], one["unit"], one["enabled"]) == (1, "number", "W", True)
    assert client.get(URL).json()["items"] == [one]
    changed = client.put(f"{URL}/{one['id']}", {**one, "expression": "u * i * 2"}, "application/json")
    assert (changed.json()["version"], changed["ETag"]) == (2, '"2"')
    assert client.delete(f"{URL}/{one['id']}").status_code == 204
    assert client.get(f"{URL}/{one['id']}").status_code == 404


def test_only_admins_of_its_site_may(as_role: Callable[..., Client]) -> None:
    assert post(as_role("op", demo="operator"), "", POWER).status_code == 403
    assert post(as_role("boss", demo="admin"), "", {**POWER, "scope": None}).status_code == 403
    everywhere = as_role("all", all="admin")
    assert post(everywhere, "", {**POWER, "scope": None}).status_code == 201
    assert post(everywhere, "", {**POWER, "scope": {"site": "home"}}).status_code == 201
    assert len(as_role("viewer", demo="viewer").get(URL).json()["items"]) == 1


def test_what_a_device_sends_itself_is_refused(as_role: Callable[..., Client]) -> None:
    set_twin("demo/meter", sends)
    client = as_role(demo="admin")
    answer = post(client, "", POWER)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "demo/meter sends power itself" in answer.json()["detail"]
    assert post(client, "", {**POWER, "scope": {"devices": ["demo/other"]}}).status_code == 201


def test_twice_at_the_same_devices_is_refused(as_role: Callable[..., Client]) -> None:
    client = as_role(demo="admin")
    assert post(client, "", POWER).status_code == 201
    assert post(client, "", POWER).status_code == 409


@pytest.mark.parametrize(
    "change", [{"expression": "u *"}, {"expression": "power + 1"}, {"metric": ""}, {"kind": "x"}, {"more": 1}]
)
def test_nonsense_is_refused(as_role: Callable[..., Client], change: dict[str, Any]) -> None:
    assert post(as_role(demo="admin"), "", POWER | change).status_code == 400


def test_a_preview_says_what_it_would_have_come_to(as_role: Callable[..., Client]) -> None:
    device = set_twin("demo/meter")
    rows = [(-90_000, {"i": 2}), (0, {"u": 10}), (60_000, {"u": 20}), (120_000, {"i": None}), (180_000, {"x": 1})]
    Reading.objects.bulk_create(
        Reading(device=device, rev=rev, ts=T0 + ts, received_ms=T0 + ts, metrics=metrics)
        for rev, (ts, metrics) in enumerate(rows, 1)
    )
    client = as_role(demo="viewer")
    ask = {"calculated": POWER, "device": "demo/meter", "since": T0, "until": T0 + 200_000}
    assert post(client, "/preview", ask).json() == {
        "ts": [T0, T0 + 60_000, T0 + 120_000], "values": [20, 40, None], "readings": 4, "cut": False
    }  # fmt: skip
    windowed = {"metric": "mean", "expression": 'mean(u, "5m")'}
    assert post(client, "/preview", {**ask, "calculated": windowed}).json()["values"] == [10, 15]
    assert post(client, "/preview", {**ask, "device": "home/meter"}).status_code == 404
    assert post(client, "/preview", {**ask, "until": 1}).status_code == 400


def test_from_a_file(db: None, tmp_path: Path) -> None:
    file = tmp_path / "calculated.yaml"
    file.write_text("- {metric: power, expression: u * i, unit: W}\n- {metric: mean, expression: 'mean(u, \"1h\")'}\n")
    call_command("load_calculated_metrics", str(file))
    assert [row.metric for row in CalculatedMetric.objects.order_by("pk")] == ["power", "mean"]
    file.write_text("- {metric: power, expression: u * i * 2}\n")
    call_command("load_calculated_metrics", str(file), "--replace")
    assert [(row.metric, row.version) for row in CalculatedMetric.objects.all()] == [("power", 2)]
    file.write_text("- {metric: power, expression: u *}\n")
    with pytest.raises(CommandError, match="metric 1: expression: it is no expression"):
        call_command("load_calculated_metrics", str(file))
