"""Gateways killed under load, again and again: what the broker delivers again is counted, and has no second effect."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.clients.mqtt import MqttClient
from tests.support.waiting import eventually
from tests.support.worlds.history import listed_numbers
from tests.support.worlds.system import System

STEP = 1_200
DEVICES = 5
KILLS = 5  # at least
PARTS = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")


@pytest.fixture(params=[("5", "postgres"), ("3.1.1", "sqlite")], ids=" and ".join)
def system(request: pytest.FixtureRequest, causeway: Callable[..., System]) -> System:
    """A system for each MQTT version, and for each database."""
    version, database = request.param
    return causeway(MQTT_VERSION=version, database=database)


class Account:
    """The ledger, checked each time that it is read."""

    def __init__(self, system: System) -> None:
        self._api = system.api("auditor", "admin", None)

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = self._api("GET", "/ledger").json()
        assert found["received"] == sum(found[part] for part in PARTS), found
        assert found["balanced"], found
        for shard in found["shards"]:
            assert shard["received"] == sum(shard[part] for part in PARTS if part in shard), shard
        return found

    def stored(self) -> int:
        """How many deliveries have taken effect."""
        return int(self()["applied"])

    def wait_beyond(self, stored: int) -> None:
        """Until more have."""
        eventually(lambda: self.stored() > stored, 30, what="some are stored")

    def settled(self, sent: int) -> dict[str, Any]:
        """Once all that was sent is applied, and nothing in flight."""

        def probe() -> dict[str, Any] | None:
            found = self()
            return found if found["applied"] >= sent and found["in_flight"] == 0 else None

        found = eventually(probe, 60, what="everything is applied, and nothing in flight", retry_on=(httpx.HTTPError,))
        assert found is not None
        return found


class Kills:
    """Sends a step, and kills the gateway when some of it is stored: with luck, some that is not confirmed yet."""

    def __init__(self, system: System, account: Account) -> None:
        self.sent = 0
        self._system, self._account, self._client = system, account, system.mqtt()

    def __call__(self) -> None:
        before = self._account.stored()
        publish(self._client, range(self.sent, self.sent + STEP))
        self.sent += STEP
        self._account.wait_beyond(before)
        self._system.gateway.kill()
        self._system.gateway.start()


def publish(client: MqttClient, numbers: range) -> None:
    """Each device's readings count up; ``same`` sends one and the same."""
    client.publish_all([(f"devices/demo/d{n % DEVICES}/telemetry", {"n": n if n % DEVICES else 0}) for n in numbers])


def test_what_the_broker_delivers_again_takes_no_second_effect(system: System) -> None:
    account = Account(system)
    kill = Kills(system, account)
    for _ in range(KILLS):
        kill()
    while not (found := account.settled(kill.sent))["duplicate"]:
        assert kill.sent < STEP * KILLS * 4, "not once was anything stored and not yet confirmed"
        kill()
    assert found["applied"] == kill.sent, found
    assert listed_numbers(system, "demo/d0") == [0] * (kill.sent // DEVICES)
    for device in range(1, DEVICES):
        assert listed_numbers(system, f"demo/d{device}") == list(range(device, kill.sent, DEVICES))
