"""What must hold: bounds by themselves, by ratio, by difference, and against another scenario."""

from typing import Any

import pytest

from bench.measure.limits import Limit, verdict
from bench.measure.results import Measured, summarise


def results(**scenarios: dict[str, list[float]]) -> dict[str, Any]:
    """Scenario → installation → the rounds of figure ``f``."""
    return {
        scenario: {
            "installations": summarise({name: [Measured({"f": one}) for one in rounds] for name, rounds in of.items()})
        }
        for scenario, of in scenarios.items()
    }


FOUND = results(a={"Causeway": [100, 110, 90], "peer": [10, 20, 9]}, b={"Causeway": [50, 50, 50]})


@pytest.mark.parametrize(
    ("limit", "bound", "held"),
    [
        (Limit("f", "≥", 100), 100, True),
        (Limit("f", "≥", 101), 101, False),
        (Limit("f", "≤", 100), 100, True),
        (Limit("f", "≤", 99), 99, False),
        (Limit("f", "≥", times=8, of="peer"), 80, True),  # median of the ratios in a round: 0.1
        (Limit("f", "≥", times=11, of="peer"), 110, False),
        (Limit("f", "≤", 91, times=1, of="peer"), 101, True),  # a difference is one of medians
        (Limit("f", "≥", times=0.85, scenario="b"), 42.5, True),
    ],
)
def test_verdicts(limit: Limit, bound: float, held: bool) -> None:
    given = verdict(limit, "a", FOUND)
    assert given["actual"] == 100
    assert given["bound"] == pytest.approx(bound)
    assert given["held"] is held


@pytest.mark.parametrize(
    "limit", [Limit("g", "≥", 1), Limit("f", "≥", times=2, of="absent"), Limit("f", "≥", times=2, scenario="absent")]
)
def test_what_was_not_measured_is_not_judged(limit: Limit) -> None:
    assert verdict(limit, "a", FOUND)["held"] is None


def test_a_limit_may_be_about_another_installation() -> None:
    given = verdict(Limit("f", "≤", 10, whose="peer"), "a", FOUND)
    assert (given["actual"], given["bound"], given["held"]) == (10, 10, True)
    against = verdict(Limit("f", "≤", times=0.05, whose="peer", of="Causeway"), "a", FOUND)
    assert (against["bound"], against["held"]) == (5, False)


def test_a_limit_says_what_it_is_about() -> None:
    assert verdict(Limit("f", "≥", 1, text="words"), "a", FOUND)["text"] == "words"
