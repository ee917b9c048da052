"""Runs scenarios: starts what they are measured on, alternates rounds, writes results.json after each scenario."""

import contextlib
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.installations.checkout import of_checkout
from bench.installations.installation import Candidate, Effort, Installation
from bench.measure.machine import machine
from bench.measure.results import OURS, Measured, significant, summarise
from bench.measure.usage import Machine
from bench.scenarios import Scenario, scenarios

QUICK, FULL = Effort(seconds=2.5), Effort(full=True, seconds=4.0)
RESULTS: Final = "results.json"


class Fleet:
    """The installations that run at present, each in a directory of its own below this one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[Candidate, tuple[contextlib.ExitStack, Installation]] = {}

    def get(self, candidate: Candidate) -> Installation:
        """The running one; started if it is not."""
        if candidate not in self._running:
            _say(f"starting {candidate.name}")
            directory = Path(tempfile.mkdtemp(dir=self._directory))
            with contextlib.ExitStack() as stack:
                installation = stack.enter_context(candidate.running(directory, candidate.name))
                self._running[candidate] = stack.pop_all(), installation
        return self._running[candidate][1]

    def end(self, candidates: Iterable[Candidate]) -> None:
        """End those of them that run. They will be started anew when they are wanted."""
        with contextlib.ExitStack() as ending:
            for candidate in self._running.keys() & set(candidates):
                ending.push(self._running.pop(candidate)[0])

    def keep(self, candidates: Iterable[Candidate]) -> None:
        """End all but these."""
        self.end(self._running.keys() - set(candidates))


def run(
    *, full: bool, only: tuple[str, ...] = (), on: tuple[str, ...] = (), rounds: int | None = None, output: Path
) -> dict[str, Any]:
    """Run the scenarios of these names (or all) on the installations of these names (or all).

    Makes at most so many rounds of each; returns what is in results.json, which it writes into the directory.
    """
    plan = [_on(scenario, on, full=full) for scenario in scenarios(only, full=full)]
    return _carried_out(plan, output, full=full, rounds=rounds)


def compare(root: Path, *, only: tuple[str, ...], rounds: int, output: Path) -> dict[str, Any]:
    """Run the scenarios of these names on Causeway as it is here and as another checkout has it; as :func:`run`."""
    plan = [_both(scenario, root, rounds) for scenario in scenarios(only) if scenario.on[0].name == OURS]
    return _carried_out(plan, output, full=False)


def _carried_out(plan: Sequence[Scenario], output: Path, *, full: bool, rounds: int | None = None) -> dict[str, Any]:
    effort = FULL if full else QUICK
    results: dict[str, Any] = {
        "mode": "full" if full else "quick",
        "machine": machine(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "scenarios": {},
    }
    output.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        fleet = Fleet(Path(directory))
        stack.callback(fleet.keep, ())
        for index, scenario in enumerate(plan):
            fleet.keep({candidate for one in plan[index:] for candidate in one.on})
            count = min(rounds or sys.maxsize, scenario.rounds[full])
            results["scenarios"][scenario.name] = _alternate(scenario, fleet, effort, count)
            for one in plan[: index + 1]:  # its limit may be about a scenario that came later
                results["scenarios"][one.name]["limits"] = one.verdicts(results["scenarios"])
            results["took_s"] = round(time.monotonic() - begun)
            (output / RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def _on(scenario: Scenario, names: tuple[str, ...], *, full: bool) -> Scenario:
    """The scenario on those installations that this run has."""
    chosen = [one for one in scenario.on if (full or not one.full_only) and (not names or one.name in names)]
    return replace(scenario, on=tuple(chosen))


def _both(scenario: Scenario, root: Path, rounds: int) -> Scenario:
    """The scenario on Causeway here and there; what must hold is for others to say."""
    ours = scenario.on[0]
    return replace(scenario, on=(ours, of_checkout(ours, root)), limits=(), compared_with={}, rounds=(rounds, rounds))


def _alternate(scenario: Scenario, fleet: Fleet, effort: Effort, count: int) -> dict[str, Any]:
    """Rounds on each installation in turn, and back. One that fails is left out from then on; ``failed`` says why."""
    measured: dict[str, list[Measured]] = {candidate.name: [] for candidate in scenario.on}
    failed: dict[str, str] = {}
    for candidate in scenario.on:  # all of them first: starting takes CPU from who is measured
        fleet.get(candidate)
    machine = Machine()
    for number in range(count):
        for candidate in scenario.on if number % 2 == 0 else scenario.on[::-1]:
            if candidate.name in failed:
                continue
            try:
                measured[candidate.name].append(_round(scenario, fleet.get(candidate), effort, number))
            except AssertionError as problem:
                failed[candidate.name] = str(problem)
                fleet.end([candidate])
                _say(f"{scenario.name} on {candidate.name} FAILED: {problem}")
    return {
        "title": scenario.title,
        "what": scenario.what,
        "rounds": count,
        "others_percent": significant(machine.others_percent(), 3),
        "better": dict(scenario.better),
        "installations": summarise(measured, scenario.compared_with),
        **({"failed": failed} if failed else {}),
    }


def _round(scenario: Scenario, installation: Installation, effort: Effort, number: int) -> Measured:
    begun = time.monotonic()
    measured = scenario.measure(installation, effort)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in measured.figures.items())
    took = time.monotonic() - begun
    _say(f"{scenario.name}, round {number + 1}, {installation.name} ({took:.0f} s): {figures}")
    return measured


def _say(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr, flush=True)
