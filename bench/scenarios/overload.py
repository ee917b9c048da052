"""Far more than can be applied, for a while: does our memory stay flat, is anything lost, is all well afterwards."""

import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, total_cpu_s
from bench.measure.search import Trial
from bench.measure.usage import all_stats, resident_mib, trees
from bench.scenarios import Scenario
from bench.scenarios.uplink import key

QUICK_S, FULL_S = 8.0, 60.0
OURS_ROLES: Final = ("gateway", "workers", "web")
_EVERY_S: Final = 0.5
_WARM_UP_S: Final = 15.0  # or a quarter of what it takes
_DRAIN_S: Final = 900.0
_AFTER_PER_S, _AFTER_S = 200.0, 3.0


def measure(installation: Installation, effort: Effort) -> Measured:
    """As fast as the broker takes it, until all of it has reached the browser; then a modest rate.

    Raises:
        BenchError: afterwards it does not work as before.
    """
    with Rig(installation, drain_s=_DRAIN_S) as rig:
        rig.warm_up()
        before = rig.trial(_AFTER_PER_S, _AFTER_S)
        with sampled(installation.pids()) as samples:
            begun = time.monotonic()
            trial = rig.trial(None, FULL_S if effort.full else QUICK_S)
            took_s = time.monotonic() - begun
        after = rig.trial(_AFTER_PER_S, _AFTER_S)
    if after.lost or after.repeated:
        raise BenchError(f"not recovered: at {_AFTER_PER_S:g}/s {after.lost} messages lost, {after.repeated} repeated")
    figures = _figures(trial, took_s, before, after)
    figures["times_sustained"] = trial.per_s / effort.remembered.get(key(installation), figures["messages_per_s"])
    return Measured(figures | flatness(samples, took_s), trial.usage)


def _figures(trial: Trial, took_s: float, before: Trial, after: Trial) -> dict[str, float]:
    return {
        "offered_per_s": trial.per_s,
        "messages_per_s": trial.received / took_s,
        "cpu_us_per_message": total_cpu_s(trial.usage) / trial.sent * 1e6,
        "lost": trial.lost,
        "repeated": trial.repeated,
        "disordered": trial.disordered,
        "longest_wait_s": trial.max_ms / 1000,
        "p50_before_ms": before.p50_ms,
        "p50_after_ms": after.p50_ms,
    }


Sample = tuple[float, Mapping[str, float]]
"""Seconds since the beginning; by role, resident MiB."""


@contextmanager
def sampled(roles: Mapping[str, Sequence[int]]) -> Iterator[list[Sample]]:
    """Resident memory of our roles twice a second, children included, while the context goes on."""
    samples: list[Sample] = []
    stopping, begun = threading.Event(), time.monotonic()

    def run() -> None:
        while not stopping.wait(_EVERY_S):
            stats = all_stats()
            mib = {role: sum(map(resident_mib, trees(roles[role], stats))) for role in OURS_ROLES}
            samples.append((time.monotonic() - begun, mib))

    thread = threading.Thread(target=run, name="memory")
    thread.start()
    try:
        yield samples
    finally:
        stopping.set()
        thread.join()


def flatness(samples: Sequence[Sample], took_s: float) -> dict[str, float]:
    """By role: memory in the middle (MiB), and how far it went from there after the warm-up, up or down, in percent."""
    out: dict[str, float] = {}
    settled = [mib for at_s, mib in samples if at_s >= min(_WARM_UP_S, took_s / 4)]
    for role in OURS_ROLES:
        values = [mib[role] for mib in settled] or [0.0]
        middle = statistics.median(values)
        most = max(abs(value - middle) for value in values)
        out |= {f"{role}_mib": middle, f"{role}_drift_percent": 100 * most / middle if middle else 0.0}
    return out


SCENARIOS: Final = (
    Scenario(
        name="overload",
        title="Overload",
        what=(
            "QoS 1 messages as fast as Mosquitto takes them (200 devices), until all have reached the browser; memory "
            "of gateway, workers and web every 0.5 s after a warm-up: the middle, and the most that it went from there"
        ),
        measure=measure,
        on=(CAUSEWAY,),
        better={"messages_per_s": "higher", **{f"{role}_drift_percent": "lower" for role in OURS_ROLES}},
        limits=(
            Limit("times_sustained", "≥", 3, text="at least 3 times the sustained rate comes into the broker"),
            Limit("lost", "≤", 0, text="nothing is lost"),
            Limit("repeated", "≤", 0, text="nothing is repeated"),
            *(
                Limit(f"{role}_drift_percent", "≤", 10, text=f"memory of {role} flat within 10 %")
                for role in OURS_ROLES
            ),
        ),
        rounds=1,
    ),
)
