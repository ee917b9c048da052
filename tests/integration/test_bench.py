"""The benchmark drives a real system for a moment, so that it does not rot; figures mean nothing here."""

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import Effort, installed
from bench.measure.usage import all_stats, trees
from bench.peers.ceilings import alone, mosquitto_sub
from bench.programs.load import Generator
from bench.protocol.dialects import Endpoint
from bench.protocol.packets import Plan
from bench.scenarios import commands, uplink
from tests.support.servers.processes import Process
from tests.support.waiting import eventually
from tests.support.worlds.system import System

SHORT = Effort(seconds=1.0)
ROLES = {"gateway", "workers", "web", "mosquitto", "redis", "postgres", "recorder", "generator"}


def test_a_load_reaches_the_recorder_whole_and_in_order(shared_system: System) -> None:
    measured = uplink.at_rate(100, installed(shared_system), SHORT)
    figures = measured.figures
    assert (figures["lost"], figures["repeated"], figures["disordered"]) == (0, 0, 0)
    assert 50 < figures["messages_per_s"] < 150
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert measured.usage.keys() == ROLES
    assert measured.usage["workers"].cpu_s > 0
    assert 5 < measured.usage["postgres"].peak_mib < 500


def test_stretches_follow_on_each_other_and_on_other_rigs(shared_system: System) -> None:
    for _ in range(2):
        with Rig(installed(shared_system)) as rig:
            rig.warm_up()
            for _ in range(2):
                trial = rig.trial(400, 0.5)
                assert trial.received == trial.sent > 100
                assert (trial.lost, trial.repeated, trial.disordered) == (0, 0, 0)


def test_commands_come_back_done(shared_system: System) -> None:
    figures = commands.measure(2, installed(shared_system), SHORT).figures
    assert figures["round_trips_per_s"] > 1
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]


def test_an_endpoint_that_refuses_is_told(shared_system: System) -> None:
    nobody = Endpoint(f"ws://127.0.0.1:{shared_system.port}/ws/v1/", first='{"type":"subscribe","id":"1","site":"*"}')
    ours = replace(installed(shared_system), endpoint=nobody)
    with pytest.raises(BenchError, match="the recorder has ended"), Rig(ours):
        pass


def test_the_generator_is_checked_against_mosquitto_sub(tmp_path: Path) -> None:
    with alone(tmp_path, name="alone", command=mosquitto_sub) as client:
        with Generator(Plan(port=client.mqtt_port, size=120, stamp=True)) as generator:
            outcome = generator.run(seconds=0.5)
        eventually(lambda: client.received >= outcome.sent, what="all is received")
        assert client.received == outcome.sent == outcome.confirmed > 100


def _below(pid: int) -> list[int]:
    """All that a process has started, sessions of their own included."""
    return [below for below in trees([pid], all_stats()) if below != pid]


def test_a_run_writes_its_results_and_ctrl_c_ends_all_that_it_started(tmp_path: Path) -> None:
    only = ["--only", "commands", "--rounds", "1"]
    bench = Process(
        "bench", [sys.executable, "-m", "bench", *only, "--output", str(tmp_path)], {}, tmp_path / "bench.log"
    )
    bench.start()
    results = tmp_path / "results.json"
    bench.wait_for_line("commands/1, round 1, Causeway", 100)
    eventually(results.exists, what="the first scenario's results are written")
    servers = _below(bench.pid)
    assert len(servers) >= 4, "gateway, workers and web at least: the servers may be containers"
    assert bench.interrupt(60) == 128 + signal.SIGINT, bench.tail()
    assert not [pid for pid in servers if Path(f"/proc/{pid}").exists()]
    found = json.loads(results.read_text())
    assert found["mode"] == "quick"
    assert found["scenarios"]["commands/1"]["installations"]["Causeway"]["figures"]["p50_ms"]["rounds"]
