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


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    parser.add_argument("--full", action="store_true", help="more rounds, larger bursts")
    full = parser.parse_args().full
    rounds, lone, burst = (7, 200, 20_000) if full else (3, 60, 5_000)
    plan: dict[str, Scenario] = {
        "one message alone: publish → browser, ms": lambda system: scenarios.lone_message_ms(system, lone),
        f"burst of {burst:,} QoS 1 messages, stored/s": lambda system: scenarios.burst_per_s(system, burst),
    }
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as systems:
        results = {name: _alternate(scenario, systems, rounds) for name, scenario in plan.items()}
    _report(results)
    return 0


def _alternate(scenario: Scenario, systems: dict[str, System], rounds: int) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, system in systems.items():
            samples[name] += scenario(system)
    return samples


def _report(results: dict[str, dict[str, list[float]]]) -> None:
    first = next(iter(SHAPES))
    summary: dict[str, Any] = {}
    for scenario, by_shape in results.items():
        print(f"\n{scenario}\n  {'shape':24} {'median':>10} {'min':>10} {'p99':>10} {'max':>10}   ratio to {first}")
        base = statistics.median(by_shape[first])
        summary[scenario] = {}
        for shape, samples in by_shape.items():
            figures = _figures(samples, base)
            summary[scenario][shape] = figures
            columns = " ".join(f"{figures[name]:10.2f}" for name in ("median", "min", "p99", "max"))
            print(f"  {shape:24} {columns}   {figures['ratio']:.2f}")
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
