"""Where the time goes: each Python process is sampled under a steady load.

``python -m bench.report.profile [results.json]``

It starts a Causeway of its own, drives it as the scenarios do, and puts ``profile`` into the file of results. A load
runs once undisturbed, which gives each process's CPU time a message; then once for each process, which py-spy samples.
Only stacks that hold Python's lock count: who sleeps has not got it. A stack belongs to the package of its innermost
frame that is not the standard library's, of our own packages to the room. py-spy stops the process for each sample,
some tenths of a millisecond: without that (``--nonblocking``) it loses most stacks that change while it reads them, and
so shows mainly those that stand still. Hence the load is half of what is sustained.

py-spy reads other processes' memory: it needs root, ``CAP_SYS_PTRACE``, or ``kernel.yama.ptrace_scope = 0``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.drive.driving import DEVICES, Rig
from bench.drive.tools import BenchError
from bench.installations.installation import Installation, causeway
from bench.measure.results import OURS, Usage, figure_of, significant
from bench.scenarios.fanout import RATE_PER_S
from tests.support.environment import ROOT

RESULTS: Final = Path("var/bench/results.json")
PART: Final = 0.5  # of the sustained rate
SECONDS: Final = 10.0
CLIENTS: Final = 1_000
RATE_HZ: Final = 97  # not in step with anything that happens 100 times a second
_AROUND_S: Final = 1.0  # of a load, before and after the sampling
PYTHON: Final = ("gateway", "workers", "web")
_ATTACH_S: Final = 20.0
EVENT_LOOP: Final = "event loop"
"""Nothing but the standard library, below what started the process."""


Drive = Callable[[float], tuple[int, Mapping[str, Usage]]]
"""Keep a load up for so many seconds; how many units that made, and what it took by role."""


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="default: %(default)s")
    try:
        add(parser.parse_args(arguments).results)
    except BenchError as problem:
        print(f"no profile: {problem}", file=sys.stderr)
        return 1
    return 0


def add(file: Path) -> None:
    """Take the profiles, and put them into a file of results.

    Raises:
        BenchError: there is no rate to go by, or py-spy may not look into processes.
    """
    results = json.loads(file.read_text()) if file.exists() else {}
    sustained = figure_of(results.get("scenarios", {}), "uplink", OURS, "messages_per_s")
    if not sustained:
        raise BenchError(f"{file} has no sustained rate: run make bench first")
    results["profile"] = profiles(PART * sustained)
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def profiles(rate: float) -> dict[str, Any]:
    """``profile`` of results.json: by load its title and unit, and what :func:`profile` gives."""
    dashboards = f"{CLIENTS:,} dashboards that watch {DEVICES} devices at 1 Hz"
    with tempfile.TemporaryDirectory() as directory, causeway(Path(directory)) as ours:
        with Rig(ours) as rig:
            rig.warm_up()
            uplink = profile(ours, _drive(rig, rate, 1), PYTHON)
        with Rig(ours, clients=CLIENTS) as rig:
            fanout = profile(ours, _drive(rig, RATE_PER_S, CLIENTS), ("web",))
    return {
        "uplink": {"title": "MQTT to one dashboard that watches everything", "unit": "message", **uplink},
        "fanout": {"title": dashboards, "unit": "item", **fanout},
    }


def _drive(rig: Rig, rate: float, units: int) -> Drive:
    """Each message makes so many units."""

    def drive(seconds: float) -> tuple[int, Mapping[str, Usage]]:
        stretch = rig.stretch(rate, seconds)
        return stretch.outcome.sent * units, stretch.usage

    return drive


def profile(ours: Installation, drive: Drive, roles: Sequence[str], seconds: float = SECONDS) -> dict[str, Any]:
    """One load: by role, µs of CPU a unit; of these roles also what of them each area takes.

    Raises:
        BenchError: py-spy could not look into a process.
    """
    count, usage = drive(seconds)
    found: dict[str, dict[str, Any]] = {}
    for role, pids in ours.pids().items():
        cpu_us = usage[role].cpu_s * 1e6 / count
        found[role] = {"cpu_us": significant(cpu_us), "processes": len(pids)}
        if role in roles:
            samples = sum((sampled(_driven(drive, pid, seconds)) for pid in pids), Counter[str]())
            whole = samples.total()
            found[role]["areas"] = {area: significant(cpu_us * n / whole, 3) for area, n in samples.most_common()}
            found[role]["samples"] = whole
    return {"rate_per_s": significant(count / seconds), "roles": found}


def _driven(drive: Drive, pid: int, seconds: float) -> str:
    """Drive, and sample one process from shortly after the beginning to shortly before the end."""
    with ThreadPoolExecutor(1) as driving:
        driven = driving.submit(drive, seconds + 2 * _AROUND_S)
        threading.Event().wait(_AROUND_S)
        raw = record(pid, seconds)
        driven.result()
    return raw


def sampled(raw: str) -> Counter[str]:
    """Samples by area, from py-spy's raw output: ``main (manage.py);execute (psycopg/cursor.py);… 12``."""
    counts: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[_area(stack.split(";"))] += int(count)
    return counts


def _area(stack: Sequence[str]) -> str:
    for frame in reversed(stack):
        package, *rest = Path(frame.rpartition(" (")[2].rstrip(")")).with_suffix("").parts or ("",)
        if package and package not in sys.stdlib_module_names and "management" not in rest and rest:
            return "/".join([package, *rest[:-1]][:3]) if (ROOT / package).is_dir() else package
    return EVENT_LOOP


def record(pid: int, seconds: float) -> str:
    """py-spy's raw output of a process.

    Raises:
        BenchError: it may not look into the process, or is not there.
    """
    program = Path(sys.executable).with_name("py-spy")
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        command = [str(program), "record", "--pid", str(pid), "--output", file.name, "--format", "raw"]
        options = ["--duration", f"{seconds:.0f}", "--rate", str(RATE_HZ), "--gil", "--nolineno"]
        try:
            subprocess.run([*command, *options], check=True, capture_output=True, timeout=seconds + _ATTACH_S)
        except FileNotFoundError:
            raise BenchError("py-spy is missing: make bench installs it") from None
        except subprocess.CalledProcessError as error:
            raise BenchError(f"py-spy: {error.stderr.decode().strip()}") from None
        return Path(file.name).read_text()


if __name__ == "__main__":
    sys.exit(main())
