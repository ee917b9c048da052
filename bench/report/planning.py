"""From measured CPU time and memory to numbers of processes. Pure.

What a role's processes take of a core grows with the rate, but slower than that: with more messages there are more in
a batch, and each costs less. So a role has a curve, through the rates that were measured. Sockets cost web processes by
frame.

Of a scenario that was not measured, everything here raises KeyError with its name.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NamedTuple

from bench.measure.results import OURS, TOOLS, Results, of_installation

FULL: Final = 0.7  # of a core that a process is given to do: the rest is for peaks
FRAMES_PER_S: Final = 10.0  # to a socket at most: items are gathered for 100 ms
WATCHED: Final = 200  # devices on a dashboard
RATES: Final = "rates"
IDLE, LONE = "rates/idle", "rates/lone"
LOADS: Final = (RATES, "latency", "uplink")
MEASURED_PROCESSES: Final[Mapping[str, int]] = {"gateway": 1, "workers": 2, "web": 1}
"""Of a role under measurement (bench.installations.installation)."""
SERVERS: Final = ("mosquitto", "redis", "postgres")
_RESOLUTION: Final = 1e-6
_UNIT: Final = re.compile(r"(web_)?cpu_(us|ms)_per_([a-z]+)")


class Point(NamedTuple):
    """What was measured at a rate."""

    per_s: float
    cores: float


@dataclass(frozen=True)
class Curve:
    """Cores by rate, of one process or of all of a server, that err on the safe side between what was measured.

    A message is taken to cost what it does at the measured rate below, as long as all of them together cost no more
    than at the one above; beyond the highest one, what it costs there. The points begin with a rate of zero, and their
    cores never fall.
    """

    points: tuple[Point, ...]

    def cores(self, per_s: float) -> float:
        """At this rate."""
        place = bisect_left(self.points, per_s, key=lambda point: point.per_s)
        if not place:
            return self.points[0].cores
        below = self.points[place - 1]
        if place == len(self.points):
            return below.cores * per_s / below.per_s if below.per_s else below.cores
        above = self.points[place]
        part = (per_s - below.per_s) / (above.per_s - below.per_s)
        straight = below.cores + part * (above.cores - below.cores)
        as_dear = below.cores * per_s / below.per_s if below.per_s else straight
        return max(straight, min(as_dear, above.cores))

    def fills_at(self, cores: float) -> float:
        """The rate at which it takes so many cores; infinite: at none."""
        highest = self.points[-1]
        if cores >= highest.cores:
            return highest.per_s * cores / highest.cores if highest.cores and highest.per_s else math.inf
        low, high = 0.0, highest.per_s
        while high - low > _RESOLUTION * high:
            middle = (low + high) / 2
            low, high = (low, middle) if self.cores(middle) > cores else (middle, high)
        return low

    def of_each(self, processes: int) -> "Curve":
        """Of one of so many that share the messages."""
        return Curve(tuple(Point(per_s / processes, cores / processes) for per_s, cores in self.points))


def curve(points: Iterable[tuple[float, float]]) -> Curve:
    """Through (rate, cores), in any order. Where more messages took less, the lower rate's figure is kept."""
    rates, cores = zip(*sorted(points), strict=True)
    return Curve(tuple(map(Point, rates, accumulate(cores, max))))


@dataclass(frozen=True)
class Costs:
    """What was measured."""

    curves: Mapping[str, Curve]  # by role, of one process of it; servers: of all of it
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
        line, frames = costs.curves[role], wish.frames_per_s * costs.frame_us / 1e6
        if role == "web":  # every one hears of every message
            each = line.cores(wish.per_s)
            count = max(1, math.ceil(frames / (FULL - each))) if each < FULL else 0
            cores = each * count + frames
        else:
            count = max(1, math.ceil(wish.per_s / line.fills_at(FULL)))
            cores = count * line.cores(wish.per_s / count)
        out[role] = Need(count, cores, costs.mib[role] * count + mib)
    return out


# ------------------------------------------------------------------------------------------ from results.json


