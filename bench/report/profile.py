"""Where the time goes: each Python process is sampled under a steady load.

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
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.drive.driving import DEVICES, Rig
from bench.drive.tools import BenchError
from bench.installations.installation import Causeway, causeway
from bench.measure.results import OURS, Usage, figure_of, significant
from bench.report import areas
from bench.report.cores import alone, thread_times
from bench.scenarios.fanout import RATE_PER_S

RESULTS: Final = Path("var/bench/results.json")
PART: Final = 0.5  # of the sustained rate
SECONDS: Final = 10.0
CLIENTS: Final = 1_000
RATE_HZ: Final = 97  # not in step with anything that happens 100 times a second
_AROUND_S: Final = 1.0  # of a load, before and after the sampling
_PYTHON: Final = ("gateway", "workers", "web")
_ATTACH_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """A steady load.

    Attributes:
        title: as a heading says it.
        unit: what it makes: ``message``, ``item``.
        drive: keep it up for so many seconds; how many units that made, and what it took by role.
        roles: whose Python processes are sampled.
        tools: processes that belong to the load.
    """

    title: str
    unit: str
    drive: Callable[[float], tuple[int, Mapping[str, Usage]]]
    roles: Sequence[str] = _PYTHON
    tools: Sequence[int] = ()


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="default: %(default)s")
    parser.add_argument("--rate", type=float, help="messages/s; default: half of the results' sustained ones")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="of the fan-out (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each sampling (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        add(options.results, options.rate, options.seconds, options.clients)
    except BenchError as problem:
        print(f"no profile: {problem}", file=sys.stderr)
        return 1
    return 0


def add(file: Path, rate: float | None = None, seconds: float = SECONDS, clients: int = CLIENTS) -> None:
    """Take the profiles, and put them into a file of results.

    Args:
        file: which need not be there.
        rate: messages/s; None: half of what the results say is sustained.
        seconds: of each sampling.
        clients: of the fan-out.

    Raises:
        BenchError: there is no rate to go by, or py-spy may not look into processes.
    """
    results = json.loads(file.read_text()) if file.exists() else {}
    rate = rate or PART * (figure_of(results.get("scenarios", {}), "uplink", OURS, "messages_per_s") or 0.0)
    if not rate:
        raise BenchError(f"{file} has no sustained rate: run make bench first, or give --rate")
    results["profile"] = profiles(rate, seconds, clients)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def profiles(rate: float, seconds: float = SECONDS, clients: int = CLIENTS) -> dict[str, Any]:
    """``profile`` of results.json: by load, what :func:`profile` gives. Of the fan-out only web is of interest."""
    watching = f"{clients:,} dashboards that watch {DEVICES} devices at 1 Hz"
    with tempfile.TemporaryDirectory() as directory, causeway(Path(directory)) as ours:
        with Rig(ours) as rig:
            rig.warm_up()
            load = _load(rig, rate, 1, title="MQTT to one dashboard that watches everything", unit="message")
            uplink = profile(ours, load, seconds)
        with Rig(ours, clients=clients) as rig:
            load = _load(rig, RATE_PER_S, clients, title=watching, unit="item", roles=("web",))
            return {"uplink": uplink, "fanout": profile(ours, load, seconds)}


def _load(rig: Rig, rate: float, units: int, **fields: Any) -> Load:
    """Each message makes so many units."""

    def drive(seconds: float) -> tuple[int, Mapping[str, Usage]]:
        stretch = rig.stretch(rate, seconds)
        return stretch.outcome.sent * units, stretch.usage

    return Load(drive=drive, tools=[rig.browsers.pid, rig.publisher.pid], **fields)


def profile(ours: Causeway, load: Load, seconds: float) -> dict[str, Any]:
    """One load: by role, µs of CPU a unit, and what of them each area takes.

    Raises:
        BenchError: py-spy could not look into a process.
    """
    count, usage = load.drive(seconds)
    roles = {role: _role(ours, load, role, usage[role].cpu_s * 1e6 / count, seconds) for role in ours.pids()}
    return {"title": load.title, "unit": load.unit, "rate_per_s": significant(count / seconds), "roles": roles}


def _role(ours: Causeway, load: Load, role: str, cpu_us: float, seconds: float) -> dict[str, Any]:
    pids = ours.pids()[role]
    told = {"cpu_us": significant(cpu_us), "processes": len(pids)}
    if role not in load.roles:
        return told
    used = [_sampled(ours, load, pid, seconds) for pid in pids]
    shares: Counter[str] = Counter()
    for one in used:
        whole = sum(one.values())
        shares.update({area: value / whole / len(used) for area, value in one.items()})
    return {
        **told,
        "areas": {area: significant(cpu_us * share, 3) for area, share in shares.most_common() if share},
        "samples": round(sum(sum(one.values()) for one in used) * RATE_HZ),
    }


def _sampled(ours: Causeway, load: Load, pid: int, seconds: float) -> Mapping[str, float]:
    """Drive, and sample one process from shortly after the beginning to shortly before the end; its seconds by area."""
    everybody = [*load.tools, *(one for pids in ours.pids().values() for one in pids)]
    with alone(pid, everybody), ThreadPoolExecutor(1) as driving:
        driven = driving.submit(load.drive, seconds + 2 * _AROUND_S)
        threading.Event().wait(_AROUND_S)
        before = thread_times(pid)
        raw = record(pid, seconds)
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


if __name__ == "__main__":
    sys.exit(main())
