"""From measured CPU time and memory to numbers of processes. Pure.

What a role's processes take of a core grows with the rate in a straight line: something for being there and for
batches, and something a message. Both are fitted to the loads that were measured. Sockets cost web processes by frame.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.measure.limits import Results
from bench.measure.results import OURS

FULL: Final = 0.7  # of a core that a process is given to do: the rest is for peaks
FRAMES_PER_S: Final = 10.0  # to a socket at most: items are gathered for 100 ms
WATCHED: Final = 200  # devices on a dashboard
LOADS: Final = ("latency/10%", "latency/50%", "latency/80%", "uplink")
MEASURED_PROCESSES: Final[Mapping[str, int]] = {"workers": 2}
"""Of a role under measurement (bench.installations.installation); others: one."""
OURS_ROLES: Final = ("gateway", "workers", "web")
SERVERS: Final = ("mosquitto", "redis", "postgres")
_UNIT: Final = re.compile(r"(?:([a-z]+)_)?cpu_(us|ms)_per_([a-z]+)")
TOOLS: Final = ("generator", "recorder", "swarm", "devices")


class MissingError(Exception):
    """The run did not measure this; the message names it as the page says it."""


@dataclass(frozen=True)
class Line:
    """Cores by rate."""

    base: float
    us: float
    """A message, in µs of CPU."""

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
    pairs = list(points)
    rate = sum(x for x, _ in pairs) / len(pairs)
    cores = sum(y for _, y in pairs) / len(pairs)
    spread = sum((x - rate) ** 2 for x, _ in pairs)
    slope = sum((x - rate) * (y - cores) for x, y in pairs) / spread if spread else cores / rate
    least = min(y / x for x, y in pairs)
    slope = min(slope, cores / rate) if slope > 0 else least
    return Line(cores - slope * rate, slope * 1e6)


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        lines: by role, of one process of it; servers: of all of it.
        frame_us: µs of a web process's CPU a frame to a socket.
        items_a_frame: that such a frame held.
        mib: by role, of one process that holds next to nothing.
        twin_mib: more, a device, of all workers together.
        socket_mib: more, a socket, of all web processes together.
        most_per_s: the highest rate that the lines rest on.
    """

    lines: Mapping[str, Line]
    frame_us: float
    items_a_frame: float
    mib: Mapping[str, float]
    twin_mib: float
    socket_mib: float
    most_per_s: float


@dataclass(frozen=True)
class Wish:
    """What is to be carried.

    Attributes:
        hz: messages a second of each device.
        watched: devices on each dashboard.
    """

    devices: int
    hz: float
    dashboards: int
    watched: int = WATCHED

    @property
    def per_s(self) -> float:
        """Messages a second of all devices."""
        return self.devices * self.hz

    @property
    def frames_per_s(self) -> float:
        """To all dashboards, at most."""
        return self.dashboards * min(FRAMES_PER_S, min(self.watched, self.devices) * self.hz)


@dataclass(frozen=True)
class Plan:
    """What it takes.

    Attributes:
        processes: by role; 0: no number of them is enough, because each must hear of every message.
        cores: by role, servers too: what they use of them.
        mib: by role.
    """

    processes: dict[str, int] = field(default_factory=dict)
    cores: dict[str, float] = field(default_factory=dict)
    mib: dict[str, float] = field(default_factory=dict)


def plan(costs: Costs, wish: Wish) -> Plan:
    """Processes, cores and memory for it. Gateways and workers share the messages, web processes the sockets."""
    out = Plan()
    for role in ("gateway", "workers"):
        out.processes[role] = _shared(costs.lines[role], wish.per_s)
        out.cores[role] = costs.lines[role].base * out.processes[role] + costs.lines[role].us * wish.per_s / 1e6
    each = costs.lines["web"].cores(wish.per_s)  # every web process hears of every message
    frames = wish.frames_per_s * costs.frame_us / 1e6
    out.processes["web"] = max(1, math.ceil(frames / (FULL - each))) if each < FULL else 0
    out.cores["web"] = each * out.processes["web"] + frames
    out.cores.update((role, costs.lines[role].cores(wish.per_s)) for role in SERVERS if role in costs.lines)
    more = {"workers": costs.twin_mib * wish.devices, "web": costs.socket_mib * wish.dashboards}
    out.mib.update((role, costs.mib[role] * out.processes[role] + more.get(role, 0.0)) for role in OURS_ROLES)
    return out


def _shared(line: Line, per_s: float) -> int:
    return max(1, math.ceil(line.us * per_s / 1e6 / (FULL - line.base))) if line.base < FULL else 0


# ------------------------------------------------------------------------------------------ from results.json


def costs(scenarios: Results) -> Costs:
    """Of Causeway, from the ``scenarios`` of results.json.

    Raises:
        MissingError: a scenario that it rests on was not measured.
    """
    lines = _lines(scenarios)
    fanout, frame_us, items = _frames(scenarios, lines["web"])
    quiet = memory(scenarios, loads(scenarios)[0])
    base = {role: quiet[role] / MEASURED_PROCESSES.get(role, 1) for role in OURS_ROLES}
    sockets = _clients(fanout)
    return Costs(
        lines=lines,
        frame_us=frame_us,
        items_a_frame=items,
        mib=base,
        twin_mib=_twin_mib(scenarios),
        socket_mib=max(0.0, memory(scenarios, fanout)["web"] - quiet["web"]) / sockets,
        most_per_s=max(median(scenarios, name, "messages_per_s") for name in loads(scenarios)),
    )


