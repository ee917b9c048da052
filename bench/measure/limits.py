"""What must hold, as data beside the scenarios, and whether it did. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.measure.results import OURS

Results = Mapping[str, Any]
"""The ``scenarios`` of results.json."""


@dataclass(frozen=True)
class Limit:
    """``figure at value``, or ``figure at value + times × the same figure of something else``.

    ``Limit("p99_ms", "≤", 250)``; eight times another's: ``Limit("messages_per_s", "≥", times=8, of="plain …")``;
    within 8 ms of it: ``Limit("p50_ms", "≤", 8, times=1, of="plain …")``; within 15 % of another scenario:
    ``Limit("messages_per_s", "≥", times=0.85, scenario="scale/1000")``.

    Attributes:
        figure: of Causeway, the median of all rounds.
        at: which way.
        value: the bound, or what is added to it.
        times: factor on the other's figure; 0: there is no other.
        of: the other's installation.
        scenario: the other's scenario; "": the same. In the same scenario a mere factor is compared with the median of
            the ratios within each round.
        text: how the issue says it; "": the numbers say enough.
    """

    figure: str
    at: Literal["≥", "≤"]
    value: float = 0.0
    times: float = 0.0
    of: str = OURS
    scenario: str = ""
    text: str = ""


@dataclass(frozen=True)
class Verdict:
    """A limit after a run. ``held`` is None when what it is about was not measured."""

    limit: Limit
    figure: float | None
    bound: float | None
    held: bool | None


def verdict(limit: Limit, scenario: str, results: Results) -> Verdict:
    """Did it hold?"""
    ours = _median(results, scenario, OURS, limit.figure)
    bound = _bound(limit, scenario, results, ours)
    if ours is None or bound is None:
        return Verdict(limit, ours, bound, None)
    return Verdict(limit, ours, bound, ours >= bound if limit.at == "≥" else ours <= bound)


def _bound(limit: Limit, scenario: str, results: Results, ours: float | None) -> float | None:
    if not limit.times:
        return limit.value
    if not limit.scenario and not limit.value:
        ratio = _ratio(results, scenario, limit.of, limit.figure)
        if ratio and ours is not None:
            return limit.times * ours * ratio  # what the other one would have had in the round of ours
    other = _median(results, limit.scenario or scenario, limit.of, limit.figure)
    return None if other is None else limit.value + limit.times * other


def _median(results: Results, scenario: str, installation: str, figure: str) -> float | None:
    found = _installation(results, scenario, installation).get("figures", {}).get(figure)
    return None if found is None else float(found["median"])


def _ratio(results: Results, scenario: str, installation: str, figure: str) -> float | None:
    found = _installation(results, scenario, installation).get("ratio", {}).get(figure)
    return float(found["median"]) if found and found["to"] == OURS else None


def _installation(results: Results, scenario: str, installation: str) -> Results:
    found: Results = results.get(scenario, {}).get("installations", {}).get(installation, {})
    return found


def told(given: Verdict) -> dict[str, Any]:
    """As results.json has it."""
    limit = given.limit
    return {
        "figure": limit.figure,
        "text": limit.text or in_words(limit),
        "at": limit.at,
        "actual": given.figure,
        "bound": given.bound,
        "held": given.held,
    }


def in_words(limit: Limit) -> str:
    """``p50_ms ≤ 8 + 1 × plain Channels, Redis layer``."""
    other = f"{limit.times:g} × {limit.scenario or limit.of}" if limit.times else ""
    parts = [f"{limit.value:g}"] * bool(limit.value or not other) + [other] * bool(other)
    return f"{limit.figure} {limit.at} {' + '.join(parts)}"
