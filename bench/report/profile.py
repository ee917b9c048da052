"""Where the time goes: each Python process is sampled under a steady load. Linux only.

``python -m bench.report.profile [results.json]``

It starts a Causeway of its own, drives it as the scenarios do, and puts ``profile`` into the file of results. A load
runs once undisturbed, which gives each process's CPU time a message; then once for each process, which py-spy samples.
That process has a core of its own meanwhile: py-spy cannot tell running from waiting for a core, and on a full machine
most samples would show where processes wait. Hence the load is half of what is sustained. py-spy stops the process for
each sample, some tenths of a millisecond: without that (``--nonblocking``) it loses most stacks that change while it
reads them, and so shows mainly those that stand still.

py-spy reads other processes' memory: it needs root, ``CAP_SYS_PTRACE``, or ``kernel.yama.ptrace_scope = 0``.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.drive.driving import DEVICES, Rig
from bench.drive.tools import BenchError
from bench.installations.installation import Causeway, causeway
from bench.measure.results import OURS, Usage, figure_of, significant
from bench.measure.usage import all_stats, trees
from bench.report import areas
from bench.report.document import RESULTS
from bench.scenarios.fanout import RATE_PER_S

PART: Final = 0.5  # of the sustained rate
SECONDS: Final = 10.0  # of each sampling
CLIENTS: Final = 1_000  # of the fan-out
RATE_HZ: Final = 97  # not in step with anything that happens 100 times a second
_AROUND_S: Final = 1.0  # of a load, before and after the sampling
_ATTACH_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """A steady load."""

    title: str  # as a heading says it
    unit: str  # what it makes: ``message``, ``item``
    rig: Rig
    per_s: float  # messages
    units: int = 1  # that each message makes
    roles: Sequence[str] = ("gateway", "workers", "web")  # whose Python processes are sampled

    def drive(self, seconds: float) -> tuple[int, Mapping[str, Usage]]:
        """Keep it up for so long; how many units that made, and what it took by role."""
        stretch = self.rig.stretch(self.per_s, seconds)
        return stretch.outcome.sent * self.units, stretch.usage


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="default: %(default)s")
    return add(parser.parse_args().results)


def add(file: Path) -> int:
    """Take the profiles, and put them into a file of results, which says what rate is sustained.

    Returns the exit status; why there is no profile (no rate, or py-spy may not look into processes) is printed.
    """
    results = json.loads(file.read_text()) if file.exists() else {}
    sustained = figure_of(results.get("scenarios", {}), "uplink", OURS, "messages_per_s")
    if not sustained:
        print(f"no profile: {file} has no sustained rate: run make bench first", file=sys.stderr)
        return 1
    try:
        results["profile"] = profiles(PART * sustained)
    except BenchError as problem:
        print(f"no profile: {problem}", file=sys.stderr)
        return 1
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 0


def profiles(rate: float) -> dict[str, Any]:
    """``profile`` of results.json: by load, what :func:`profile` gives. Of the fan-out only web is of interest."""
    watching = f"{CLIENTS:,} dashboards that watch {DEVICES} devices at 1 Hz"
    with tempfile.TemporaryDirectory() as directory, causeway(Path(directory)) as ours:
        with Rig(ours) as rig:
            rig.warm_up()
            everything = "MQTT to one dashboard that watches everything"
            uplink = profile(ours, Load(title=everything, unit="message", rig=rig, per_s=rate))
        with Rig(ours, clients=CLIENTS) as rig:
            load = Load(title=watching, unit="item", rig=rig, per_s=RATE_PER_S, units=CLIENTS, roles=("web",))
            return {"uplink": uplink, "fanout": profile(ours, load)}


def profile(ours: Causeway, load: Load) -> dict[str, Any]:
    """One load: by role, µs of CPU a unit, and what of them each area takes."""
    count, usage = load.drive(SECONDS)
    roles = {role: _role(ours, load, role, usage[role].cpu_s * 1e6 / count) for role in ours.pids()}
    return {"title": load.title, "unit": load.unit, "rate_per_s": significant(count / SECONDS), "roles": roles}


def _role(ours: Causeway, load: Load, role: str, cpu_us: float) -> dict[str, Any]:
    pids = ours.pids()[role]
    whole = {"cpu_us": significant(cpu_us), "processes": len(pids)}
    if role not in load.roles:
        return whole
    seconds: Counter[str] = Counter()
    for pid in pids:
        seconds.update(_sampled(ours, load, pid))
    parts = {area: significant(cpu_us * s / seconds.total(), 3) for area, s in seconds.most_common()}
    return {**whole, "areas": parts, "samples": round(seconds.total() * RATE_HZ)}


def _sampled(ours: Causeway, load: Load, pid: int) -> Mapping[str, float]:
    """Drive, and sample one process from shortly after the beginning to shortly before the end; its seconds by area."""
    everybody = [load.rig.browsers.pid, load.rig.publisher.pid, *(one for pids in ours.pids().values() for one in pids)]
    with alone(pid, everybody), ThreadPoolExecutor(1) as driving:
        driven = driving.submit(load.drive, SECONDS + 2 * _AROUND_S)
        threading.Event().wait(_AROUND_S)
        before = thread_times(pid)
        raw = record(pid, SECONDS)
        ran_s = {thread: value - before.get(thread, 0.0) for thread, value in thread_times(pid).items()}
        driven.result()
    return areas.sampled(raw, ran_s, RATE_HZ)


def record(pid: int, seconds: float) -> str:
    """py-spy's raw output of a process, idle threads left out.

    Raises:
        BenchError: it may not look into the process, or is not there.
    """
    program = Path(sys.executable).with_name("py-spy")
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        command = [str(program), "record", "--pid", str(pid), "--output", file.name, "--format", "raw"]
        options = ["--duration", f"{seconds:.0f}", "--rate", str(RATE_HZ), "--threads", "--nolineno"]
        try:
            subprocess.run([*command, *options], check=True, capture_output=True, timeout=seconds + _ATTACH_S)
        except FileNotFoundError:
            raise BenchError("py-spy is missing: make bench installs it") from None
        except subprocess.CalledProcessError as error:
            raise BenchError(f"py-spy: {error.stderr.decode().strip()}") from None
        return Path(file.name).read_text()


# ----------------------------------------------------------------------------------------------- cores and threads


@contextlib.contextmanager
def alone(pid: int, others: Iterable[int]) -> Iterator[None]:
    """The process has the first core, if there are several; the others, their children and ourselves have the rest.

    Processes of strangers go where they like.
    """
    cores = os.sched_getaffinity(0)
    own = {min(cores)}
    rest = [other for other in trees([*others, os.getpid()], all_stats()) if other != pid]
    try:
        _pin([pid], own)
        _pin(rest, cores - own or own)
        yield
    finally:
        _pin([pid, *rest], cores)


def _pin(pids: Iterable[int], cores: set[int]) -> None:
    """All their threads; new ones begin where the thread is that starts them."""
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread.name), cores)


def thread_times(pid: int) -> dict[int, float]:
    """Seconds that each of its threads, by number, has run since it began."""
    out = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError, ValueError):  # it has ended
            out[int(thread.name)] = int((thread / "schedstat").read_text().split()[0]) / 1e9
    return out


if __name__ == "__main__":
    sys.exit(main())
