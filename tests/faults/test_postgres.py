"""Faults once each under load, on PostgreSQL: each round's verdict, and that the fault was really there.

``make faults FAULTS=long`` has every fault; ``make test`` one of a kind.
"""

import pytest

from tests.faults.arena import Arena
from tests.faults.conftest import Round
from tests.faults.steps import PAUSE_S
from tests.support.thorough import thorough

DATABASE = "postgres"
pytestmark = pytest.mark.timeout(300)  # a round that fails waits until it is sure


def test_the_gateway_killed(arena: Arena, round_with: Round) -> None:
    former = arena.system.gateway.pid
    round_with("kill-gateway")
    assert arena.system.gateway.pid != former


@pytest.mark.parametrize("fault", ["kill-workers", *thorough("kill-worker")])
def test_workers_killed(arena: Arena, round_with: Round, fault: str) -> None:
    connections, former = arena.recorder.connections, {worker.pid for worker in arena.system.workers}
    round_with(fault)
    stayed = former & {worker.pid for worker in arena.system.workers}
    assert len(stayed) == (0 if fault == "kill-workers" else len(former) - 1)
    assert arena.recorder.connections == connections, "browsers stay connected"


def test_the_web_killed(arena: Arena, round_with: Round) -> None:
    connections = arena.recorder.connections
    round_with("kill-web")
    assert arena.recorder.connections > connections, "the browser had to come back"


@pytest.mark.parametrize("fault", ["kill-redis", "kill-postgres"])
def test_a_server_killed(arena: Arena, round_with: Round, fault: str) -> None:
    connections = arena.recorder.connections
    round_with(fault)
    assert arena.recorder.connections == connections, "browsers stay connected"


def test_redis_flushed(arena: Arena, round_with: Round) -> None:
    arena.redis("SET", "witness", "here")
    round_with("flush-redis")
    assert arena.redis("GET", "witness") is None


@pytest.mark.parametrize("fault", ["pause-worker", *thorough("pause-gateway", "pause-web")])
def test_one_paused(round_with: Round, fault: str) -> None:
    result = round_with(fault)
    assert result.messages > PAUSE_S * 500, "the devices went on"


@pytest.mark.parametrize("fault", ["cut-broker", *thorough("stall-broker")])
def test_the_network_to_the_broker(arena: Arena, round_with: Round, fault: str) -> None:
    before = arena.system.gateway.position()
    round_with(fault)
    lost = arena.system.gateway.count_lines("broker link down", since=before)
    assert bool(lost) == (fault == "cut-broker"), "only a cut ends the connection"


@pytest.mark.parametrize("fault", ["cut-redis", "cut-database", *thorough("slow-redis")])
def test_the_network_to_the_other_servers(arena: Arena, round_with: Round, fault: str) -> None:
    former = [process.pid for process in arena.system.processes()]
    round_with(fault)
    assert former == [process.pid for process in arena.system.processes()], "everybody stays and recovers"


def test_a_second_worker_for_a_shard_that_is_held(arena: Arena, round_with: Round) -> None:
    former = [worker.pid for worker in arena.system.workers]
    round_with("two-workers")
    assert former == [worker.pid for worker in arena.system.workers], "the owners go on"


def test_two_gateways_with_one_client_id(arena: Arena, round_with: Round) -> None:
    before = arena.system.gateway.position()
    round_with("two-gateways")
    second = (arena.system.directory / "twin-gateway.log").read_text()
    assert "standing by" in second
    assert second.count("broker link up") == 1, "it came when the first was killed"
    assert not arena.system.gateway.count_lines("broker link down", since=before), "nobody threw the first one off"


def test_everything_restarted(arena: Arena, round_with: Round) -> None:
    former = [process.pid for process in arena.system.processes()]
    round_with("restart-all")
    assert not set(former) & {process.pid for process in arena.system.processes()}


def test_the_broker_stopped(arena: Arena, round_with: Round) -> None:
    connections = arena.load.connections
    result = round_with("stop-mosquitto")
    assert arena.load.connections > connections, "the devices had to come back"
    assert result.findings.forgotten == 0


def test_the_broker_killed_forgets_what_it_will_but_we_nothing(round_with: Round) -> None:
    result = round_with("kill-mosquitto")
    assert result.is_forgetful
    assert result.recovery_s is not None, "the devices came back"


def test_several_killed(arena: Arena, round_with: Round) -> None:
    connections = arena.load.connections
    round_with("kill-several")
    assert arena.load.connections == connections, "the broker was left alone"
