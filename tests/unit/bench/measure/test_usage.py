"""CPU and memory by role: the tree of processes, and real ones of this machine."""

import os
import subprocess
import sys
import time

import pytest

from bench.measure.usage import Machine, Meter, Stat, clock_s, cpu_s, mib, parse_stat, trees
from tests.support.waiting import eventually

LINE = "42 (a (b) c) S 7 42 42 0 -1 4194304 100 5 0 0 11 22 33 44 20 0 1 0 1000 1 2 3"


def test_a_line_of_stat_whatever_the_name() -> None:
    assert parse_stat(LINE) == Stat(parent=7, ticks=11 + 22, ended_ticks=33 + 44)


def test_a_tree_is_all_below_the_roots_that_live() -> None:
    stats = {pid: Stat(parent, 0) for pid, parent in {1: 0, 2: 1, 3: 2, 4: 2, 5: 1, 6: 5}.items()}
    assert sorted(trees([2, 99], stats)) == [2, 3, 4]
    assert sorted(trees([2, 5], stats)) == [2, 3, 4, 5, 6]


# Fills memory, spends CPU in itself and in a child that ends, says so, and waits for its end.
BUSY = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"], check=True)
filled = bytearray(64 << 20)
while time.process_time() < 0.3: pass
print("done", flush=True)
sys.stdin.read()
"""


def test_a_meter_sees_cpu_and_the_peak_of_a_process_and_of_its_children_that_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        with Meter({"busy": [process.pid], "nobody": []}) as meter:
            process.stdout.readline()
        process.stdin.close()
    usage = meter.usage
    assert usage["busy"].cpu_s >= 0.5
    assert 64 < usage["busy"].peak_mib < 500
    assert (usage["nobody"].cpu_s, usage["nobody"].peak_mib) == (0, 0)


def test_a_peak_is_of_the_measured_stretch_only() -> None:
    filled = bytearray(100 << 20)
    before = mib(os.getpid(), "VmHWM")
    del filled
    with Meter({"me": [os.getpid()]}) as meter:
        pass
    assert meter.usage["me"].peak_mib < before - 50


def test_shared_memory_is_not_counted_once_a_process() -> None:
    """Roles that share memory are sampled by their proportional share."""
    code = """
import mmap, os, sys
shared = mmap.mmap(-1, 64 << 20)
shared.write(b"x" * (64 << 20))
for _ in range(3):
    if os.fork() == 0:
        sum(shared[::4096])
        os.read(0, 1)
        os._exit(0)
print("done", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()

        def told() -> dict[str, float]:
            with Meter({"postgres": [process.pid], "other": [process.pid]}) as meter:
                pass
            return {role: used.peak_mib for role, used in meter.usage.items()}

        found = eventually(lambda: (now := told())["other"] > 250 and now, what="all children have touched it")
        process.stdin.close()
    assert isinstance(found, dict)
    assert 64 < found["postgres"] < 150


def test_nobody_of_that_id_is_no_error() -> None:
    assert mib(2**22 + 1, "VmHWM") == 0
    assert cpu_s({"gone": [2**22 + 1]}) == {"gone": 0}


def test_a_clock_is_finer_than_the_ticks_of_proc() -> None:
    spent = []
    for _ in range(20):
        before, until = cpu_s({"me": [os.getpid()]})["me"], time.process_time() + 0.002
        while time.process_time() < until:
            pass
        spent.append(cpu_s({"me": [os.getpid()]})["me"] - before)
    assert all(0.002 <= one < 0.05 for one in spent)


def test_who_has_no_clock_is_counted_otherwise() -> None:
    assert clock_s(2**22 + 1, 0.25) == 0.25


def test_what_others_take_of_the_machine_is_not_what_we_do() -> None:
    machine = Machine()
    ends = time.monotonic() + 0.5
    while time.monotonic() < ends:
        pass
    mine_percent = 100 / (os.cpu_count() or 1)
    assert 0 <= machine.others_percent() <= 100 - mine_percent * 0.2


def test_the_end_of_the_context_ends_the_stretch() -> None:
    with Meter({"me": [os.getpid()]}) as meter:
        pass
    ends = time.process_time() + 0.1
    while time.process_time() < ends:
        pass
    assert meter.usage["me"].cpu_s == pytest.approx(0, abs=0.06)


def test_memory_of_each_role_is_sampled() -> None:
    with Meter({"me": [os.getpid()], "nobody": []}) as meter:
        eventually(lambda: meter.samples, what="a sample is taken")
    (at_s, first), *_ = meter.samples
    assert 0 < at_s < 10
    assert first["me"] > 1
    assert first["nobody"] == 0
