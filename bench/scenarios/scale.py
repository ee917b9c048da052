"""Fleets of different sizes, up to 10,000 of them connected: what a message costs, memory, start-up and take-over."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from bench.drive.driving import PAYLOAD_BYTES, BenchError, Recorder, python
from bench.drive.fleet_process import Connected
from bench.installations.installation import USER, Candidate, Causeway, Effort, Installation, causeway
from bench.measure.limits import Limit
from bench.measure.results import OURS, TOOLS, Measured, Usage, total_cpu_s
from bench.measure.usage import Meter, cpu_s, peak_mib
from bench.programs.load import Outcome
from bench.protocol.packets import Plan
from bench.scenarios import Scenario
from bench.scenarios.absence import absent
from tests.support.processes import run_command
from tests.support.system import System
from tests.support.waiting import eventually

SIZES: Final = (100, 1_000, 10_000, 100_000)
CONNECTED: Final = 10_000  # at most
# Messages published and not yet with the browser, at most. About what is under way at a sustained rate: of many more, a
# fleet of 1,000 has several a device in one transaction, which store one twin; that would be compared, not the fleets.
OUTSTANDING: Final = 2_000
_QUICK: Final = (1_000, 100_000)
_WARM_UP_S: Final = 1.0
_POLL_S: Final = 0.01
_DRAIN_S: Final = 60.0
_START_S: Final = 60.0
_PAGES: Final = 15
_STARTED: Final = "device workers started"
_KILLED_AT_S, _GONE_S, _TAKEOVER_S, _TAKEOVER_PER_S = 1.0, 8.0, 8.0, 500.0


def measure(installation: Installation, effort: Effort, *, size: int) -> Measured:
    """A worker's start, births of all connected devices, uplink as fast as it is applied, a lone page of the list."""
    assert isinstance(installation, Causeway)
    plan = Plan(
        port=installation.mqtt_port(), devices=min(size, CONNECTED), size=PAYLOAD_BYTES, stamp=True, site="bench"
    )
    figures = start_up(installation.system)
    with _watching(installation, plan, figures) as recorder, _born(installation, plan, figures) as fleet:
        uplink = _Uplink(installation, plan, recorder, fleet)
        measured, usage = uplink.sustained(effort.seconds)
        figures |= measured
        if size == max(SIZES) or effort.full:
            figures["takeover_s"] = uplink.takeover_s()
    figures["list_page_ms"] = list_page_ms(installation.system)
    return Measured(figures, usage)


def start_up(system: System) -> dict[str, float]:
    """One worker alone, from its start until it serves all shards; then the others again."""
    for worker in system.workers:
        worker.terminate()
    first, *others = system.workers
    since, begun = first.position(), time.monotonic()
    first.start()
    first.wait_for_line(_STARTED, _START_S, since=since)
    took_s = time.monotonic() - begun
    figures = {
        "worker_start_s": took_s,
        "worker_start_cpu_s": cpu_s({"worker": [first.pid]})["worker"],
        "worker_start_mib": peak_mib(first.pid),
    }
    for worker in others:
        since = worker.position()
        worker.start().wait_for_line(_STARTED, _START_S, since=since)
    system.wait_ready()
    return figures


@contextlib.contextmanager
def _watching(installation: Causeway, plan: Plan, figures: dict[str, float]) -> Iterator[Recorder]:
    """A browser that watches all, with how long it took it to have everything."""
    begun = time.monotonic()
    with Recorder(installation, plan) as recorder:
        figures["dashboard_s"] = time.monotonic() - begun
        yield recorder


@contextlib.contextmanager
def _born(installation: Causeway, plan: Plan, figures: dict[str, float]) -> Iterator[Connected]:
    """All devices connect at once, with how long it took until all their births were applied."""
    api = installation.system.api(USER, "admin", None)

    def applied() -> int:
        return int(api("GET", "/ledger").raise_for_status().json()["applied"])

    before = applied()
    with Connected(plan) as fleet:
        begun = time.monotonic()
        eventually(lambda: applied() >= before + plan.devices, _DRAIN_S, what="all births are applied")
        figures["births_s"] = fleet.seconds + time.monotonic() - begun
        yield fleet


def list_page_ms(system: System) -> float:
    """Median of a lone request for the first 100 devices."""
    api = system.api(USER, "admin", None)

    def one() -> float:
        begun = time.perf_counter()
        api("GET", "/devices").raise_for_status()
        return (time.perf_counter() - begun) * 1000

    return statistics.median(one() for _ in range(_PAGES))


