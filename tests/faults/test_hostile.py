"""A device that sends random messages of all shapes: nothing swells, and its neighbours hardly wait.

``make fuzz`` sends 10,000 of them. docs/overload.md has the figures, and says what the pace has to do with it.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from pytest_django import DjangoDbBlocker

from bridge.shards import shard_of
from tests.support.clients.flow import ledger
from tests.support.environment import ROOT
from tests.support.fuzz.neighbours import Neighbours
from tests.support.fuzz.targets import KEPT_A_BYTE, KEPT_A_READING, KEPT_AT_LEAST, kept
from tests.support.servers.databases import use_database
from tests.support.waiting import eventually
from tests.support.worlds.memory import MIB, MemoryWatch
from tests.support.worlds.system import System

MESSAGES = int(os.environ.get("CAUSEWAY_HOSTILE_MESSAGES", "300"))
SEED = os.environ.get("CAUSEWAY_FUZZ_SEED", "1")
PACE = os.environ.get("CAUSEWAY_HOSTILE_PACE", "20")  # a second
GROWTH = 64 * MIB
BEHIND_MS = 500
AT_REST = 25  # messages of each neighbour
HOSTILE = "demo/hostile"


def neighbour(system: System, *, same_shard: bool) -> str:
    """A device of the hostile one's shard, or of another one."""
    shards = int(system.settings["BRIDGE_SHARDS"])
    numbered = (f"demo/beside-{number}" for number in range(1_000))
    return next(key for key in numbered if (shard_of(key, shards) == shard_of(HOSTILE, shards)) is same_shard)


@pytest.mark.timeout(60 + MESSAGES)
def test_case_h_a_hostile_device_swells_nothing_and_holds_up_nobody(
    causeway: Callable[..., System], django_db_blocker: DjangoDbBlocker
) -> None:
    system = causeway()
    devices = [neighbour(system, same_shard=same) for same in (True, False)]
    with Neighbours(system, devices) as neighbours, MemoryWatch(system.processes()) as memory:
        attack(system, 20)  # what is loaded but once is not counted
        memory.mark()
        neighbours.mark()
        eventually(lambda: all(one.sent >= AT_REST for one in neighbours.behind.values()), 30, what="their own time")
        rest_ms = neighbours.longest_ms
        neighbours.mark()
        before = ledger(system)["received"]
        size = attack(system, MESSAGES)
        eventually(lambda: settled(system, before + MESSAGES), 60 + MESSAGES, what="all of it is carried out")
        for device, behind in neighbours.behind.items():
            print(f"{device}: {behind}; at rest at most {rest_ms:.0f} ms")
        longest_ms = neighbours.longest_ms
        memory.check(GROWTH)
    with use_database(system.settings["DATABASE_URL"], django_db_blocker):
        bytes_kept, readings = kept(HOSTILE)
    allowed = KEPT_A_BYTE * size + KEPT_A_READING * readings + KEPT_AT_LEAST * MESSAGES
    print(f"{MESSAGES} messages, {size} bytes sent, {bytes_kept} kept, of them {readings} readings; {allowed} allowed")
    assert bytes_kept <= allowed
    assert longest_ms <= BEHIND_MS + rest_ms, "what a busy machine takes at rest does not count"


def attack(system: System, count: int) -> int:
    """Send so many; how many bytes that were."""
    told = [str(system.parts.mosquitto.port), f"devices/{HOSTILE}", str(count), SEED, "--pace", PACE]
    program = [sys.executable, "-m", "tests.support.fuzz.hostile_device", *told]
    return int(subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def settled(system: System, received: int) -> bool:
    """Whether so many have come, and all of them are accounted for."""
    counts = ledger(system)
    return bool(counts["received"] >= received and counts["in_flight"] <= 2)
