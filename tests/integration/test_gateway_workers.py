"""Gateway and real workers together: bursts survive killed workers, nothing is lost or applied twice."""

from collections.abc import Callable

import pytest

from tests.support.clients.flow import balanced
from tests.support.worlds.history import listed_numbers
from tests.support.worlds.system import System

COUNT = 5_000


@pytest.fixture(params=["5", "3.1.1"])
def system(request: pytest.FixtureRequest, causeway: Callable[..., System]) -> System:
    """A system for each MQTT version."""
    return causeway(MQTT_VERSION=request.param)


def test_a_burst_with_killed_workers_is_applied_once_and_in_order(system: System) -> None:
    client = system.mqtt()
    messages = [(f"devices/demo/d{n % 5}/telemetry", {"n": n}) for n in range(COUNT)]
    client.publish_all(messages[: COUNT // 2])
    for worker in system.workers:
        worker.kill()
    client.publish_all(messages[COUNT // 2 :])
    for worker in system.workers:
        worker.start()
    found = balanced(system, COUNT, 60)
    assert (found["applied"], found["duplicate"]) == (COUNT, 0)
    for device in range(5):
        assert listed_numbers(system, f"demo/d{device}") == list(range(device, COUNT, 5))
