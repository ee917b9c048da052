"""What more devices and dashboards would take: each public function makes a block of docs/performance.md. Pure.

As ``chapters``: all are given results.json as a whole, and raise KeyError with the name of what was not measured.
"""

from typing import Final

from bench.measure.results import Results
from bench.report import planning
from bench.report.markdown import amount, number, rate, table
from bench.report.planning import Costs, Wish

WISHES: Final = (Wish(100, 0.1, 3), Wish(1_000, 1.0, 10), Wish(10_000, 0.1, 200), Wish(10_000, 1.0, 1_000))
_SHOWN: Final = (0, 10, 100, 500, 2_000, 10_000)
"""Messages a second at which a table tells what a process takes, as far as was measured."""


def most(results: Results) -> str:
    """The highest rate that planning rests on."""
    return rate(planning.measured_rates(results["scenarios"])[-1][0])


def costs(results: Results) -> str:
    """What plans are made from."""
    found = planning.costs(results["scenarios"])
    highest = planning.measured_rates(results["scenarios"])[-1][0]
    shown = [*(per_s for per_s in _SHOWN if per_s < highest), highest]
    rows = [
        [role, *(amount(curve.cores(per_s)) for per_s in shown), f"{found.mib[role]:.0f}" if role in found.mib else ""]
        for role, curve in found.curves.items()
    ]
    head = ["cores, of one process, at messages/s of its own:", *map(rate, shown), "MiB"]
    return (
        f"{table(head, rows)}\n\n"
        f"A frame to a socket: {amount(found.frame_us)} µs of a web process (with {found.items_a_frame:.0f} "
        f"items in it); a socket: {found.socket_mib * 1024:.0f} KiB there."
    )


def examples(results: Results) -> str:
    """What some installations need."""
    found = planning.costs(results["scenarios"])
    ours = list(planning.MEASURED_PROCESSES)
    head = ["", "messages/s", "frames/s", *ours, "Mosquitto, Redis, PostgreSQL: cores", "MiB of Causeway"]
    return table(head, [_example(found, wish) for wish in WISHES])


def _example(found: Costs, wish: Wish) -> list[str]:
    needs = planning.plan(found, wish).values()
    return [
        f"{wish.devices:,} devices at {wish.hz:g} Hz, {wish.dashboards:,} dashboards",
        number(wish.per_s),
        number(wish.frames_per_s),
        *(f"{one.processes} ({amount(one.cores)})" if one.processes else "none is enough" for one in needs),
        " + ".join(amount(found.curves[role].cores(wish.per_s)) for role in planning.SERVERS),
        number(round(sum(one.mib for one in needs))) if all(one.processes for one in needs) else "",
    ]


def twin(results: Results) -> str:
    """Memory of a device that says nothing."""
    kib = planning.costs(results["scenarios"]).twin_mib * 1024
    return f"{amount(kib)} KiB of a worker each, {kib * 100_000 / 1024:,.0f} MiB for 100,000"


def first(results: Results) -> str:
    """Which process is full first, in a sentence or two."""
    role, per_s = planning.fills(results["scenarios"])[0]
    heaviest = planning.measured_rates(results["scenarios"])[-1][1]
    whole = sum(planning.by_role(results["scenarios"], heaviest)[1].values())
    cores = results["machine"]["cores"]
    return (
        f"**{role}** first: one process of it fills its core at about {rate(per_s)} messages/s. All processes "
        f"together take {amount(whole)} µs of CPU a message, so {cores} cores end at about "
        f"{rate(cores * 1e6 / whole)} messages/s: past that, cores come before processes."
    )


def saturation(results: Results) -> str:
    """At which rate one process of each role has a core to itself and no more."""
    rows = [[role, rate(per_s)] for role, per_s in planning.fills(results["scenarios"])]
    return table(["one process of", "fills a core at, messages/s"], rows)
