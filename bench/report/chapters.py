"""What was measured and what follows from it: each public function makes a block of docs/performance.md. Pure.

All of them are given results.json as a whole; of a scenario that was not measured they raise KeyError with its name.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final

from bench.measure.results import OURS, UNWELCOME, Results
from bench.report import planning
from bench.report.markdown import amount, number, rate, spread, table, times, words

PLAIN: Final = ("plain Channels, Redis layer", "plain Channels, pub/sub layer")
MAIN: Final = (
    ("uplink", "messages_per_s", "messages/s from devices to a browser, without loss"),
    ("rates/lone", "p50_ms", "ms until a lone message is in the browser (p50)"),
    ("rates/200", "cpu_us_per_message", "µs of CPU a message at 200 messages/s, all processes together"),
    ("latency/50%", "p50_ms", "ms at half of each one's highest rate (p50)"),
    ("fanout/1000", "items_per_s", "values/s to 1,000 browsers"),
    ("absence", "lost_percent", "% of messages lost when all workers are away for 3 s"),
)
"""Scenario, figure, and what it says."""
QUIET_PERCENT: Final = 10.0
"""Of all cores, for other programs than the benchmark's: beyond that figures suffer."""
_HELD: Final = {True: "held", False: "**not held**", None: "not measured"}


def headline(results: Results) -> str:
    """Two sentences: how much, against whom; how soon."""
    scenarios = results["scenarios"]
    if not {"uplink", "latency/50%"} <= scenarios.keys():
        return "What Causeway costs and carries, measured side by side with other ways from MQTT to a browser."
    uplink = scenarios["uplink"]["installations"]
    ratios = {name: uplink[name]["ratio"].get("messages_per_s") for name in PLAIN if name in uplink}
    than = " and ".join(f"{times(ratio, 'higher')} as many as {name}" for name, ratio in ratios.items() if ratio)
    half = f"{number(planning.median(scenarios, 'latency/50%', 'p50_ms'))} ms"
    soon = f"At half of that rate a message is in the browser after {half} (p50)."
    if "rates/lone" in scenarios:
        lone = number(planning.median(scenarios, "rates/lone", "p50_ms"))
        soon = f"A lone message is in the browser after {lone} ms, at half of that rate after {half} (p50)."
    return (
        f"**{number(planning.median(scenarios, 'uplink', 'messages_per_s'))} QoS 1 messages a second** from MQTT to a "
        f"browser, each in PostgreSQL before its PUBACK, on {results['machine']['cores']} cores that also carry "
        f"broker, databases and load{f': {than}' if than else ''}. {soon}"
    )


def machine(results: Results) -> str:
    """What it ran on."""
    found = results["machine"]
    rows = [
        ["processor", f"{found['cores']} cores of {found['cpu']}"],
        ["memory", f"{found['memory_gib']:g} GiB"],
        ["system", found["kernel"]],
        ["Python", found["python"]],
        ["with", ", ".join(map(" ".join, found.get("versions", {}).items()))],
    ]
    return table(["", ""], rows, text=2)


def _ours(results: Results) -> Results:
    """The scenarios of Causeway."""
    return {name: one for name, one in results["scenarios"].items() if OURS in one["installations"]}


def against(results: Results) -> str:
    """Each scenario's first figure, and its p99, of all installations, Causeway first."""
    return _compared(_ours(results), _main_figures, least=2)


def main_figures(results: Results) -> str:
    """What a reader wants to know first, in words; those that were measured."""
    installations = [OURS, *PLAIN]
    rows = [
        [said, *(_cell(results["scenarios"][name], one, figure) for one in installations)]
        for name, figure, said in MAIN
        if name in results["scenarios"]
    ]
    return table(["", *installations], rows)


def _main_figures(scenario: Results) -> Iterable[str]:
    return [figure for place, figure in enumerate(scenario["better"]) if not place or figure == "p99_ms"]


def _compared(scenarios: Results, figures: Callable[[Results], Iterable[str]], least: int = 1) -> str:
    """A line a figure, a column an installation; only lines that have so many cells at least."""
    installations = list(dict.fromkeys(name for one in scenarios.values() for name in one["installations"]))
    rows = [
        [f"{name}: {words(figure)}", *(_cell(one, other, figure) for other in installations)]
        for name, one in scenarios.items()
        for figure in figures(one)
    ]
    return table(["", *installations], [row for row in rows if sum(map(bool, row[1:])) >= least])


