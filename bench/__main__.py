"""``python -m bench [--full]``: run all scenarios on all shapes, alternating; print a table, write JSON."""

import argparse
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
Samples = dict[str, list[float]]  # by shape


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
            samples[name] += scenario(system)
    return samples


def _report(results: dict[str, Samples]) -> None:
    summary: dict[str, Any] = {}
    for scenario, by_shape in results.items():
        print(f"\n{scenario}\n  {'shape':28} {'median':>10} {'min':>10} {'p99':>10} {'max':>10}   ratio to")
        summary[scenario] = {}
        for shape, samples in by_shape.items():
            base = SHAPES[shape].compared_with or next(iter(SHAPES))
            figures = _figures(samples, statistics.median(by_shape[base]))
            summary[scenario][shape] = {**figures, "compared_with": base}
            columns = " ".join(f"{figures[name]:10.2f}" for name in ("median", "min", "p99", "max"))
            print(f"  {shape:28} {columns}   {figures['ratio']:.2f} {base}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    file = OUTPUT / "results.json"
    file.write_text(json.dumps({"machine": platform.platform(), "results": summary}, indent=2) + "\n")
    print(f"\nwritten to {file}")


def _figures(samples: list[float], base: float) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        "median": statistics.median(ordered),
        "min": ordered[0],
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "max": ordered[-1],
        "samples": len(ordered),
        "ratio": statistics.median(ordered) / base,
    }


if __name__ == "__main__":
    sys.exit(main())
