"""``run_handlers`` as a process beside the others, on the real parts: each item's effect exactly once, in order."""

import json
from collections.abc import Callable
from typing import Any

import psycopg

from tests.support.servers.processes import manage, run_command
from tests.support.waiting import eventually
from tests.support.worlds.system import System

SETTINGS = {"CAUSEWAY_APPS": "tests.apps.irrigation,tests.apps.stubborn"}
PATIENCE_S = 120
DEVICES = ["hall/fern", "hall/palm", "yard/rose"]
READINGS = 60  # a device
PLANTS = (
    "from django.core.management import call_command\n"
    "call_command('migrate', 'irrigation', verbosity=0)\n"
    "from devices.requests.registry import register_device\n"
    "from tests.apps.irrigation.models import Plant\n"
    f"for key in {DEVICES}: Plant.objects.create(device=register_device(key), dry_below=1000)"
)
WATERED = (
    "SELECT device.key, watering.moisture FROM irrigation_watering AS watering"
    " JOIN devices_device AS device ON device.id = plant_id ORDER BY watering.id"
)
PARKED = "SELECT device FROM devices_handlerdevice WHERE parked_ms > 0"
KEPT = "SELECT device, state FROM devices_handlerdevice WHERE state <> '{}' ORDER BY device"
COMMANDS = "SELECT device_id, count(*), count(DISTINCT idempotency_key) FROM devices_command GROUP BY 1"


def test_each_takes_effect_once_though_processes_are_killed_and_hang(causeway: Callable[..., System]) -> None:
    system = causeway(workers=1, start=False)
    run_command(manage("shell", "-c", PLANTS), {**system.settings, **SETTINGS}, timeout_s=PATIENCE_S)
    handlers = system.process("handlers", manage("run_handlers"), **SETTINGS)
    for process in (system.gateway, *system.workers, handlers):
        process.start()
    system.workers[0].wait_for_line("device workers started", PATIENCE_S)
    eventually(lambda: _begun(system) == 8, PATIENCE_S, what="both handlers have begun in all shards")

    _publish(system, 0, READINGS // 2)
    eventually(lambda: _watered(system), PATIENCE_S, what="the first readings have taken effect")
    handlers.kill()
    _publish(system, READINGS // 2, READINGS)
    for name in ("before", "hang", "after"):
        system.publish(f"devices/{DEVICES[0]}/event/{name}", {})
    system.publish(f"devices/{DEVICES[2]}/event/other", {})
    handlers.start()
    eventually(lambda: sum(map(len, _watered(system).values())) >= 3 * READINGS, PATIENCE_S, what="all took effect")
    assert _watered(system) == {key: [float(number) for number in range(READINGS)] for key in DEVICES}
    assert [row[1:] for row in _query(system, COMMANDS)] == [(READINGS, READINGS)] * 3
    handlers.wait_for_line("a handler took too long: killed", PATIENCE_S)
    eventually(lambda: _query(system, PARKED) == [(DEVICES[0],)], PATIENCE_S, what="the device waits")
    eventually(lambda: _kept(system) == [(DEVICES[0], ["before"]), (DEVICES[2], ["other"])], PATIENCE_S)
    assert handlers.terminate() == 0
    assert "handlers stopped" in handlers.log()
    eventually(lambda: not handlers.has_left_something(), PATIENCE_S, what="all of its processes have ended")


def _publish(system: System, first: int, last: int) -> None:
    for number in range(first, last):
        for key in DEVICES:
            system.publish(f"devices/{key}/telemetry", {"moisture": number})


def _begun(system: System) -> int:
    return len(_query(system, "SELECT 1 FROM devices_handlercursor WHERE begin = '' AND owner <> ''"))


def _watered(system: System) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for key, moisture in _query(system, WATERED):
        found.setdefault(key, []).append(moisture)
    return found


def _kept(system: System) -> list[tuple[str, list[str]]]:
    return [(device, json.loads(state)["events"]) for device, state in _query(system, KEPT)]


def _query(system: System, statement: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(system.settings["DATABASE_URL"], connect_timeout=3) as connection:
        return connection.execute(statement).fetchall()
