"""Results of several runs in one file: what each run measured last, and which run that was. Pure."""

from collections.abc import Sequence
from typing import Any

from bench.measure.results import Results
from bench.scenarios import Scenario


def merged(results: Results, more: Results, known: Sequence[Scenario]) -> dict[str, Any]:
    """These results with the scenarios of another run, each of which says so (``run``).

    Scenarios are in the order of those that are known; what is known no more is left out, and limits are judged anew.
    """
    run = {name: more[name] for name in ("mode", "date")}
    theirs = {name: {**one, "run": run} for name, one in more["scenarios"].items()}
    found = {**results["scenarios"], **theirs}
    return judged({**results, "scenarios": {one.name: found[one.name] for one in known if one.name in found}}, known)


def judged(results: Results, known: Sequence[Scenario]) -> dict[str, Any]:
    """The results, with the limits as they are now; of a known scenario that was not measured there is nothing."""
    scenarios = dict(results["scenarios"])
    for one in known:
        if one.name in scenarios:
            scenarios[one.name] = {**scenarios[one.name], "limits": one.verdicts(scenarios)}
    return {**results, "scenarios": scenarios}
