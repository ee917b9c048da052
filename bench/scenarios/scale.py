"""Fleets of different sizes, up to 10,000 of them connected: what a message costs, memory, start-up and take-over."""

import statistics
import time
from functools import partial
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError, python
from bench.installations.installation import USER, Api, Candidate, Causeway, Effort, Installation, causeway
from bench.measure.limits import Limit
from bench.measure.results import OURS, UNWELCOME, Measured, total_cpu_s
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario
from bench.scenarios.absence import absent
from tests.support.servers.processes import run_command
from tests.support.waiting import eventually
from tests.support.worlds.system import System

SIZES: Final = (100, 1_000, 10_000, 100_000)
CONNECTED: Final = 10_000  # at most
# Messages published and not yet with the browser, at most. About what is under way at a sustained rate: of many more, a
# fleet of 1,000 has several a device in one transaction, which store one twin; that would be compared, not the fleets.
OUTSTANDING: Final = 2_000
_QUICK: Final = (1_000, 100_000)
_DRAIN_S: Final = 60.0
_START_S: Final = 60.0
_PAGES: Final = 15
_KILLED_AT_S, _GONE_S, _TAKEOVER_S, _TAKEOVER_PER_S = 1.0, 8.0, 8.0, 500.0


def measure(installation: Installation, effort: Effort, *, size: int) -> Measured:
    """A worker's start, births of all connected devices, uplink as fast as it is applied, a lone page of the list."""
    assert isinstance(installation, Causeway)
    system = installation.system
    api = system.api(USER, "admin", None)
    figures = {"worker_start_s": start_up(system)}
    devices, before = min(size, CONNECTED), _applied(api)
    with Rig(installation, each=True, drain_s=_DRAIN_S, devices=devices) as rig:  # the browser first, then all at once
        begun = time.monotonic()
        eventually(lambda: _applied(api) >= before + devices, _DRAIN_S, what="all births are applied")
        figures["births_s"] = rig.publisher.ready["seconds"] + time.monotonic() - begun
        figures["dashboard_s"] = rig.browsers.ready_s  # until it has everything
        stretch, figures["messages_per_s"] = rig.paced(effort.seconds, OUTSTANDING)
        figures["cpu_us_per_message"] = total_cpu_s(stretch.usage) / stretch.outcome.sent * 1e6
        figures |= {name: stretch.came[name] for name in UNWELCOME}
        if size == max(SIZES) or effort.full:
            figures["takeover_s"] = takeover_s(system, rig)
    figures["list_page_ms"] = list_page_ms(api)
    return Measured(figures, stretch.usage)


def start_up(system: System) -> float:
    """Seconds from the start of one worker alone until it serves all shards; then the others start again."""
    for worker in system.workers:
        worker.terminate()
    taken = []
    for worker in system.workers:
        since, begun = worker.position(), time.monotonic()
        worker.start().wait_for_line("device workers started", _START_S, since=since)
        taken.append(time.monotonic() - begun)
    system.wait_ready()
    return taken[0]


def _applied(api: Api) -> int:
    """Messages, as the ledger counts them."""
    return int(api("GET", "/ledger").raise_for_status().json()["applied"])


def takeover_s(system: System, rig: Rig) -> float:
    """The age of the oldest message at the browser when one of the workers is killed and stays away."""
    with absent(system.workers[:1], _KILLED_AT_S, _GONE_S):
        came = rig.stretch(_TAKEOVER_PER_S, _TAKEOVER_S).came
    system.wait_ready()
    if came["lost"] or came["repeated"]:
        raise BenchError(f"a worker was killed: {came['lost']} messages lost, {came['repeated']} repeated")
    return float(came["max_ms"]) / 1000


def list_page_ms(api: Api) -> float:
    """Median of a lone request for the first 100 devices."""
    taken_s = []
    for _ in range(_PAGES):
        begun = time.perf_counter()
        api("GET", "/devices").raise_for_status()
        taken_s.append(time.perf_counter() - begun)
    return statistics.median(taken_s) * 1000


def _register(size: int, system: System) -> None:
    run_command(python("bench.programs.registering", devices=size), system.settings, timeout_s=300)


_FIGURES: Final = (
    *("messages_per_s", "cpu_us_per_message", "worker_start_s", "takeover_s"),
    *("births_s", "dashboard_s", "list_page_ms"),
)
_BASE: Final = "scale/1000"
_LARGEST: Final = (
    Limit("messages_per_s", "≥", times=0.85, scenario=_BASE, text="within 15 % of the figure of 1,000 devices"),
    Limit("cpu_us_per_message", "≤", times=1.15, scenario=_BASE, text="CPU a message within 15 % of theirs, too"),
    Limit("takeover_s", "≤", 5, text="a killed worker's devices go on within 5 s"),
)


def _scenario(size: int) -> Scenario:
    connected = "" if size <= CONNECTED else f", {CONNECTED:,} of them connected"
    return Scenario(
        name=f"scale/{size}",
        title="Size of the fleet",
        what=f"{size:,} registered devices{connected}: QoS 1 messages/s of all that are connected, each on its own "
        "connection, to a browser that watches the whole fleet, with no more published than arrives",
        measure=partial(measure, size=size),
        on=(Candidate(OURS, partial(causeway, change=partial(_register, size))),),
        figures=_FIGURES,
        limits=(NOTHING_LOST, NOTHING_REPEATED, *(_LARGEST if size == max(SIZES) else ())),
        full_only=size not in _QUICK,
    )


SCENARIOS: Final = tuple(map(_scenario, SIZES))
