"""The blocks of docs/performance.md, each from results.json as a whole. Pure; ``document`` puts them in place."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from bench.measure.results import OURS
from bench.report import planning, tables
from bench.report.picture import amount
from bench.report.planning import MissingError
from bench.report.report import number
from bench.report.tables import spread, table, words

Results = Mapping[str, Any]
PLAIN: Final = ("plain Channels, Redis layer", "plain Channels, pub/sub layer")
_UNWELCOME: Final = ("lost", "repeated", "disordered")
_HELD: Final = {True: "held", False: "**not held**", None: "not measured"}


# ------------------------------------------------------------------------------------------- what was measured


def headline(results: Results) -> str:
    """Two sentences: how much, against whom; how soon."""
    scenarios = results["scenarios"]
    try:
        uplink = scenarios["uplink"]["installations"]
        per_s = planning.median(scenarios, "uplink", "messages_per_s")
    except (KeyError, MissingError):
        return "What Causeway costs and carries, measured side by side with other ways from MQTT to a browser."
    others = [(name, uplink[name]["ratio"].get("messages_per_s")) for name in PLAIN if name in uplink]
    than = " and ".join(f"{tables.times(ratio, 'higher')} as many as {name}" for name, ratio in others if ratio)
    first = (
        f"**{number(per_s)} QoS 1 messages a second** from MQTT to a browser, each in PostgreSQL before its PUBACK, on "
        f"{results['machine']['cores']} cores that also carry broker, databases and load"
        + (f": {than}." if than else ".")
    )
    return f"{first} {_soon(scenarios)}".strip()


def _soon(scenarios: Results) -> str:
    try:
        half, lone = (planning.median(scenarios, f"latency/{row}", "p50_ms") for row in ("50%", "lone"))
    except MissingError:
        return ""
    return (
        f"A lone message is in the browser after {number(lone)} ms, at half of that rate after {number(half)} ms (p50)."
    )


def machine(results: Results) -> str:
    """What it ran on."""
    found = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found.get("versions", {}).items())
    rows = [
        ("processor", f"{found['cores']} cores of {found['cpu']}"),
        ("memory", f"{found['memory_gib']:g} GiB"),
        ("system", found["kernel"]),
        ("Python", found["python"]),
        ("with", versions),
    ]
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {name} | {what} |" for name, what in rows)


def against(results: Results) -> str:
    """Each scenario's first figure, and its p99, of all installations."""
    scenarios = {name: one for name, one in results["scenarios"].items() if OURS in one["installations"]}
    others = list(dict.fromkeys(name for one in scenarios.values() for name in one["installations"] if name != OURS))
    rows = []
    for name, scenario in scenarios.items():
        figures = [figure for figure in scenario["better"] if figure == "p99_ms"]
        for figure in dict.fromkeys([next(iter(scenario["better"])), *figures]):
            cells = [_cell(scenario, other, figure) for other in others]
            if any(cells):
                rows.append([f"{name}: {words(figure)}", _cell(scenario, OURS, figure), *cells])
    if not rows:
        raise MissingError("anything but Causeway")
    return table(["", OURS, *others], rows)


def _cell(scenario: Results, installation: str, figure: str) -> str:
    one = scenario["installations"].get(installation)
    if one is None:
        return "failed" if installation in scenario.get("failed", {}) else ""
    if installation == OURS or figure not in scenario["better"]:
        return spread(one["figures"].get(figure))
    return tables.against(one, figure, scenario["better"][figure])


def ceiling(results: Results) -> str:
    """What no bridge can exceed."""
    found = results["scenarios"].get("ceilings", {}).get("installations", {})
    said = [f"{name} {number(one['figures']['messages_per_s']['median'])}" for name, one in found.items()]
    return f"Clients that do nothing with what they receive take, in messages/s: {', '.join(said)}." if said else ""


def must_hold(results: Results) -> str:
    """Limit, measured, held or not."""
    rows = [
        [
            name,
            limit["text"],
            _number(limit["actual"]),
            f"{limit['at']} {_number(limit['bound'])}",
            _HELD[limit["held"]],
        ]
        for name, scenario in results["scenarios"].items()
        for limit in scenario.get("limits", [])
    ]
    if not rows:
        raise MissingError("anything that has a limit")
    return table(["scenario", "limit", "measured", "bound", ""], rows, text=2)


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def scenarios(results: Results) -> str:
    """A heading, sentence and table for each, those with one title together."""
    found = results["scenarios"].items()
    groups = groupby(found, key=lambda one: one[1]["title"])
    return "\n\n".join(f"### {title}\n\n{_group(dict(group))}" for title, group in groups)


