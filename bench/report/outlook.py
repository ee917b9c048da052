"""What more devices and dashboards would take: blocks of docs/performance.md, as in bench/report/chapters.py. Pure."""

from typing import Final

from bench.report import planning, tables
from bench.report.chapters import Results
from bench.report.picture import amount
from bench.report.planning import Wish
from bench.report.report import number
from bench.report.tables import table

WISHES: Final = (Wish(1_000, 1.0, 10), Wish(10_000, 0.1, 200), Wish(10_000, 1.0, 1_000))


def most(results: Results) -> str:
    """The highest rate that planning rests on."""
    return tables.rate(planning.costs(results["scenarios"]).most_per_s)


def costs(results: Results) -> str:
    """What plans are made from."""
    found = planning.costs(results["scenarios"])
    rows = [
        [role, tables.cores(line.base), amount(line.us), f"{found.mib[role]:.0f}" if role in found.mib else ""]
        for role, line in found.lines.items()
    ]
    lines = table(["one process", "cores, before any message", "µs a message", "MiB"], rows)
    return (
        f"{lines}\n\nA frame to a socket: {amount(found.frame_us)} µs of a web process (with {found.items_a_frame:.0f} "
        f"items in it); a socket: {found.socket_mib * 1024:.0f} KiB there."
    )


def examples(results: Results) -> str:
    """What some installations need."""
    found = planning.costs(results["scenarios"])
    return table(
        [
            "",
            "messages/s",
            "frames/s",
            "gateway",
            "workers",
            "web",
            "Mosquitto, Redis, PostgreSQL: cores",
            "MiB of ours",
        ],
        [_example(found, wish) for wish in WISHES],
    )


def _example(found: planning.Costs, wish: Wish) -> list[str]:
    made = planning.plan(found, wish)
    rates = f"{wish.devices:,} devices at {wish.hz:g} Hz, {wish.dashboards:,} dashboards"
    servers = " + ".join(tables.cores(made.cores[role]) for role in planning.SERVERS if role in made.cores)
    ours = [_processes(made, role) for role in planning.OURS_ROLES]
    enough = all(made.processes[role] for role in planning.OURS_ROLES)
    mib = number(round(sum(made.mib.values()))) if enough else ""
    return [rates, number(wish.per_s), number(wish.frames_per_s), *ours, servers, mib]


def _processes(made: planning.Plan, role: str) -> str:
    count = made.processes[role]
    return f"{count} ({tables.cores(made.cores[role])})" if count else "none is enough"


def twin(results: Results) -> str:
    """Memory of a device that says nothing."""
    found = planning.costs(results["scenarios"]).twin_mib * 1024
    return f"{amount(found)} KiB of a worker each, {found * 100_000 / 1024:,.0f} MiB for 100,000"


def first(results: Results) -> str:
    """Which process is full first, in a sentence or two."""
    found = planning.fills(results["scenarios"])
    role, per_s = found[0]
    whole = planning.together_us(results["scenarios"])
    machine_cores = results["machine"]["cores"]
    return (
        f"**{role}** first: one process of it fills its core at about {tables.rate(per_s)} messages/s. All processes "
        f"together take {amount(whole)} µs of CPU a message, so {machine_cores} cores end at about "
        f"{tables.rate(machine_cores * 1e6 / whole)} messages/s: past that, cores come before processes."
    )


def saturation(results: Results) -> str:
    """At which rate one process of each role has a core to itself and no more."""
    rows = [[role, tables.rate(per_s)] for role, per_s in planning.fills(results["scenarios"])]
    return table(["one process of", "fills a core at, messages/s"], rows)