class _Uplink:
    """Loads from connected devices to the recorder."""

    def __init__(self, installation: Causeway, plan: Plan, recorder: Recorder, fleet: Connected) -> None:
        self._installation, self._plan, self._recorder, self._fleet = installation, plan, recorder, fleet
        self._next = int(time.monotonic() * 1000) * plan.devices  # above all numbers of former rounds

    def sustained(self, seconds: float) -> tuple[dict[str, float], dict[str, Usage]]:
        """As fast as it reaches the browser, after a warm-up."""
        self._recorder.mark(self._next)
        roles = {**self._installation.pids(), "recorder": [self._recorder.pid], "generator": [self._fleet.pid]}
        with Meter(roles).running() as meter, ThreadPoolExecutor(1) as pool:
            self._fleet.limit(self._next + OUTSTANDING)
            running = pool.submit(self._fleet.run, self._next, _WARM_UP_S + seconds)
            per_s = self._rate(running)
            sent = running.result().sent
            came = self._came(sent)
            usage = meter.read()
        total = total_cpu_s(usage, TOOLS)
        counts = {name: came[name] for name in ("lost", "repeated", "disordered")}
        return {"messages_per_s": per_s, "cpu_us_per_message": total / sent * 1e6, **counts}, usage

    def takeover_s(self) -> float:
        """The age of the oldest message at the browser when one of the workers is killed and stays away."""
        self._recorder.mark(self._next)
        self._fleet.limit(2**62)
        with absent(self._installation.system.workers[:1], _KILLED_AT_S, _GONE_S):
            sent = self._fleet.run(self._next, _TAKEOVER_S, _TAKEOVER_PER_S).sent
            came = self._came(sent)
        self._installation.system.wait_ready()
        if came["lost"] or came["repeated"]:
            raise BenchError(f"a worker was killed: {came['lost']} messages lost, {came['repeated']} repeated")
        return float(came["max_ms"]) / 1000

    def _rate(self, running: "Future[Outcome]") -> float:
        """Messages a second after the warm-up, while the fleet is kept a little ahead."""
        marks = [(time.monotonic(), 0)]
        while not running.done():
            time.sleep(_POLL_S)
            received = self._recorder.received()
            marks.append((time.monotonic(), received))
            self._fleet.limit(self._next + received + OUTSTANDING)
        first = next((mark for mark in marks if mark[0] - marks[0][0] >= _WARM_UP_S), marks[0])
        return (marks[-1][1] - first[1]) / max(marks[-1][0] - first[0], _POLL_S)

    def _came(self, sent: int) -> dict[str, float]:
        """What the recorder has got, once it has got all; the next stretch begins."""
        with contextlib.suppress(AssertionError):  # then some are lost, as the figures say
            eventually(lambda: self._recorder.received() >= sent, _DRAIN_S, pause_s=_POLL_S)
        self._next += sent
        return self._recorder.mark(self._next)


@contextlib.contextmanager
def _with_fleet(directory: Path, *, size: int) -> Iterator[Causeway]:
    def register(system: System) -> None:
        run_command(python("bench.programs.registering", devices=size), system.settings, timeout_s=300)

    with causeway(directory, change=register) as installed:
        yield installed


def _scenario(size: int) -> Scenario:
    limits = [Limit("lost", "≤", 0, text="nothing is lost"), Limit("repeated", "≤", 0, text="nothing is repeated")]
    if size == max(SIZES):
        base = "scale/1000"
        limits += [
            Limit("messages_per_s", "≥", times=0.85, scenario=base, text="within 15 % of the figure of 1,000 devices"),
            Limit(
                "cpu_us_per_message", "≤", times=1.15, scenario=base, text="CPU a message within 15 % of theirs, too"
            ),
            Limit("takeover_s", "≤", 5, text="a killed worker's devices go on within 5 s"),
        ]
    connected = "" if size <= CONNECTED else f", {CONNECTED:,} of them connected"
    return Scenario(
        name=f"scale/{size}",
        title="Size of the fleet",
        what=(
            f"{size:,} registered devices{connected}: QoS 1 messages/s of all that are connected, each on its own "
            "connection, to a browser that watches the whole fleet, with no more published than arrives"
        ),
        measure=partial(measure, size=size),
        on=(Candidate(OURS, partial(_with_fleet, size=size)),),
        better={
            "messages_per_s": "higher",
            "cpu_us_per_message": "lower",
            "worker_start_s": "lower",
            "takeover_s": "lower",
            "births_s": "lower",
            "dashboard_s": "lower",
            "list_page_ms": "lower",
        },
        limits=tuple(limits),
        full_only=size not in _QUICK,
    )


SCENARIOS: Final = tuple(map(_scenario, SIZES))
