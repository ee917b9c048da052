"""results.json as text for a terminal: a table a scenario, then what must hold. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MARKS: Final = {True: "held", False: "NOT HELD", None: "not measured"}
_ARROWS: Final = {"higher": "↑", "lower": "↓"}


def table(results: Mapping[str, Any]) -> str:
    """The whole report."""
    scenarios = results["scenarios"]
    parts = [line for name, scenario in scenarios.items() for line in _scenario(name, scenario)]
    return "\n".join([_heading(results), *parts, "", *_limits(scenarios)])


def _heading(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    return (
        f"{results['date']}, {results['mode']} run: {machine['cores']} cores of {machine['cpu']}, {machine['kernel']}"
    )


def _scenario(name: str, scenario: Mapping[str, Any]) -> list[str]:
    installations = scenario["installations"]
    figures = list(dict.fromkeys(figure for one in installations.values() for figure in one["figures"]))
    rows = [["", *installations]]
    for figure in figures:
        arrow = _ARROWS.get(scenario["better"].get(figure), " ")
        rows.append([f"{figure} {arrow}", *(_cell(one, figure) for one in installations.values())])
    roles = dict.fromkeys(role for one in installations.values() for role in one["usage"])
    rows += [[role, *(_used(one["usage"].get(role)) for one in installations.values())] for role in roles]
    failed = [f"  FAILED on {where}: {why}" for where, why in scenario.get("failed", {}).items()]
    return ["", f"{name}: {scenario['what']} ({scenario['rounds']} rounds)", *_columns(rows), *failed]


def _cell(one: Mapping[str, Any], figure: str) -> str:
    """``5,120 (4,990 … 5,300) ×0.98``: median, range, ratio."""
    found = one["figures"].get(figure)
    if found is None:
        return "-"
    spread = f" ({number(found['min'])} … {number(found['max'])})" if found["min"] != found["max"] else ""
    ratio = one["ratio"].get(figure)
    return number(found["median"]) + spread + (f" ×{ratio['median']:.2g}" if ratio else "")


def _used(role: Mapping[str, Any] | None) -> str:
    if role is None:
        return "-"
    memory = f", {role['peak_mib']['median']:.0f} MiB" if role["peak_mib"]["median"] else ""
    return f"{role['cpu_s']['median']:.2f} s CPU{memory}"


def number(value: float) -> str:
    """``12,345``, ``345``, ``34.5``, ``3.45``, ``0``."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _limits(scenarios: Mapping[str, Any]) -> list[str]:
    limits = [(name, limit) for name, scenario in scenarios.items() for limit in scenario.get("limits", [])]
    rows = [[_MARKS[limit["held"]], name, limit["text"], _compared(limit)] for name, limit in limits]
    return ["must hold", *_columns(rows)] if rows else []


def _compared(limit: Mapping[str, Any]) -> str:
    if limit["actual"] is None or limit["bound"] is None:
        return ""
    return f"{number(limit['actual'])} {limit['at']} {number(limit['bound'])}"
