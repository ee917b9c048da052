"""A dialect's devices through all processes: what a source says is remembered by whoever works on its shard next."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row, rows
from tests.support.dialects.spoken import SPOKEN
from tests.support.waiting import eventually
from tests.support.worlds.system import System

pytestmark = pytest.mark.timeout(240)

NAMES_ITS_FILTER = 18  # row: from then on a device's own topics are heard, which no filter of ours covers
COMMANDS = 1  # among the rows before; nobody hears them
FIRST, LATER = rows("tasmota")[:NAMES_ITS_FILTER], rows("tasmota")[NAMES_ITS_FILTER:]


def test_tasmotas_devices_are_the_same_although_the_worker_is_killed_in_the_middle(
    causeway: Callable[..., System],
) -> None:
    system = causeway(workers=1, DIALECTS="native,tasmota@home")
    device = system.mqtt()
    device.subscribe("cmnd/#")
    publish(system, FIRST, kills=True)
    wait_settled(system, len(FIRST) - COMMANDS)  # with what is retained on the topics that are heard only now
    publish(system, LATER, kills=True)
    wait_settled(system, len(FIRST) + len(LATER) - COMMANDS)
    player = Player(SPOKEN["tasmota"].dialect()).play(rows("tasmota"))
    api = system.api(site=None)
    for key, twin in player.twins.items():
        found = api("GET", f"/devices/{key}").json()
        assert {name: one["value"] for name, one in found["metrics"].items()} == values(player, key), key
        assert found["reported"] == twin.reported.value
        assert len(api("GET", f"/devices/{key}/readings").json()["items"]) == readings(player, key), key
    described = api("GET", "/devices/home/tasmota~tasmota_A1B2C3").json()["description"]
    assert (described["name"], described["dialect"]) == ("Desk plug", "tasmota")
    assert any(one.topic.startswith("cmnd/tasmota_A1B2C3/") for one in device.received())


def publish(system: System, some: tuple[Row, ...], *, kills: bool) -> None:
    """As devices do; the worker is killed when the half is sent, and another one comes for the rest."""
    for number, row in enumerate(some):
        if kills and number == len(some) // 2:
            system.workers[0].kill()
            system.workers[0].start()
        system.publish(row.topic, row.payload, retain=row.retain)


def wait_settled(system: System, received: int) -> None:
    """Wait until so many messages have come, and nothing is under way any more."""
    ledger = system.api("auditor", "admin", None)

    def probe() -> bool:
        found: dict[str, Any] = ledger("GET", "/ledger").json()
        return found["in_flight"] == 0 and bool(found["balanced"]) and found["received"] >= received

    eventually(probe, 60, what="all is applied", retry_on=(httpx.HTTPError,))


def readings(player: Player, key: str) -> int:
    """How many the device's messages make."""
    return sum(one.device == key and type(one.what).__name__ == "NewReading" for one in player.happened)
