"""The benchmark drives a real system for a moment, so that it does not rot; figures mean nothing here."""

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.drive import driving
from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import Causeway, Effort, installed
from bench.measure.results import OURS
from bench.measure.usage import all_stats, trees
from bench.peers.ceilings import alone, mosquitto_sub
from bench.programs.load import Generator
from bench.protocol.dialects import Endpoint
from bench.protocol.packets import Plan
from bench.scenarios import commands, rates, start, uplink
from tests.support.servers.processes import Process, run_command
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.system import System

SHORT = Effort(seconds=1.0)
BENCH = [sys.executable, "-m", "bench"]
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


def _measured_alone(ours: Causeway) -> None:
    effort = Effort()
    lone = rates.lone(ours, effort).figures
    assert (lone["lost"], lone["repeated"]) == (0, 0)
    assert 0 < lone["p50_ms"] <= lone["p99_ms"]
    assert all(0 <= cores < 1 for cores in effort.idle[OURS][0].values())


def _measured_from_the_start(ours: Causeway) -> None:
    started = start.measure(ours, Effort()).figures
    assert all(0.05 < started[f"{role}_cpu_s"] < 20 for role in start.ROLES)


@pytest.mark.parametrize("are", [_measured_alone, *([_measured_from_the_start] if LONG else [])])
def test_messages_and_starts(
    are: Callable[[Causeway], None], shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, seconds in ((rates, "_LONE_S", 2.0), (rates, "_IDLE_S", 1.0), (driving, "_SETTLES_S", 0.1)):
        monkeypatch.setattr(module, name, seconds)
    are(installed(shared_system))


def _below(pid: int) -> list[int]:
    """All that a process has started, sessions of their own included."""
    return [below for below in trees([pid], all_stats()) if below != pid]


@pytest.mark.parametrize(
    ("only", "on", "until"),
    [
        ("ceilings", "mosquitto_sub alone", "ceilings, round 1, mosquitto_sub alone"),
        *([("commands", OURS, "commands/1, round 1, Causeway")] if LONG else []),
    ],
)
def test_ctrl_c_ends_all_that_a_run_started(only: str, on: str, until: str, tmp_path: Path) -> None:
    bench = Process("bench", [*BENCH, "--only", only, "--on", on, "--output", str(tmp_path)], {}, tmp_path / "log")
    bench.start()
    bench.wait_for_line(until, 100)
    servers = _below(bench.pid)
    assert servers, "at least one: the broker may be a container"
    assert bench.interrupt(60) == 128 + signal.SIGINT, bench.tail()
    assert not [pid for pid in servers if Path(f"/proc/{pid}").exists()]


def test_a_run_writes_its_results_and_is_judged(tmp_path: Path) -> None:
    ceiling = ["--only", "ceilings", "--on", "mosquitto_sub alone", "--rounds", "1", "--output", str(tmp_path)]
    said = run_command([*BENCH, *ceiling], {}).stdout
    assert "- `ceilings`: QoS 1 messages/s that an MQTT client receives" in said
    file = tmp_path / "results.json"
    found = json.loads(file.read_text())
    assert found["mode"] == "quick"
    assert found["scenarios"]["ceilings"]["installations"]["mosquitto_sub alone"]["figures"]["messages_per_s"]["rounds"]
    judged = run_command([*BENCH, "check", str(file), "--only", "start"], {}, check=False)
    assert (judged.returncode, "Not measured: start." in judged.stdout) == (1, True)
