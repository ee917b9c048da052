"""Gateway and real workers together: bursts survive killed workers, nothing is lost or applied twice."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.waiting import eventually
from tests.support.worlds.system import System

RECOVERY_S = 15
COUNT = 5_000


@pytest.fixture(params=["5", "3.1.1"])
def system(request: pytest.FixtureRequest, causeway: Callable[..., System]) -> System:
    """A system for each MQTT version."""
    return causeway(MQTT_VERSION=request.param)


def account(system: System) -> dict[str, Any]:
    """The ledger as an administrator sees it."""
    found: dict[str, Any] = system.api("auditor", "admin", None)("GET", "/ledger").json()
    return found


def settled(system: System, received: int) -> dict[str, Any]:
    """The ledger once so many deliveries have come, nothing is in flight and it balances."""

    def probe() -> dict[str, Any] | None:
        found = account(system)
        rest = sum(found[part] for part in ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight"))
        return found if received <= found["received"] == rest and found["in_flight"] == 0 else None

    found = eventually(probe, 60, what="the ledger balances with nothing in flight")
    assert found is not None
    return found


def numbers(system: System, device: str) -> list[int]:
    """The values of metric ``n`` of all readings of a device, in order."""
    api, found, cursor = system.api("auditor", "admin", None), [], None
    while True:
        query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = api("GET", f"/devices/demo/{device}/readings", params=query).json()
        found += [reading["metrics"]["n"] for reading in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return found


def test_a_burst_with_killed_workers_is_applied_once_and_in_order(system: System) -> None:
    client = system.mqtt()
    messages = [(f"devices/demo/d{n % 5}/telemetry", {"n": n}) for n in range(COUNT)]
    client.publish_all(messages[: COUNT // 2])
    for worker in system.workers:
        worker.kill()
    client.publish_all(messages[COUNT // 2 :])
    for worker in system.workers:
        worker.start()
    found = settled(system, COUNT)
    assert (found["applied"], found["duplicate"]) == (COUNT, 0)
    for device in range(5):
        assert numbers(system, f"d{device}") == list(range(device, COUNT, 5))