def costs(scenarios: Results) -> Costs:
    """Of Causeway, from the ``scenarios`` of results.json."""
    curves = process_curves(scenarios)
    quiet = memory(scenarios, measured_rates(scenarios)[0][1])
    fanout, clients = _sizes(scenarios, "fanout", 1)[-1]
    (small, few), *_, (large, many) = _sizes(scenarios, "scale", 2)
    items, frames = (median(scenarios, fanout, f"{what}_per_s") for what in ("items", "frames"))
    web = median(scenarios, fanout, "web_cpu_us_per_frame") * frames / 1e6
    web -= curves["web"].cores(items / clients)  # each watches everything, and what messages cost is not frames' cost
    twins = memory(scenarios, large)["workers"] - memory(scenarios, small)["workers"]
    return Costs(
        curves=curves,
        frame_us=max(0.0, web) * 1e6 / frames,
        items_a_frame=items / frames,
        mib={role: quiet[role] / count for role, count in MEASURED_PROCESSES.items()},
        twin_mib=max(0.0, twins) / (many - few),
        socket_mib=max(0.0, memory(scenarios, fanout)["web"] - quiet["web"]) / clients,
    )


def _ours(scenarios: Results, name: str) -> Results:
    return _of(scenarios, name, OURS)


def _of(scenarios: Results, name: str, installation: str) -> Results:
    if not (found := of_installation(scenarios, name, installation)):
        raise KeyError(name)
    return found


def median(scenarios: Results, name: str, figure: str) -> float:
    """Of one figure of Causeway."""
    return float(_ours(scenarios, name)["figures"][figure]["median"])


def measured_rates(scenarios: Results) -> list[tuple[float, str]]:
    """Messages/s and scenario of the loads that costs rest on, the lightest first; idle is none of them."""
    names = [name for name in scenarios if name.partition("/")[0] in LOADS]
    found = [name for name in names if _has_rate(scenarios, name)]
    if not found:
        raise KeyError(LOADS[0])
    return sorted((median(scenarios, name, "messages_per_s"), name) for name in found)


def _has_rate(scenarios: Results, name: str) -> bool:
    return "messages_per_s" in of_installation(scenarios, name, OURS).get("figures", {})


def by_role(scenarios: Results, name: str, installation: str = OURS) -> tuple[str, dict[str, float]]:
    """A unit (message, item, command), and µs of CPU for one by role, the tools left out; {}: not measured so."""
    found = _of(scenarios, name, installation)
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


def role_cores(scenarios: Results, name: str) -> dict[str, float]:
    """By role, all its processes, of a scenario that tells CPU in percent of a core; {}: it does not."""
    found = _ours(scenarios, name)
    used = {role: one["cpu_s"]["median"] for role, one in found["usage"].items() if role not in TOOLS}
    whole = sum(used.values())
    if "cpu_percent" not in found["figures"] or not whole:
        return {}
    return {role: median(scenarios, name, "cpu_percent") / 100 * cpu_s / whole for role, cpu_s in used.items()}


def process_curves(scenarios: Results) -> dict[str, Curve]:
    """By role, of one process of it; servers: of all of it."""
    loads = [(per_s, name, by_role(scenarios, name)[1]) for per_s, name in measured_rates(scenarios)]
    idle = role_cores(scenarios, IDLE) if IDLE in scenarios else {}
    out = {}
    for role in idle or loads[0][2]:
        points = []
        for per_s, name, us in loads:
            anyway = idle.get(role, 0.0) if name == LONE else 0.0  # of a lone message it was measured what is above
            points.append((per_s, anyway + max(0.0, us.get(role, 0.0)) * per_s / 1e6))
        least = idle.get(role, points[0][1])  # who was not seen idle is taken to do there what the least load took
        out[role] = curve([(0.0, least), *points]).of_each(MEASURED_PROCESSES.get(role, 1))
    return out


def fills(scenarios: Results) -> list[tuple[str, float]]:
    """Role, and messages/s at which one process of it takes a whole core; the first to be full comes first."""
    curves = process_curves(scenarios)
    return sorted(((role, line.fills_at(1.0)) for role, line in curves.items()), key=lambda one: one[1])
