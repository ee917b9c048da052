"""Whether a run has what must hold, and one file made of several runs."""

from typing import Any

import pytest

from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.report.check import check
from bench.report.merging import judged, merged
from bench.scenarios import Scenario


def never(_installation: Installation, _effort: Effort) -> Measured:
    raise NotImplementedError


def known(name: str, *limits: Limit) -> Scenario:
    return Scenario(name=name, title="", what="", measure=never, on=(CAUSEWAY,), figures=(), limits=limits)


FAST = known("uplink", Limit("messages_per_s", "≥", 8000, text="at least 8,000"))
SOON = known("rates/4000", Limit("p50_ms", "≤", 8, text="at most 8 ms"))
RELATIVE = known("rates/200", Limit("p50_ms", "≤", times=0.5, scenario="rates/4000", text="half of that"))


def test_what_holds_is_told_and_holds(results: dict[str, Any]) -> None:
    said, held = check(results, [FAST])
    assert held
    assert "| uplink | at least 8,000 | 8,000 | ≥ 8,000 | held |" in said
    assert "fewer" not in said


def test_what_does_not_hold_is_told(results: dict[str, Any]) -> None:
    said, held = check(results, [FAST, SOON])
    assert not held
    assert "| rates/4000 | at most 8 ms | 9 | ≤ 8 | **not held** |" in said
    assert "Of fewer than 3 rounds: rates/4000." in said


def test_a_limit_may_be_about_a_scenario_that_is_not_asked_for(results: dict[str, Any]) -> None:
    said, held = check(results, [RELATIVE])
    assert held
    assert "| rates/200 | half of that | 4 | ≤ 4.5 | held |" in said


def test_what_was_not_measured_does_not_hold(results: dict[str, Any]) -> None:
    del results["scenarios"]["rates/4000"]
    assert check(results, [FAST, SOON]) == (check(results, [FAST])[0] + "\nNot measured: rates/4000.", False)
    assert not check(results, [RELATIVE])[1]


def test_a_loud_machine_is_told(results: dict[str, Any]) -> None:
    results["scenarios"]["uplink"]["others_percent"] = 30.0
    assert check(results, [FAST])[0].endswith("uplink: other programs took 30 % of the machine.")


def test_scenarios_of_another_run_take_the_place_of_ours_and_say_so(results: dict[str, Any]) -> None:
    later = {"mode": "full", "date": "2026-02-03", "scenarios": {"rates/200": {"rounds": 5, "installations": {}}}}
    found = merged(results, later, [FAST, RELATIVE, SOON])
    assert list(found["scenarios"]) == ["uplink", "rates/200", "rates/4000"]  # in order; what is known no more, is gone
    assert found["scenarios"]["rates/200"]["run"] == {"mode": "full", "date": "2026-02-03"}
    assert found["scenarios"]["rates/200"]["limits"][0]["held"] is None
    assert found["scenarios"]["rates/4000"]["limits"][0]["held"] is False
    assert "run" not in found["scenarios"]["uplink"]
    assert (found["mode"], found["profile"]) == (results["mode"], results["profile"])


def test_judging_again_leaves_the_old_results_as_they_are(results: dict[str, Any]) -> None:
    before = results["scenarios"]["uplink"]["limits"]
    assert judged(results, [FAST])["scenarios"]["uplink"]["limits"] != before
    assert results["scenarios"]["uplink"]["limits"] is before


@pytest.mark.parametrize("limits", [(), (Limit("p50_ms", "≤", 8),)])
def test_nothing_known_is_nothing_to_hold(limits: tuple[Limit, ...], results: dict[str, Any]) -> None:
    results["scenarios"] = {}
    assert check(results, [known("uplink", *limits)])[1] is not bool(limits)
