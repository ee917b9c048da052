"""What the reliable link costs, and what SQLite and MQTT 3.1.1 do: the same load on variants of Causeway."""

from typing import Final

from bench.drive.driving import Rig
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.installations.variants import COMPARED_WITH, VARIANTS
from bench.measure.results import Measured
from bench.scenarios import Scenario
from bench.scenarios.uplink import LONE_PER_S, search

RATE: Final = 2000.0


def measure(installation: Installation, effort: Effort) -> Measured:
    """CPU a message and latency at one rate; a lone message's latency; in the full run also the sustained rate."""
    with Rig(installation) as rig:
        rig.warm_up()
        lone = rig.trial(LONE_PER_S, effort.seconds)
        trial = rig.trial(RATE, effort.seconds)
        sustained = {"sustained_per_s": search(rig, installation, effort)} if effort.full else {}
    return Measured({**trial.figures(), "lone_p50_ms": lone.p50_ms, **sustained}, trial.usage)


SCENARIOS: Final = (
    Scenario(
        name="link",
        title="What the guarantees cost",
        what=f"CPU a message and latency at {RATE:,.0f} messages/s, and a lone message's latency: with the reliable "
        "link and without it (a crash then loses messages), on SQLite, with MQTT 3.1.1",
        measure=measure,
        on=(CAUSEWAY, *VARIANTS),
        figures=("cpu_us_per_message", "p50_ms", "p99_ms", "lone_p50_ms", "sustained_per_s"),
        compared_with=COMPARED_WITH,
        rounds=(2, 2),
    ),
)
