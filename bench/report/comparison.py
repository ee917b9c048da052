"""Two checkouts side by side, as Markdown. Pure."""

from collections.abc import Iterable

from bench.measure.results import OURS, Results
from bench.report import planning
from bench.report.markdown import amount, number, table, words


def comparison(results: Results, other: str) -> str:
    """A line a figure: the other checkout's, this one's, this one's to the other's in each round; CPU by process below.

    Args:
        results: results.json.
        other: name of the other checkout's installation.
    """
    scenarios = {name: one for name, one in results["scenarios"].items() if len(one["installations"]) > 1}
    figures = table(["", other, "here", "here to there, median of the rounds (range)"], _figures(scenarios, other))
    failed = [
        f"{where} failed at `{name}`: {why}."
        for name, one in results["scenarios"].items()
        for where, why in one.get("failed", {}).items()
    ]
    return "\n\n".join(filter(None, [figures, _cpu(scenarios, other), *failed]))


def _figures(scenarios: Results, other: str) -> Iterable[list[str]]:
    for name, scenario in scenarios.items():
        there, here = (scenario["installations"][one]["figures"] for one in (other, OURS))
        ratios = scenario["installations"][other]["ratio"]
        for figure in (one for one in _told(scenario) if one in here and one in there):
            medians = (number(one[figure]["median"]) for one in (there, here))
            yield [f"{name}: {words(figure)}", *medians, _ratio(ratios[figure]) if figure in ratios else ""]


def _told(scenario: Results) -> Iterable[str]:
    unwelcome = ("lost", "repeated", "disordered")
    found = [one["figures"] for one in scenario["installations"].values()]
    return [
        *scenario["better"],
        *(name for name in unwelcome if any(one.get(name, {"max": 0})["max"] for one in found)),
    ]


def _ratio(theirs_to_ours: Results) -> str:
    median, low, high = (1 / theirs_to_ours[which] for which in ("median", "max", "min"))
    return f"{median:.3f} ({low:.2f}–{high:.2f})"


def _cpu(scenarios: Results, other: str) -> str:
    """µs a message (or item, or command) by process, there → here."""
    rows: dict[str, dict[str, str]] = {}
    for name in scenarios:
        (unit, here), (_, there) = (planning.by_role(scenarios, name, one) for one in (OURS, other))
        if here and there:
            said = {role: f"{amount(there.get(role))} → {amount(us)}" for role, us in here.items()}
            rows[f"{name}, a {unit}"] = {"all": f"{amount(sum(there.values()))} → {amount(sum(here.values()))}", **said}
    roles = dict.fromkeys(role for row in rows.values() for role in row)
    if not rows:
        return ""
    return table(
        ["CPU, µs, there → here", *roles],
        [[name, *(row.get(role, "") for role in roles)] for name, row in rows.items()],
    )
