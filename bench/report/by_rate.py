"""What a message costs at each rate, and against whom: each public function makes a block of docs/performance.md. Pure.

As ``chapters``: all are given results.json as a whole, and raise KeyError with the name of what was not measured.
"""

from typing import Final

from bench.measure.results import OURS, Results, figure_of
from bench.report import planning
from bench.report.chapters import PLAIN
from bench.report.markdown import amount, number, table

_HEAD: Final = ("a message, µs", "p50 / p99, ms")


def rates(results: Results) -> str:
    """A line a rate: CPU of all processes, of a message, and latency; Causeway's first."""
    head = ["messages/s", "CPU, % of a core", *_HEAD]
    head += [f"{name.rpartition(', ')[2]}: {what}" for name in PLAIN for what in _HEAD]
    return table(head, [_rate(results["scenarios"], name) for name in _names(results)])


def _rate(scenarios: Results, name: str) -> list[str]:
    percent = amount(figure_of(scenarios, name, OURS, "cpu_percent"))
    theirs = [cell for one in PLAIN for cell in _message(scenarios, name, one)]
    return [_said(name), percent, *_message(scenarios, name, OURS), *theirs]


def _message(scenarios: Results, name: str, installation: str) -> tuple[str, str]:
    """CPU of a message (another's when idle: of the whole), and latency; empty what was not measured."""
    if installation in scenarios[name].get("failed", {}):
        return "failed", ""
    percent, us, p50, p99 = (
        figure_of(scenarios, name, installation, figure)
        for figure in ("cpu_percent", "cpu_us_per_message", "p50_ms", "p99_ms")
    )
    if us is None:
        return f"({amount(percent)} %)" if percent is not None and installation != OURS else "", ""
    return number(us), f"{number(p50)} / {number(p99)}"


def rates_by_process(results: Results) -> str:
    """A line a rate: percent of a core by role."""
    found = {name: planning.role_cores(results["scenarios"], name) for name in _names(results)}
    found = {name: cores for name, cores in found.items() if cores}
    roles = dict.fromkeys(role for cores in found.values() for role in cores)
    rows = [
        [_said(name), amount(100 * sum(cores.values())), *(amount(100 * cores.get(role, 0.0)) for role in roles)]
        for name, cores in found.items()
    ]
    return table(["messages/s", "all", *roles], rows)


def _names(results: Results) -> list[str]:
    """Scenarios, in order.

    Raises:
        KeyError: there are none.
    """
    names = [name for name in results["scenarios"] if name.startswith(f"{planning.RATES}/")]
    if not names:
        raise KeyError(planning.RATES)
    return names


def _said(name: str) -> str:
    of = name.removeprefix(f"{planning.RATES}/")
    return f"{int(of):,}" if of.isdigit() else of