def _cell(scenario: Results, installation: str, figure: str) -> str:
    """``571 (540–590), 9.0×``: another installation's figure, and how many times better Causeway's is."""
    one = scenario["installations"].get(installation)
    if one is None:
        return "failed" if installation in scenario.get("failed", {}) else ""
    text, ratio, better = spread(one["figures"].get(figure)), one["ratio"].get(figure), scenario["better"].get(figure)
    return f"{text}, **{times(ratio, better, figure)}**" if text and better and ratio and ratio["median"] else text


def ceiling(results: Results) -> str:
    """What no bridge can exceed."""
    found = results["scenarios"].get("ceilings", {}).get("installations", {})
    said = [f"{name} {number(one['figures']['messages_per_s']['median'])}" for name, one in found.items()]
    return f"Clients that do nothing with what they receive take, in messages/s: {', '.join(said)}." if said else ""


def must_hold(results: Results) -> str:
    """Limit, measured, held or not."""
    rows = [
        [name, one["text"], number(one["actual"]), f"{one['at']} {number(one['bound'])}", _HELD[one["held"]]]
        for name, scenario in results["scenarios"].items()
        for one in scenario.get("limits", [])
    ]
    return table(["scenario", "limit", "measured", "bound", ""], rows, text=2)


def scenarios(results: Results) -> str:
    """A heading, what is measured, and a table for each, those with one title together."""
    groups = groupby(results["scenarios"].items(), key=lambda one: one[1]["title"])
    return "\n\n".join(f"### {title}\n\n{_group(dict(group))}" for title, group in groups)


def _group(rows: Results) -> str:
    rounds = {name: _rounds(one) for name, one in rows.items()}
    said = [f"- `{name}`: {one['what']} ({rounds[name]})." for name, one in rows.items()]
    failed = [(where, name, why) for name, one in rows.items() for where, why in one.get("failed", {}).items()]
    said += [f"- {where} failed at `{name}`: {why}." for where, name, why in failed]
    return "\n".join(said) + f"\n\n{_compared(rows, _figures)}"


def _rounds(scenario: Results) -> str:
    """How many; and of which run, if it was another one than the page's."""
    said = "one round" if scenario["rounds"] == 1 else f"{scenario['rounds']} rounds"
    return said + (f" of {_named(scenario['run'])}" if "run" in scenario else "")


def _named(one: Results) -> str:
    """A run: ``a quick run, 2026-11-22``."""
    return f"a {one['mode']} run, {one['date']}"


def _figures(scenario: Results) -> Iterable[str]:
    """Those with a better way, and what should not be there and is."""
    found = [one["figures"] for one in scenario["installations"].values()]
    unwelcome = [name for name in UNWELCOME if any(one.get(name, {"max": 0})["max"] for one in found)]
    return dict.fromkeys([*scenario["better"], *unwelcome])


def cpu(results: Results) -> str:
    """µs by role, a line a scenario that tells its CPU time by message, item or command."""
    found = {name: planning.by_role(results["scenarios"], name) for name in _ours(results)}
    return _by_role({f"{name}, a {unit}": by_role for name, (unit, by_role) in found.items()}, "scenario, µs")


def memory(results: Results) -> str:
    """MiB by role, a line a scenario."""
    return _by_role({name: planning.memory(results["scenarios"], name) for name in _ours(results)}, "scenario, MiB")


def _by_role(named: dict[str, dict[str, float]], head: str) -> str:
    named = {name: found for name, found in named.items() if any(found.values())}
    roles = dict.fromkeys(role for found in named.values() for role in found)
    rows = [[name, *(amount(found.get(role)) for role in roles)] for name, found in named.items()]
    return table([head, *roles], rows)


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


def run(results: Results) -> str:
    """Which run this page is of, and what else was going on."""
    took = f", which took {results['took_s'] / 60:.0f} minutes" if "took_s" in results else ""
    said = [f"This page is of {_named(results)}{took}."]
    for other in dict.fromkeys(_named(one["run"]) for one in results["scenarios"].values() if "run" in one):
        theirs = [name for name, one in results["scenarios"].items() if "run" in one and _named(one["run"]) == other]
        said.append(f"{', '.join(f'`{name}`' for name in theirs)}: of {other}.")
    return " ".join([*said, *_others(results)])


def _others(results: Results) -> list[str]:
    """What other programs took of the machine meanwhile, where that was much."""
    found = {name: one.get("others_percent", 0.0) for name, one in results["scenarios"].items()}
    much = [value for value in found.values() if value > QUIET_PERCENT]
    if not much:
        return []
    share = f"up to {max(much):.0f} % of the machine in {len(much)} of {len(found)} scenarios"
    return [f"Other programs took {share}, whose latencies are too high for that, and their CPU time somewhat."]
