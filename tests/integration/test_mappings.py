"""A mapping over a real broker: made while all runs, it reads what is retained and what comes; changed, likewise."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, System

pytestmark = pytest.mark.integration

Api = Callable[..., httpx.Response]
RULE = {"site": "home", "pattern": "weather/{device}/{metric}", "payload": "number", "unit": "°C", "decimal": ","}


def test_a_mapping_takes_effect_without_a_restart(causeway: Factory) -> None:
    system = causeway(workers=1)
    admin = system.api("root", "admin", None)
    system.publish("weather/roof/dew", "7,5", retain=True)
    made = admin("POST", "/mappings", json=RULE)
    assert made.status_code == 201, made.text
    heard(admin, "dew", 7.5)
    system.publish("weather/roof/t", "21,5")
    heard(admin, "t", 21.5)
    described = admin("GET", "/devices/home/roof/description").json()
    assert {one["metric"]: one["unit"] for one in described["properties"]} == {"dew": "°C", "t": "°C"}
    readings = admin("GET", "/devices/home/roof/readings").json()["items"]
    assert [one["metrics"] for one in readings] == [{"t": 21.5}]  # what was retained fills

    admin("PUT", f"/mappings/{made.json()['id']}", json={**RULE, "scale": 0.1})
    eventually(lambda: published(system, admin, "215") == 21.5, 20, what="the new rule counts", pause_s=0.5)


def published(system: System, api: Api, payload: str) -> Any:
    """A value's, once it was published."""
    system.publish("weather/roof/x", payload)
    return values(api).get("x")


def heard(api: Api, metric: str, value: float) -> None:
    """Wait until a metric has a value."""
    eventually(lambda: values(api).get(metric) == value, 15, what=f"{metric} is {value}")


def values(api: Api) -> dict[str, Any]:
    """The device's latest values."""
    answer = api("GET", "/devices/home/roof")
    return {name: one["value"] for name, one in answer.json()["metrics"].items()} if answer.is_success else {}
