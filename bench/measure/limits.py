"""What must hold, as data beside the scenarios, and whether it did. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from bench.measure.results import OURS, Results, figure_of, of_installation


@dataclass(frozen=True)
class Limit:
    """``figure at value``, or ``figure at value + times × the same figure of something else``.

    ``Limit("p99_ms", "≤", 250)``; eight times another's: ``Limit("messages_per_s", "≥", times=8, of="plain …")``;
    within 8 ms of it: ``Limit("p50_ms", "≤", 8, times=1, of="plain …")``; within 15 % of another scenario:
    ``Limit("messages_per_s", "≥", times=0.85, scenario="scale/1000")``. In the same scenario a mere factor is compared
    with the median of the ratios within each round.
    """

    figure: str  # the median of all rounds
    at: Literal["≥", "≤"]
    value: float = 0.0  # the bound, or what is added to it
    times: float = 0.0  # factor on the other's figure; 0: there is no other
    of: str = OURS  # the other's installation
    scenario: str = ""  # the other's scenario; "": the same
    text: str = ""  # in words
    whose: str = OURS  # the installation that it is about


def verdict(limit: Limit, scenario: str, results: Results) -> dict[str, Any]:
    """Did it hold? As results.json has it; ``held`` is None when what it is about was not measured."""
    ours = figure_of(results, scenario, limit.whose, limit.figure)
    bound = _bound(limit, scenario, results, ours)
    held = None
    if ours is not None and bound is not None:
        held = ours >= bound if limit.at == "≥" else ours <= bound
    return {"figure": limit.figure, "text": limit.text, "at": limit.at, "actual": ours, "bound": bound, "held": held}


def _bound(limit: Limit, scenario: str, results: Results, ours: float | None) -> float | None:
    if not limit.times:
        return limit.value
    if not limit.scenario and not limit.value:
        ratio = of_installation(results, scenario, limit.of).get("ratio", {}).get(limit.figure)
        if ratio and ratio["to"] == limit.whose and ours is not None:
            return limit.times * ours * float(ratio["median"])  # what the other one would have had in the round of ours
    other = figure_of(results, limit.scenario or scenario, limit.of, limit.figure)
    return None if other is None else limit.value + limit.times * other
