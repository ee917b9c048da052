"""What more devices and dashboards would take, as blocks of docs/performance.md. Pure."""

from typing import Final

from bench.report import planning
from bench.report.markdown import Results, amount, block, cores, number, rate, table
from bench.report.planning import Costs, Wish

WISHES: Final = (Wish(1_000, 1.0, 10), Wish(10_000, 0.1, 200), Wish(10_000, 1.0, 1_000))


@block
def most(results: Results) -> str:
    """The highest rate that planning rests on."""
    scenarios = results["scenarios"]
    return rate(max(planning.median(scenarios, name, "messages_per_s") for name in planning.loads(scenarios)))


@block
def costs(results: Results) -> str:
    """What plans are made from."""
    found = planning.costs(results["scenarios"])
    rows = [
        [role, cores(line.base), amount(line.us), f"{found.mib[role]:.0f}" if role in found.mib else ""]
        for role, line in found.lines.items()
    ]
    return (
        f"{table(['one process', 'cores, before any message', 'µs a message', 'MiB'], rows)}\n\n"
        f"A frame to a socket: {amount(found.frame_us)} µs of a web process (with {found.items_a_frame:.0f} "
        f"items in it); a socket: {found.socket_mib * 1024:.0f} KiB there."
    )


@block
def examples(results: Results) -> str:
    """What some installations need."""
    found = planning.costs(results["scenarios"])
    ours = list(planning.MEASURED_PROCESSES)
    head = ["", "messages/s", "frames/s", *ours, "Mosquitto, Redis, PostgreSQL: cores", "MiB of ours"]
    return table(head, [_example(found, wish) for wish in WISHES])


def _example(found: Costs, wish: Wish) -> list[str]:
    needs = planning.plan(found, wish).values()
    return [
        f"{wish.devices:,} devices at {wish.hz:g} Hz, {wish.dashboards:,} dashboards",
        number(wish.per_s),
        number(wish.frames_per_s),
        *(f"{one.processes} ({cores(one.cores)})" if one.processes else "none is enough" for one in needs),
        " + ".join(cores(found.lines[role].cores(wish.per_s)) for role in planning.SERVERS),
        number(round(sum(one.mib for one in needs))) if all(one.processes for one in needs) else "",
    ]


@block
def twin(results: Results) -> str:
    """Memory of a device that says nothing."""
    kib = planning.costs(results["scenarios"]).twin_mib * 1024
    return f"{amount(kib)} KiB of a worker each, {kib * 100_000 / 1024:,.0f} MiB for 100,000"


@block
def first(results: Results) -> str:
    """Which process is full first, in a sentence or two."""
    role, per_s = planning.fills(results["scenarios"])[0]
    heaviest = planning.loads(results["scenarios"])[-1]
    whole = sum(planning.by_role(results["scenarios"], heaviest)[1].values())
    machine_cores = results["machine"]["cores"]
    return (
        f"**{role}** first: one process of it fills its core at about {rate(per_s)} messages/s. All processes "
        f"together take {amount(whole)} µs of CPU a message, so {machine_cores} cores end at about "
        f"{rate(machine_cores * 1e6 / whole)} messages/s: past that, cores come before processes."
    )


@block
def saturation(results: Results) -> str:
    """At which rate one process of each role has a core to itself and no more."""
    rows = [[role, rate(per_s)] for role, per_s in planning.fills(results["scenarios"])]
    return table(["one process of", "fills a core at, messages/s"], rows)
