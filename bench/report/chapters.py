"""What was measured, as blocks of docs/performance.md, each from results.json as a whole. Pure."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

from bench.measure.results import OURS
from bench.report import planning
from bench.report.markdown import Results, amount, block, number, rate, spread, table, times, words

PLAIN: Final = ("plain Channels, Redis layer", "plain Channels, pub/sub layer")
_UNWELCOME: Final = ("lost", "repeated", "disordered")
_HELD: Final = {True: "held", False: "**not held**", None: "not measured"}


@block
def headline(results: Results) -> str:
    """Two sentences: how much, against whom; how soon."""
    scenarios = results["scenarios"]
    if not {"uplink", "latency/50%", "latency/lone"} <= scenarios.keys():
        return "What Causeway costs and carries, measured side by side with other ways from MQTT to a browser."
    uplink = scenarios["uplink"]["installations"]
    ratios = {name: uplink[name]["ratio"].get("messages_per_s") for name in PLAIN if name in uplink}
    than = " and ".join(f"{times(ratio, 'higher')} as many as {name}" for name, ratio in ratios.items() if ratio)
    half, lone = (planning.median(scenarios, f"latency/{row}", "p50_ms") for row in ("50%", "lone"))
    return (
        f"**{number(planning.median(scenarios, 'uplink', 'messages_per_s'))} QoS 1 messages a second** from MQTT to a "
        f"browser, each in PostgreSQL before its PUBACK, on {results['machine']['cores']} cores that also carry "
        f"broker, databases and load{f': {than}' if than else ''}. A lone message is in the browser after "
        f"{number(lone)} ms, at half of that rate after {number(half)} ms (p50)."
    )


@block
def machine(results: Results) -> str:
    """What it ran on."""
    found = results["machine"]
    rows = {
        "processor": f"{found['cores']} cores of {found['cpu']}",
        "memory": f"{found['memory_gib']:g} GiB",
        "system": found["kernel"],
        "Python": found["python"],
        "with": ", ".join(map(" ".join, found.get("versions", {}).items())),
    }
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {name} | {what} |" for name, what in rows.items())


def _ours(results: Results) -> dict[str, Results]:
    """The scenarios of Causeway."""
    return {name: one for name, one in results["scenarios"].items() if OURS in one["installations"]}


@block
def against(results: Results) -> str:
    """Each scenario's first figure, and its p99, of all installations."""
    scenarios = _ours(results)
    others = list(dict.fromkeys(name for one in scenarios.values() for name in one["installations"] if name != OURS))
    rows = []
    for name, scenario in scenarios.items():
        better = scenario["better"]
        for figure in dict.fromkeys([next(iter(better)), *(["p99_ms"] if "p99_ms" in better else [])]):
            cells = [_cell(scenario, other, figure) for other in others]
            if any(cells):
                rows.append([f"{name}: {words(figure)}", _cell(scenario, OURS, figure), *cells])
    return table(["", OURS, *others], rows)


def _cell(scenario: Results, installation: str, figure: str) -> str:
    """``571 (540–590), 9.0×``: another installation's figure, and how many times better Causeway's is."""
    one = scenario["installations"].get(installation)
    if one is None:
        return "failed" if installation in scenario.get("failed", {}) else ""
    text, ratio, better = spread(one["figures"].get(figure)), one["ratio"].get(figure), scenario["better"].get(figure)
    return f"{text}, **{times(ratio, better)}**" if text and better and ratio and ratio["median"] else text


@block
def ceiling(results: Results) -> str:
    """What no bridge can exceed."""
    found = results["scenarios"].get("ceilings", {}).get("installations", {})
    said = [f"{name} {number(one['figures']['messages_per_s']['median'])}" for name, one in found.items()]
    return f"Clients that do nothing with what they receive take, in messages/s: {', '.join(said)}." if said else ""


@block
def must_hold(results: Results) -> str:
    """Limit, measured, held or not."""
    limits = [(name, one) for name, scenario in results["scenarios"].items() for one in scenario.get("limits", [])]
    rows = [
        [name, one["text"], number(one["actual"]), f"{one['at']} {number(one['bound'])}", _HELD[one["held"]]]
        for name, one in limits
    ]
    return table(["scenario", "limit", "measured", "bound", ""], rows, text=2)


