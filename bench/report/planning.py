"""From measured CPU time and memory to numbers of processes. Pure.

What a role's processes take of a core grows with the rate in a straight line: something for being there and for
batches, and something a message. Both are fitted to the loads that were measured. Sockets cost web processes by frame.

Of a scenario that was not measured, everything here raises KeyError with its name.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import truediv
from statistics import fmean, linear_regression
from typing import Any, Final, NamedTuple

from bench.measure.results import OURS, TOOLS, Results, of_installation

FULL: Final = 0.7  # of a core that a process is given to do: the rest is for peaks
FRAMES_PER_S: Final = 10.0  # to a socket at most: items are gathered for 100 ms
WATCHED: Final = 200  # devices on a dashboard
LOADS: Final = ("latency/10%", "latency/50%", "latency/80%", "uplink")
MEASURED_PROCESSES: Final[Mapping[str, int]] = {"gateway": 1, "workers": 2, "web": 1}
"""Of a role under measurement (bench.installations.installation)."""
SERVERS: Final = ("mosquitto", "redis", "postgres")
_UNIT: Final = re.compile(r"(web_)?cpu_(us|ms)_per_([a-z]+)")


class Line(NamedTuple):
    """Cores by rate: before any message, and the µs of CPU that a message takes."""

    base: float
    us: float

    def cores(self, per_s: float) -> float:
        """Of a role at this rate."""
        return self.base + self.us * per_s / 1e6

    def fills_at(self, cores: float) -> float:
        """The rate at which it takes so many cores; infinite: at none."""
        return max(0.0, cores - self.base) * 1e6 / self.us if self.us else math.inf


def fitted(points: Iterable[tuple[float, float]]) -> Line:
    """The line nearest to (rate, cores), neither part of it below zero; through the origin if there is one point.

    Where the cores don't grow with the rate (batches grow instead), a message is taken to cost what it did at least:
    nothing is free, and the plan errs on the safe side.
    """
    rates, cores = zip(*points, strict=True)
    rate, mean = fmean(rates), fmean(cores)
    slope = linear_regression(rates, cores).slope if len(rates) > 1 else mean / rate
    slope = min(slope, mean / rate) if slope > 0 else min(map(truediv, cores, rates))
    return Line(mean - slope * rate, slope * 1e6)


@dataclass(frozen=True)
class Costs:
    """What was measured."""

    lines: Mapping[str, Line]  # by role, of one process of it; servers: of all of it
    frame_us: float  # of a web process's CPU a frame to a socket
    items_a_frame: float  # that such a frame held
    mib: Mapping[str, float]  # by role, of one process that holds next to nothing
    twin_mib: float  # more, a device, of all workers together
    socket_mib: float  # more, a socket, of all web processes together


@dataclass(frozen=True)
class Wish:
    """What is to be carried: devices that send so many messages a second each, and dashboards."""

    devices: int
    hz: float
    dashboards: int

    @property
    def per_s(self) -> float:
        """Messages a second of all devices."""
        return self.devices * self.hz

    @property
    def frames_per_s(self) -> float:
        """To all dashboards, at most."""
        return self.dashboards * min(FRAMES_PER_S, min(WATCHED, self.devices) * self.hz)


class Need(NamedTuple):
    """What a role takes: processes (0: no number is enough, as each must hear of every message), cores, memory."""

    processes: int
    cores: float
    mib: float


def plan(costs: Costs, wish: Wish) -> dict[str, Need]:
    """By role of ours. Gateways and workers share the messages, web processes the sockets."""
    out = {}
    more = {"gateway": 0.0, "workers": costs.twin_mib * wish.devices, "web": costs.socket_mib * wish.dashboards}
    for role, mib in more.items():
        line = costs.lines[role]
        each, shared = line.base, line.us * wish.per_s / 1e6
        if role == "web":  # every one hears of every message
            each, shared = line.cores(wish.per_s), wish.frames_per_s * costs.frame_us / 1e6
        count = max(1, math.ceil(shared / (FULL - each))) if each < FULL else 0
        out[role] = Need(count, each * count + shared, costs.mib[role] * count + mib)
    return out


# ------------------------------------------------------------------------------------------ from results.json


def costs(scenarios: Results) -> Costs:
    """Of Causeway, from the ``scenarios`` of results.json."""
    lines = process_lines(scenarios)
    quiet = memory(scenarios, loads(scenarios)[0])
    fanout, clients = _sizes(scenarios, "fanout", 1)[-1]
    (small, few), *_, (large, many) = _sizes(scenarios, "scale", 2)
    items, frames = (median(scenarios, fanout, f"{what}_per_s") for what in ("items", "frames"))
    web = median(scenarios, fanout, "web_cpu_us_per_frame") * frames / 1e6
    web -= lines["web"].cores(items / clients)  # each watches everything, and what messages cost is not frames' cost
    twins = memory(scenarios, large)["workers"] - memory(scenarios, small)["workers"]
    return Costs(
        lines=lines,
        frame_us=max(0.0, web) * 1e6 / frames,
        items_a_frame=items / frames,
        mib={role: quiet[role] / count for role, count in MEASURED_PROCESSES.items()},
        twin_mib=max(0.0, twins) / (many - few),
        socket_mib=max(0.0, memory(scenarios, fanout)["web"] - quiet["web"]) / clients,
    )


def _ours(scenarios: Results, name: str) -> Results:
    if not (found := of_installation(scenarios, name, OURS)):
        raise KeyError(name)
    return found


def median(scenarios: Results, name: str, figure: str) -> float:
    """Of one figure of Causeway."""
    return float(_ours(scenarios, name)["figures"][figure]["median"])


def loads(scenarios: Results) -> list[str]:
    """The measured loads that costs rest on, the lightest first."""
    found = [name for name in LOADS if of_installation(scenarios, name, OURS)]
    if not found:
        raise KeyError(LOADS[-1])
    return found


def by_role(scenarios: Results, name: str) -> tuple[str, dict[str, float]]:
    """A unit (message, item, command), and µs of CPU for one by role, the tools left out; {}: not measured so."""
    found = _ours(scenarios, name)
    used = {role: one["cpu_s"]["median"] for role, one in found["usage"].items() if role not in TOOLS}
    of_web, unit, us = unit_us(found["figures"]) or (False, "", 0.0)
    whole = used.get("web", 0.0) if of_web else sum(used.values())
    return unit, {role: us * cpu_s / whole for role, cpu_s in used.items()} if unit and whole else {}


def unit_us(figures: Mapping[str, Any]) -> tuple[bool, str, float] | None:
    """The first figure that tells CPU time by a unit: only web's or all processes', of what, how many µs.

    ``cpu_ms_per_command`` → (False, "command", 1200.0); ``web_cpu_us_per_item`` → (True, "item", 0.8).
    """
    for name, value in figures.items():
        if found := _UNIT.fullmatch(name):
            return bool(found[1]), found[3], value["median"] * (1000.0 if found[2] == "ms" else 1.0)
    return None


def memory(scenarios: Results, name: str) -> dict[str, float]:
    """Peak MiB by role, the tools of measuring left out."""
    found = _ours(scenarios, name)["usage"]
    return {role: float(one["peak_mib"]["median"]) for role, one in found.items() if role not in TOOLS}


def _sizes(scenarios: Results, name: str, least: int) -> list[tuple[str, int]]:
    """Measured rows of a parameterised scenario, ascending: ``scale`` → [("scale/100", 100), …]; so many at least."""
    sizes = sorted(int(one.removeprefix(f"{name}/")) for one in scenarios if one.startswith(f"{name}/"))
    if len(sizes) < least:
        raise KeyError(name)
    return [(f"{name}/{size}", size) for size in sizes]


def process_lines(scenarios: Results) -> dict[str, Line]:
    """By role, of one process of it; servers: of all of it."""
    points = [(median(scenarios, name, "messages_per_s"), by_role(scenarios, name)[1]) for name in loads(scenarios)]
    out = {}
    for role in points[0][1]:
        line = fitted((rate, rate * us.get(role, 0.0) / 1e6) for rate, us in points)
        out[role] = Line(line.base / MEASURED_PROCESSES.get(role, 1), line.us)
    return out


def fills(scenarios: Results) -> list[tuple[str, float]]:
    """Role, and messages/s at which one process of it takes a whole core; the first to be full comes first."""
    lines = process_lines(scenarios)
    return sorted(((role, line.fills_at(1.0)) for role, line in lines.items()), key=lambda one: one[1])
