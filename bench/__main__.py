"""``python -m bench [--full]``: run all scenarios on all shapes, alternating; print a table, write JSON."""

import argparse
import itertools
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import scenarios
from bench.shapes import SHAPES, running
from tests.support.system import System

OUTPUT = Path("var/bench")
Scenario = Callable[[System], list[float]]
Samples = dict[str, list[list[float]]]  # by shape: each round's


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    parser.add_argument("--full", action="store_true", help="more rounds, longer ones, more shapes: some 15 minutes")
    full = parser.parse_args().full
    rounds, lone, seconds = (7, 200, 10.0) if full else (3, 60, 5.0)
    plan: dict[str, Scenario] = {
        "one message alone: publish → browser, ms": lambda system: scenarios.lone_message_ms(system, lone),
        f"QoS 1, sustained {seconds:g} s: applied/s": lambda system: scenarios.sustained_per_s(system, seconds),
        "(the load generator into the broker alone, /s)": lambda system: scenarios.generator_per_s(system, 1),
    }
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), full=full) as systems:
        results = {name: _alternate(scenario, systems, rounds) for name, scenario in plan.items()}
    _report(results)
    return 0


def _alternate(scenario: Scenario, systems: dict[str, System], rounds: int) -> Samples:
    samples: Samples = {name: [] for name in systems}
    for _ in range(rounds):
        for name, system in systems.items():
            samples[name].append(scenario(system))
    return samples


def _report(results: dict[str, Samples]) -> None:
    summary: dict[str, Any] = {}
    for scenario, by_shape in results.items():
        print(f"\n{scenario}\n  {'shape':27} {'median':>9} {'min':>9} {'p99':>9} {'max':>9}   ratio (range) to")
        summary[scenario] = {}
        for shape, rounds in by_shape.items():
            base = SHAPES[shape].compared_with or next(iter(SHAPES))
            figures = summary[scenario][shape] = _figures(rounds) | _ratio(rounds, by_shape[base]) | {"to": base}
            columns = " ".join(f"{figures[name]:9.2f}" for name in ("median", "min", "p99", "max"))
            ratio = "{ratio:.2f} ({ratio_min:.2f} … {ratio_max:.2f})".format(**figures)
            print(f"  {shape:27} {columns}   {ratio} {base}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    file = OUTPUT / "results.json"
    file.write_text(json.dumps({"machine": platform.platform(), "results": summary}, indent=2) + "\n")
    print(f"\nwritten to {file}")


def _figures(rounds: list[list[float]]) -> dict[str, Any]:
    ordered = sorted(itertools.chain.from_iterable(rounds))
    return {
        "median": statistics.median(ordered),
        "min": ordered[0],
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "max": ordered[-1],
        "samples": len(ordered),
    }


def _ratio(rounds: list[list[float]], base: list[list[float]]) -> dict[str, float]:
    """Round by round, as what else the machine does comes and goes: the median of the ratios, and their range."""
    ratios = [statistics.median(one) / statistics.median(other) for one, other in zip(rounds, base, strict=True)]
    return {"ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}


if __name__ == "__main__":
    sys.exit(main())
