"""Profiles: py-spy on a real process, and what becomes of its samples."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.drive.driving import Rig, Stretch
from bench.drive.tools import BenchError
from bench.installations.installation import Causeway
from bench.measure.results import Usage
from bench.programs.load import Outcome
from bench.report import profile
from bench.report.profile import Load, alone, thread_times

BUSY = """
import ctypes, threading
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER_ANY: whoever wants may look
def sleeping():
    threading.Event().wait()
def busy():
    while True:
        sum(range(1000))
threading.Thread(target=sleeping, daemon=True).start()
print(flush=True)
busy()
"""
RAW = "thread (7): MainThread;a (paho/mqtt/client.py) 30\nthread (7): MainThread;b (mqtt_gateway/uplink/uplink.py) 10\n"


@contextlib.contextmanager
def running(*command: str) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_it_samples_what_a_process_is_busy_with() -> None:
    with running(sys.executable, "-c", BUSY) as pid:
        before = thread_times(pid)
        raw = profile.record(pid, 1)
        ran_s = {thread: value - before.get(thread, 0.0) for thread, value in thread_times(pid).items()}
    busy = [line for line in raw.splitlines() if "busy (<string>)" in line]
    assert busy
    assert all(line.startswith(f"thread ({pid})") for line in busy)
    assert ran_s[pid] > 10 * sum(value for thread, value in ran_s.items() if thread != pid)


def test_it_says_when_a_process_cannot_be_sampled() -> None:
    with running("/bin/sh", "-c", "echo; exec sleep 60") as pid, pytest.raises(BenchError, match="py-spy"):
        profile.record(pid, 1)


class FakeCauseway:
    def pids(self) -> dict[str, list[int]]:
        return {"gateway": [os.getpid()], "workers": [os.getpid()] * 2, "redis": [os.getpid()]}


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Times for which the load was driven; nothing is really sampled."""
    times = iter(value / 10 for value in range(100))
    monkeypatch.setattr(profile, "thread_times", lambda _: {7: next(times)})
    monkeypatch.setattr(profile, "record", lambda *_: RAW)
    monkeypatch.setattr(profile, "alone", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(profile, "_AROUND_S", 0.01)
    monkeypatch.setattr(profile, "SECONDS", 5.0)
    return []


def taken(driven: list[float], **options: Any) -> dict[str, Any]:
    usage = {"gateway": Usage(0.4, 0), "workers": Usage(1.0, 0), "redis": Usage(0.1, 0), "recorder": Usage(9, 0)}

    class FakeRig:
        browsers = publisher = SimpleNamespace(pid=os.getpid())

        def stretch(self, _per_s: float, seconds: float) -> Stretch:
            driven.append(seconds)
            return Stretch(Outcome(sent=10_000, confirmed=10_000, unconfirmed=0, seconds=seconds), {}, usage)

    ours, rig = cast("Causeway", FakeCauseway()), cast("Rig", FakeRig())
    return profile.profile(ours, Load(title="T", unit="message", rig=rig, per_s=2000, **options))


def test_cpu_time_is_the_undisturbed_loads_and_its_parts_are_the_samples(driven: list[float]) -> None:
    found = taken(driven)
    assert driven == pytest.approx([5, 5.02, 5.02, 5.02])  # undisturbed, then once a process
    assert (found["title"], found["unit"], found["rate_per_s"]) == ("T", "message", 2000)
    gateway, workers = found["roles"]["gateway"], found["roles"]["workers"]
    assert gateway["cpu_us"] == 40
    assert gateway["areas"] == {"MQTT": 30, "naming and batching": 10}
    assert workers["areas"] == {"MQTT": 75, "naming and batching": 25}
    assert workers["processes"] == 2
    assert found["roles"]["redis"] == {"cpu_us": 10, "processes": 1}


def test_only_the_roles_of_interest_are_sampled(driven: list[float]) -> None:
    found = taken(driven, roles=("gateway",))
    assert len(driven) == 2
    assert "areas" not in found["roles"]["workers"]


def test_profiles_are_put_into_the_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    uplink = {"installations": {"Causeway": {"figures": {"messages_per_s": {"median": 5000}}}}}
    file.write_text(json.dumps({"mode": "quick", "scenarios": {"uplink": uplink}}))
    monkeypatch.setattr(profile, "profiles", lambda rate, *_: {"rate": rate})
    profile.add(file)
    assert json.loads(file.read_text()) == {
        "mode": "quick",
        "scenarios": {"uplink": uplink},
        "profile": {"rate": 2500},
    }


def test_without_a_rate_there_is_nothing_to_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.add(tmp_path / "results.json") == 1
    assert "no sustained rate" in capsys.readouterr().err


def test_a_thread_that_works_has_run() -> None:
    before = thread_times(os.getpid())
    begun = time.thread_time()
    while time.thread_time() < begun + 0.05:
        pass
    thread = threading.get_native_id()
    assert thread_times(os.getpid())[thread] - before[thread] == pytest.approx(0.05, rel=0.5)


def test_one_process_has_a_core_of_its_own_for_a_while_if_there_are_several() -> None:
    every = os.sched_getaffinity(0)
    pids = [os.posix_spawn("/bin/sleep", ["sleep", "60"], {}) for _ in range(2)]
    try:
        with alone(pids[0], pids):
            own, other, ourselves = (os.sched_getaffinity(pid) for pid in (*pids, 0))
        assert len(own) == 1
        assert other == ourselves == (every - own or own)
        assert [os.sched_getaffinity(pid) for pid in (*pids, 0)] == [every] * 3
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