def loads(scenarios: Results) -> list[str]:
    """The measured loads that costs rest on, the lightest first.

    Raises:
        MissingError: there is none.
    """
    found = [name for name in LOADS if OURS in scenarios.get(name, {}).get("installations", {})]
    if not found:
        raise MissingError("`uplink`")
    return found


def median(scenarios: Results, name: str, figure: str, installation: str = OURS) -> float:
    """Of one figure.

    Raises:
        MissingError: it was not measured.
    """
    found = scenarios.get(name, {}).get("installations", {}).get(installation, {}).get("figures", {}).get(figure)
    if found is None:
        raise MissingError(f"`{name}`")
    return float(found["median"])


def by_role(scenarios: Results, name: str, installation: str = OURS) -> dict[str, float]:
    """µs of CPU a unit (message, item, command) by role, the tools of measuring left out; {}: not measured so."""
    found: Mapping[str, Any] = scenarios.get(name, {}).get("installations", {}).get(installation, {})
    used = {role: one["cpu_s"]["median"] for role, one in found.get("usage", {}).items() if role not in TOOLS}
    told = unit_us(found.get("figures", {}))
    whole = (used.get(told[0], 0.0) if told[0] else sum(used.values())) if told else 0.0
    return {role: told[2] * cpu_s / whole for role, cpu_s in used.items()} if told and whole else {}


def unit_us(figures: Mapping[str, Any]) -> tuple[str, str, float] | None:
    """The first figure that tells CPU time by a unit: whose, of what, how many µs.

    ``cpu_ms_per_command`` → ("", "command", 1200.0): of all together; ``web_cpu_us_per_item`` → ("web", "item", 0.8).
    """
    for name, value in figures.items():
        if (found := _UNIT.fullmatch(name)) and found[1] not in TOOLS:
            return found[1] or "", found[3], value["median"] * (1000.0 if found[2] == "ms" else 1.0)
    return None


def memory(scenarios: Results, name: str, installation: str = OURS) -> dict[str, float]:
    """Peak MiB by role, the tools of measuring left out."""
    found = scenarios.get(name, {}).get("installations", {}).get(installation, {}).get("usage", {})
    return {role: float(one["peak_mib"]["median"]) for role, one in found.items() if role not in TOOLS}


def rows(scenarios: Results, name: str) -> list[tuple[str, int]]:
    """Measured rows of a parameterised scenario with their numbers, ascending: ``scale`` → [("scale/100", 100), …]."""
    found = [
        (one, int(one.partition("/")[2]))
        for one, scenario in scenarios.items()
        if one.startswith(f"{name}/") and one.partition("/")[2].isdigit() and OURS in scenario["installations"]
    ]
    return sorted(found, key=lambda one: one[1])


def _lines(scenarios: Results) -> dict[str, Line]:
    points = [(median(scenarios, name, "messages_per_s"), by_role(scenarios, name)) for name in loads(scenarios)]
    return {role: _line(points, role) for role in (*OURS_ROLES, *SERVERS) if role in points[0][1]}


def _line(points: Iterable[tuple[float, Mapping[str, float]]], role: str) -> Line:
    """Of one process of the role."""
    line = fitted((rate, rate * us.get(role, 0.0) / 1e6) for rate, us in points)
    return Line(line.base / MEASURED_PROCESSES.get(role, 1), line.us)


def _clients(name: str) -> int:
    return int(name.partition("/")[2])


def _frames(scenarios: Results, web: Line) -> tuple[str, float, float]:
    """The largest fan-out, µs of web CPU a frame in it, items in a frame. What messages cost is not frames' cost."""
    found = rows(scenarios, "fanout")
    if not found:
        raise MissingError("`fanout`")
    name = found[-1][0]
    items, frames = median(scenarios, name, "items_per_s"), median(scenarios, name, "frames_per_s")
    messages = items / _clients(name)  # each watches everything
    cores = median(scenarios, name, "web_cpu_us_per_frame") * frames / 1e6
    return name, max(0.0, cores - web.cores(messages)) * 1e6 / frames, items / frames


def _twin_mib(scenarios: Results) -> float:
    found = rows(scenarios, "scale")
    if len(found) < 2:
        raise MissingError("`scale`")
    (small, few), (large, many) = found[0], found[-1]
    return max(0.0, memory(scenarios, large)["workers"] - memory(scenarios, small)["workers"]) / (many - few)


def fills(scenarios: Results) -> list[tuple[str, float]]:
    """Role, and messages/s at which one process of it takes a whole core; the first to be full comes first.

    Raises:
        MissingError: there is nothing to go by.
    """
    found = [(role, line.fills_at(1.0)) for role, line in _lines(scenarios).items()]
    return sorted(found, key=lambda one: one[1])


def together_us(scenarios: Results) -> float:
    """µs of CPU a message, of all processes, at the heaviest load that was measured."""
    return sum(by_role(scenarios, loads(scenarios)[-1]).values())