@block
def scenarios(results: Results) -> str:
    """A heading, sentence and table for each, those with one title together."""
    groups = groupby(results["scenarios"].items(), key=lambda one: one[1]["title"])
    return "\n\n".join(f"### {title}\n\n{_group(dict(group))}" for title, group in groups)


def _group(rows: Results) -> str:
    """One table: a line a figure, a column an installation."""
    installations = list(dict.fromkeys(name for one in rows.values() for name in one["installations"]))
    lines = [
        [f"{name}: {words(figure)}", *(_cell(scenario, other, figure) for other in installations)]
        for name, scenario in rows.items()
        for figure in _figures(scenario)
    ]
    rounds = {name: "one round" if one["rounds"] == 1 else f"{one['rounds']} rounds" for name, one in rows.items()}
    said = "\n".join(f"- `{name}`: {one['what']} ({rounds[name]})." for name, one in rows.items())
    failed = [(where, name, why) for name, one in rows.items() for where, why in one.get("failed", {}).items()]
    said += "".join(f"\n- {where} failed at `{name}`: {why}." for where, name, why in failed)
    return f"{said}\n\n{table(['', *installations], lines)}"


def _figures(scenario: Results) -> Iterable[str]:
    """Those with a better way, and what should not be there and is."""
    found = [one["figures"] for one in scenario["installations"].values()]
    unwelcome = [name for name in _UNWELCOME if any(one.get(name, {"max": 0})["max"] for one in found)]
    return dict.fromkeys([*scenario["better"], *unwelcome])


@block
def cpu(results: Results) -> str:
    """µs by role, a line a scenario that tells its CPU time by message, item or command."""
    found = {name: planning.by_role(results["scenarios"], name) for name in _ours(results)}
    return _by_role({f"{name}, a {unit}": by_role for name, (unit, by_role) in found.items()}, "scenario, µs")


@block
def memory(results: Results) -> str:
    """MiB by role, a line a scenario."""
    found = {name: planning.memory(results["scenarios"], name) for name in _ours(results)}
    return _by_role(found, "scenario, MiB")


def _by_role(named: Mapping[str, Mapping[str, float]], head: str) -> str:
    named = {name: found for name, found in named.items() if any(found.values())}
    roles = dict.fromkeys(role for found in named.values() for role in found)
    return table(
        [head, *roles], [[name, *(amount(found.get(role)) for role in roles)] for name, found in named.items()]
    )


@block
def profile(results: Results) -> str:
    """A table of each load."""
    return "\n\n".join(map(_profile, results["profile"].values()))


def _profile(load: Results) -> str:
    """A process that was not looked into has nothing but its whole."""
    roles = {role: (one["cpu_us"], one.get("areas", {})) for role, one in load["roles"].items()}
    areas = dict.fromkeys(area for _, parts in roles.values() for area in parts)
    whole = ["**all**", *(f"**{amount(cpu_us)}**" for cpu_us, _ in roles.values())]
    rows = [[area, *(amount(parts.get(area)) for _, parts in roles.values())] for area in areas]
    samples = ", ".join(f"{role} {number(one['samples'])}" for role, one in load["roles"].items() if "samples" in one)
    others = [f"{parts.get('other', 0.0) / cpu_us:.0%}" for cpu_us, parts in roles.values() if parts and cpu_us]
    return (
        f"{load['title']}, at {rate(load['rate_per_s'])} {load['unit']}s/s; µs per {load['unit']}:\n\n"
        f"{table(['', *roles], [whole, *rows])}\n\n"
        f'Samples: {samples}; "other" in the same order: {", ".join(others)}.'
    )


@block
def run(results: Results) -> str:
    """Which run this page is of."""
    took = f", which took {results['took_s'] / 60:.0f} minutes" if "took_s" in results else ""
    return f"This page is of a {results['mode']} run, {results['date']}{took}."
