"""Faults under load on SQLite, whose disk may be full."""

from random import Random

import pytest

from tests.faults.arena import Arena
from tests.faults.conftest import SEED, Round
from tests.faults.faults import KILLS, possible
from tests.support.thorough import LONG

DATABASE = "sqlite"
pytestmark = pytest.mark.timeout(300)  # a round that fails waits until it is sure


def test_case_j3_the_disk_full(arena: Arena, round_with: Round) -> None:
    before = [(worker, worker.position()) for worker in arena.system.workers]
    round_with("full-disk")
    refused = [worker.count_lines("disk is full|disk I/O error", since=position) for worker, position in before]
    assert sum(refused), "SQLite had no room"


def test_case_j3_locked_by_another_program(arena: Arena, round_with: Round) -> None:
    former = [process.pid for process in arena.system.processes()]
    round_with("lock-database")
    assert former == [process.pid for process in arena.system.processes()], "everybody stays and recovers"


@pytest.mark.parametrize("number", range(2 if LONG else 1))
def test_whatever_is_killed(arena: Arena, round_with: Round, number: int) -> None:
    names = possible([name for name in KILLS if name != "kill-web"], DATABASE)
    connections = arena.load.connections
    round_with(Random(f"{SEED} {number}").choice(names))
    assert arena.load.connections == connections, "the broker was left alone"
