"""What rounds of measuring give, and their summary: medians, ranges, ratios within a round. Pure.

The machine is shared and noisy: no figure means anything alone. Rounds of the installations under comparison alternate,
and what is compared is the ratio within each round.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Results = Mapping[str, Any]
"""results.json, or its ``scenarios``."""
Better = Literal["higher", "lower"]
OURS: Final = "Causeway"
"""The installation that ratios are to, unless a scenario says otherwise."""
TOOLS: Final = ("generator", "recorder")
"""Roles that measure, and are no part of an installation."""
QUANTILES: Final[Mapping[str, float]] = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}


@dataclass(frozen=True)
class Usage:
    """What the processes of one role took over one measured stretch."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True)
class Measured:
    """One round of one scenario on one installation.

    Attributes:
        figures: each name ends in its unit: ``messages_per_s``, ``p50_ms``, ``p99_ms``, ``lost``, ``repeated``,
            ``cpu_us_per_message``, ``items_per_cpu_s`` …
        usage: by role: gateway, workers, web, mosquitto, redis, postgres, generator, recorder.
    """

    figures: Mapping[str, float]
    usage: Mapping[str, Usage] = field(default_factory=dict)


def total_cpu_s(usage: Mapping[str, Usage], without: Iterable[str] = TOOLS) -> float:
    """Of the installation, the tools of measuring left out."""
    return sum(used.cpu_s for role, used in usage.items() if role not in set(without))


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


def of_installation(scenarios: Mapping[str, Any], scenario: str, installation: str) -> Mapping[str, Any]:
    """What the ``scenarios`` of results.json have of one installation; {}: it was not measured."""
    found: Mapping[str, Any] = scenarios.get(scenario, {}).get("installations", {}).get(installation, {})
    return found


def figure_of(scenarios: Mapping[str, Any], scenario: str, installation: str, figure: str) -> float | None:
    """The median of a figure; None: it was not measured."""
    found = of_installation(scenarios, scenario, installation).get("figures", {}).get(figure)
    return None if found is None else float(found["median"])


def ratios(rounds: Sequence[Measured], base: Sequence[Measured], to: str) -> dict[str, Any]:
    """Of each figure that both have: its ratio to the base's figure of the same round; zeros are left out."""
    out = {}
    for figure in rounds[0].figures:
        pairs = [
            one.figures[figure] / other.figures[figure]
            for one, other in zip(rounds, base, strict=False)
            if one.figures.get(figure) and other.figures.get(figure)
        ]
        if pairs:
            found = spread(pairs)
            out[figure] = {"to": to, **{name: found[name] for name in ("median", "min", "max")}}
    return out


def summarise(
    rounds: Mapping[str, Sequence[Measured]], compared_with: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The ``installations`` of one scenario in results.json.

    Args:
        rounds: by installation, in order; those of one index were measured next to each other.
        compared_with: installation → whose figures its ratio is to; others: ``OURS``.
    """
    bases = compared_with or {}
    return {name: _one(name, rounds, bases.get(name, OURS)) for name, measured in rounds.items() if measured}


def _one(name: str, rounds: Mapping[str, Sequence[Measured]], base: str) -> dict[str, Any]:
    measured = rounds[name]
    figures = dict.fromkeys(figure for one in measured for figure in one.figures)
    roles = dict.fromkeys(role for one in measured for role in one.usage)
    return {
        "figures": {figure: spread(_present(measured, figure)) for figure in figures},
        "usage": {
            role: {
                "cpu_s": spread(one.usage[role].cpu_s for one in measured if role in one.usage),
                "peak_mib": spread(one.usage[role].peak_mib for one in measured if role in one.usage),
            }
            for role in roles
        },
        "ratio": ratios(measured, rounds[base], base) if name != base and rounds.get(base) else {},
    }


def _present(measured: Sequence[Measured], figure: str) -> Iterable[float]:
    return (one.figures[figure] for one in measured if figure in one.figures)
