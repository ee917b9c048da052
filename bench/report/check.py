"""Whether a run's figures are within what must hold: ``python -m bench check``. Pure."""

from collections.abc import Sequence
from typing import Final

from bench.measure.results import Results
from bench.report.chapters import QUIET_PERCENT, must_hold
from bench.report.merging import judged
from bench.scenarios import Scenario

LEAST_ROUNDS: Final = 3


def check(results: Results, known: Sequence[Scenario]) -> tuple[str, bool]:
    """What is to be said of it, and whether all limits of the known scenarios were measured and held."""
    scenarios = judged(results, known)["scenarios"]
    limited = {one.name: scenarios.get(one.name) for one in known if one.limits}
    found = {name: one for name, one in limited.items() if one}
    missing = [name for name, one in limited.items() if not one]
    few = [name for name, one in found.items() if one["rounds"] < LEAST_ROUNDS]
    loud = {name: one["others_percent"] for name, one in found.items() if one.get("others_percent", 0) > QUIET_PERCENT}
    said = [
        must_hold({"scenarios": found}),
        f"Not measured: {', '.join(missing)}." if missing else "",
        f"Of fewer than {LEAST_ROUNDS} rounds: {', '.join(few)}." if few else "",
        *(f"{name}: other programs took {percent:.0f} % of the machine." for name, percent in loud.items()),
    ]
    held = all(limit["held"] for one in found.values() for limit in one["limits"])
    return "\n".join(filter(None, said)), held and not missing
