"""CPU time and peak memory of processes by role, their children included (PostgreSQL's backends, workers of workers).

CPU: user and system time of the whole tree, also of children that ended meanwhile; of those that live by their CPU-time
clocks (clock_getcpuclockid(3)), as a lone message takes less than the hundredth of a second that /proc/PID/stat counts
in. Memory: the sum of each process's
high-water mark of resident memory (``VmHWM``, reset at the beginning), which counts libraries once a process. Where
processes share memory on purpose (PostgreSQL's buffers), the proportional share (PSS), sampled twice a second.

Linux only. What may not be read (another user's processes) counts as 0.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from bench.measure.results import Usage

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SCHEDULED: Final = 2  # CPUCLOCK_SCHED of the kernel: to the nanosecond
_EVERY_S: Final = 0.5
_SHARED: Final = frozenset({"postgres"})
"""Roles whose processes share memory."""
_CPU: Final = Path("/proc/stat")  # its first line: ticks of all cores
_UNREADABLE = (OSError, ValueError)


class Stat(NamedTuple):
    """Of /proc/PID/stat (proc_pid_stat(5))."""

    parent: int
    ticks: int  # user and system time
    ended_ticks: int = 0  # that of its children who ended and were waited for


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat; the name in it may hold spaces and brackets."""
    fields = text.rpartition(")")[2].split()  # from the third field on
    own, ended = (sum(map(int, fields[at : at + 2])) for at in (11, 13))
    return Stat(int(fields[1]), own, ended)


def all_stats() -> dict[int, Stat]:
    """Of every process that can be seen."""
    out = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(*_UNREADABLE):
                out[int(entry.name)] = parse_stat(Path(entry.path, "stat").read_text())
    return out


def trees(roots: Iterable[int], stats: Mapping[int, Stat]) -> list[int]:
    """The roots that live, and all below them."""
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    found: list[int] = []
    waiting = [pid for pid in roots if pid in stats]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_s(roles: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """By role, what its processes have used in all their life."""
    stats = all_stats()
    return {role: sum(_used_s(pid, stats[pid]) for pid in trees(pids, stats)) for role, pids in roles.items()}


def _used_s(pid: int, stat: Stat) -> float:
    return clock_s(pid, stat.ticks / _TICKS) + stat.ended_ticks / _TICKS


def clock_s(pid: int, otherwise: float = 0.0) -> float:
    """A process's CPU-time clock, all its threads; ``otherwise`` if there is none (it has ended, or no such kernel)."""
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULED)
    except OSError:
        return otherwise


def mib(pid: int, field: str) -> float:
    """Memory of a process: ``VmRSS`` resident now, ``VmHWM`` its peak since that was reset, ``Pss`` its share."""
    file = "smaps_rollup" if field == "Pss" else "status"
    with contextlib.suppress(*_UNREADABLE):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Meter:
    """Measures roles, each with its main processes, while its context is open; then it has their ``usage``."""

    def __init__(self, roles: Mapping[str, Iterable[int]]) -> None:
        self._roles = {role: list(pids) for role, pids in roles.items()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self.usage: dict[str, Usage] = {}
        self.samples: list[tuple[float, dict[str, float]]] = []
        """Twice a second: seconds since the beginning, and by role the resident MiB (of PostgreSQL the share)."""

    def __enter__(self) -> Self:
        stats = all_stats()
        for pid in (pid for pids in self._roles.values() for pid in trees(pids, stats)):
            with contextlib.suppress(*_UNREADABLE):
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # begins a new peak
        self._begun, self._begun_s = cpu_s(self._roles), time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        now, peaks = cpu_s(self._roles), self._memory("VmHWM")
        self._stopping.set()
        self._thread.join()
        self._sample()
        peaks |= {role: max(one[role] for _, one in self.samples) for role in _SHARED & self._roles.keys()}
        self.usage = {role: Usage(now[role] - self._begun[role], peaks[role]) for role in self._roles}

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        self.samples.append((time.monotonic() - self._begun_s, self._memory("VmRSS")))

    def _memory(self, field: str) -> dict[str, float]:
        stats = all_stats()
        return {
            role: sum(mib(pid, "Pss" if role in _SHARED else field) for pid in trees(pids, stats))
            for role, pids in self._roles.items()
        }


class Machine:
    """What all else on the machine takes of its cores, from when this is made: the benchmark should be alone."""

    def __init__(self) -> None:
        self._begun_s, self._begun = time.monotonic(), self._others_s()

    def others_percent(self) -> float:
        """Percent of all cores that programs which we did not start took since then, interrupts included."""
        passed_s = (time.monotonic() - self._begun_s) * (os.cpu_count() or 1)
        return max(0.0, 100 * (self._others_s() - self._begun) / passed_s)

    @staticmethod
    def _others_s() -> float:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, _CPU.read_text().split(maxsplit=8)[1:8])
        return (user + nice + system + irq + softirq) / _TICKS - cpu_s({"": [os.getpid()]})[""]