def _group(rows: Results) -> str:
    """One table: a line a figure, a column an installation."""
    installations = list(dict.fromkeys(name for one in rows.values() for name in one["installations"]))
    lines = [
        [f"{name}: {words(figure)}", *(_cell(scenario, other, figure) for other in installations)]
        for name, scenario in rows.items()
        for figure in _figures(scenario)
    ]
    said = "\n".join(f"- `{name}`: {one['what']} ({_rounds(one['rounds'])})." for name, one in rows.items())
    failed = [f"\n- {where} failed at `{name}`: {why}." for name, one in rows.items() for where, why in _failed(one)]
    return f"{said}{''.join(failed)}\n\n{table(['', *installations], lines)}"


def _rounds(count: int) -> str:
    return "one round" if count == 1 else f"{count} rounds"


def _failed(scenario: Results) -> Iterable[tuple[str, str]]:
    failed: Mapping[str, str] = scenario.get("failed", {})
    return failed.items()


def _figures(scenario: Results) -> list[str]:
    """Those with a better way, and what should not be there and is."""
    found = [one["figures"] for one in scenario["installations"].values()]
    unwelcome = [name for name in _UNWELCOME if any(one.get(name, {"max": 0})["max"] for one in found)]
    return list(dict.fromkeys([*scenario["better"], *unwelcome]))


# ------------------------------------------------------------------------------------------- what it took


def cpu(results: Results) -> str:
    """µs by role, a line a scenario that tells its CPU time by message, item or command."""
    named = {name: planning.by_role(results["scenarios"], name) for name in results["scenarios"]}
    return _by_role({_per(results, name): found for name, found in named.items() if found}, "scenario, µs")


def _per(results: Results, name: str) -> str:
    unit = planning.unit_us(results["scenarios"][name]["installations"][OURS]["figures"])
    assert unit is not None
    return f"{name}, a {unit[1]}"


def memory(results: Results) -> str:
    """MiB by role, a line a scenario."""
    named = {name: planning.memory(results["scenarios"], name) for name in results["scenarios"]}
    return _by_role({name: found for name, found in named.items() if any(found.values())}, "scenario, MiB")


def _by_role(named: Mapping[str, Mapping[str, float]], head: str) -> str:
    if not named:
        raise MissingError("the usage of processes")
    roles = list(dict.fromkeys(role for found in named.values() for role in found))
    rows = [[name, *(amount(found[role]) if role in found else "" for role in roles)] for name, found in named.items()]
    return table([head, *roles], rows)


def picture_path(name: str) -> str:
    """Of a load's picture, below docs/."""
    return f"images/profile-{name}.svg"


def profile(results: Results) -> str:
    """A picture and a table of each load."""
    found = results.get("profile")
    if not found:
        raise MissingError("the `profile`")
    return "\n\n".join(_profile(name, one) for name, one in found.items())


def _profile(name: str, one: Results) -> str:
    roles = {role: told for role, told in one["roles"].items() if "areas" in told}
    areas = list(dict.fromkeys(area for told in roles.values() for area in told["areas"]))
    rows = [[area, *(_part(told["areas"], area) for told in roles.values())] for area in areas]
    whole = ["**all**", *(f"**{amount(told['cpu_us'])}**" for told in roles.values())]
    picture = f"![Where the time goes: {one['title']}]({picture_path(name)})"
    at = f"{one['title']}, at {tables.rate(one['rate_per_s'])} {one['unit']}s/s; µs per {one['unit']}:"
    return f"{picture}\n\n{at}\n\n{table(['', *roles], [whole, *rows])}\n\n{_samples(roles)}"


def _part(areas: Mapping[str, float], area: str) -> str:
    return amount(areas[area]) if area in areas else ""


def _samples(roles: Results) -> str:
    said = [f"{role} {number(told['samples'])}" for role, told in roles.items()]
    other = [f"{told['areas'].get('other', 0.0) / told['cpu_us']:.0%}" for told in roles.values() if told["cpu_us"]]
    return f'Samples: {", ".join(said)}; "other" in the same order: {", ".join(other)}.'


def run(results: Results) -> str:
    """Which run this page is of."""
    took = f", which took {results['took_s'] / 60:.0f} minutes" if "took_s" in results else ""
    return f"This page is of a {results['mode']} run, {results['date']}{took}."
