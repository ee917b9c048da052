"""What rounds of measuring give, and their summary: medians, ranges, ratios within a round. Pure.

The machine is shared and noisy: no figure means anything alone. Rounds of the installations under comparison alternate,
and what is compared is the ratio within each round.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Results = Mapping[str, Any]
"""results.json, or its ``scenarios``."""
Better = Literal["higher", "lower"]
OURS: Final = "Causeway"
"""The installation that ratios are to, unless a scenario says otherwise."""
TOOLS: Final = ("generator", "recorder")
"""Roles that measure, and are no part of an installation."""
UNWELCOME: Final = ("lost", "repeated", "disordered")
"""Messages that there should be none of, at a browser."""
QUANTILES: Final[Mapping[str, float]] = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}


@dataclass(frozen=True)
class Usage:
    """What the processes of one role took over one measured stretch."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True)
class Measured:
    """One round of one scenario on one installation."""

    figures: Mapping[str, float]  # each name ends in its unit: ``messages_per_s``, ``p50_ms``, ``cpu_us_per_message``
    usage: Mapping[str, Usage] = field(default_factory=dict)  # by role: gateway, workers, web, mosquitto, generator, …


def total_cpu_s(usage: Mapping[str, Usage]) -> float:
    """Of the installation, the tools of measuring left out."""
    return sum(used.cpu_s for role, used in usage.items() if role not in TOOLS)


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value that ``part`` (0 … 1) of the sorted values do not exceed: nearest rank; 0.0 of nothing."""
    if not ordered:
        return 0.0
    rank = -int(-part * len(ordered) // 1)  # rounded up
    return ordered[min(max(rank - 1, 0), len(ordered) - 1)]


def quantiles_ms(ordered: Sequence[float], per_ms: float = 1.0) -> dict[str, float]:
    """``p50_ms`` and so on of sorted times, of which so many units are a millisecond."""
    return {name: quantile(ordered, part) / per_ms for name, part in QUANTILES.items()}


def spread(values: Iterable[float]) -> dict[str, Any]:
    """``{"median", "min", "max", "rounds": [in order]}``, each of four significant digits."""
    rounds = [significant(value) for value in values]
    return {"median": significant(statistics.median(rounds)), "min": min(rounds), "max": max(rounds), "rounds": rounds}


def significant(value: float, digits: int = 4) -> float:
    """Rounded to so many significant digits; whole numbers stay whole."""
    return value if value == int(value) else float(f"{value:.{digits}g}")


def of_installation(scenarios: Results, scenario: str, installation: str) -> Results:
    """What the ``scenarios`` of results.json have of one installation; {}: it was not measured."""
    found: Results = scenarios.get(scenario, {}).get("installations", {}).get(installation, {})
    return found


def figure_of(scenarios: Results, scenario: str, installation: str, figure: str) -> float | None:
    """The median of a figure; None: it was not measured."""
    found = of_installation(scenarios, scenario, installation).get("figures", {}).get(figure)
    return None if found is None else float(found["median"])


def summarise(
    rounds: Mapping[str, Sequence[Measured]], compared_with: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The ``installations`` of one scenario in results.json.

    Args:
        rounds: by installation, in order; those of one index were measured next to each other.
        compared_with: installation → whose figures its ratio is to; others: ``OURS``.
    """
    out = {}
    for name, measured in rounds.items():
        base = (compared_with or {}).get(name, OURS)
        roles = dict.fromkeys(role for one in measured for role in one.usage)
        out[name] = {
            "figures": _spreads([one.figures for one in measured]),
            "usage": {
                role: _spreads([asdict(one.usage[role]) for one in measured if role in one.usage]) for role in roles
            },
            "ratio": ratios(measured, rounds.get(base, ()), base) if name != base else {},
        }
    return {name: found for name, found in out.items() if rounds[name]}


def _spreads(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Of each name, over those rounds that have it."""
    names = dict.fromkeys(name for one in rounds for name in one)
    return {name: spread(one[name] for one in rounds if name in one) for name in names}


def ratios(rounds: Sequence[Measured], base: Sequence[Measured], to: str) -> dict[str, Any]:
    """Of each figure that both have: its ratio to the base's figure of the same round; zeros are left out."""
    pairs = [
        {name: value / its.figures[name] for name, value in one.figures.items() if value and its.figures.get(name)}
        for one, its in zip(rounds, base, strict=False)
    ]
    wanted = ("median", "min", "max")
    return {figure: {"to": to, **{name: found[name] for name in wanted}} for figure, found in _spreads(pairs).items()}
