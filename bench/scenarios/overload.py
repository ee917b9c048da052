"""Far more than can be applied, for a while: does our memory stay flat, is anything lost, is all well afterwards."""

import statistics
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.measure.usage import Meter
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario

QUICK_S, FULL_S = 8.0, 60.0
OURS_ROLES: Final = ("gateway", "workers", "web")
_WARM_UP_S: Final = 15.0  # or a quarter of what it takes
_DRAIN_S: Final = 900.0
_AFTER_PER_S, _AFTER_S = 200.0, 3.0


def measure(installation: Installation, effort: Effort) -> Measured:
    """As fast as the broker takes it, until all of it has reached the browser; then a modest rate must pass."""
    with Rig(installation, drain_s=_DRAIN_S) as rig:
        rig.warm_up()
        with Meter(installation.pids()) as meter:
            trial = rig.trial(inf, FULL_S if effort.full else QUICK_S)
        after = rig.trial(_AFTER_PER_S, _AFTER_S)
    if after.lost or after.repeated:
        raise BenchError(f"not recovered: at {_AFTER_PER_S:g}/s {after.lost} messages lost, {after.repeated} repeated")
    took_s = meter.samples[-1][0]
    per_s = trial.received / took_s
    figures = {
        **trial.figures(),
        "messages_per_s": per_s,  # as they reach the browser, not as they come into the broker
        "times_sustained": trial.per_s / effort.sustained.get(installation.name, per_s),
    }
    return Measured(figures | flatness(meter.samples, took_s), trial.usage)


def flatness(samples: Sequence[tuple[float, Mapping[str, float]]], took_s: float) -> dict[str, float]:
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
        what="QoS 1 messages as fast as Mosquitto takes them (200 devices), until all have reached the browser; memory "
        "of gateway, workers and web every 0.5 s after a warm-up: the middle, and the most that it went from there",
        measure=measure,
        on=(CAUSEWAY,),
        figures=("messages_per_s", *(f"{role}_drift_percent" for role in OURS_ROLES)),
        limits=(
            Limit("times_sustained", "≥", 3, text="at least 3 times the sustained rate comes into the broker"),
            NOTHING_LOST,
            NOTHING_REPEATED,
            *(Limit(f"{one}_drift_percent", "≤", 10, text=f"memory of {one} flat within 10 %") for one in OURS_ROLES),
        ),
        rounds=(1, 1),
    ),
)
