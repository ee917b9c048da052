"""What the reliable link costs, and what SQLite and MQTT 3.1.1 do: the same load on variants of Causeway."""

from functools import partial
from typing import Any, Final

from bench.drive.driving import Rig
from bench.installations.installation import CAUSEWAY, Candidate, Effort, Installation, causeway
from bench.installations.without_link import arguments
from bench.measure.results import OURS, Measured
from bench.peers.candidates import ON_SQLITE
from bench.scenarios import Scenario
from bench.scenarios.uplink import search
from tests.support.worlds.system import System

RATE: Final = 2000.0
LONE_PER_S: Final = 20.0  # so that each is alone


def measure(installation: Installation, effort: Effort) -> Measured:
    """CPU a message and latency at one rate; a lone message's latency; in the full run also the sustained rate."""
    with Rig(installation) as rig:
        rig.warm_up()
        lone = rig.trial(LONE_PER_S, effort.seconds)
        trial = rig.trial(RATE, effort.seconds)
        sustained = {"sustained_per_s": search(rig, installation, effort)} if effort.full else {}
    return Measured({**trial.figures(), "lone_p50_ms": lone.p50_ms, **sustained}, trial.usage)


def _variant(name: str, gateway: str = "", *, full_only: bool = False, **settings: Any) -> Candidate:
    """With a gateway of ``without_link``, and its worker if need be; ``settings`` as ``causeway`` takes them."""

    def replace(system: System) -> None:
        if gateway:
            system.gateway.arguments = arguments(gateway)
        if gateway == "fire-and-forget":
            for worker in system.workers:
                worker.arguments = arguments("worker", *worker.arguments[3:])

    return Candidate(name, partial(causeway, change=replace, **settings), full_only)


_SQLITE_NO_LINK: Final = f"{ON_SQLITE.name}, no link"
_VARIANTS: Final = (
    _variant(f"{OURS}, PUBACK at once", "puback-at-once", full_only=True),
    _variant(f"{OURS}, no link", "fire-and-forget"),
    ON_SQLITE,
    _variant(_SQLITE_NO_LINK, "fire-and-forget", full_only=True, database="sqlite"),
    _variant(f"{OURS}, MQTT 3.1.1", full_only=True, MQTT_VERSION="3.1.1"),
)
SCENARIOS: Final = (
    Scenario(
        name="link",
        title="What the guarantees cost",
        what=f"CPU a message and latency at {RATE:,.0f} messages/s, and a lone message's latency: with the reliable "
        "link and without it (a crash then loses messages), on SQLite, with MQTT 3.1.1",
        measure=measure,
        on=(CAUSEWAY, *_VARIANTS),
        figures=("cpu_us_per_message", "p50_ms", "p99_ms", "lone_p50_ms", "sustained_per_s"),
        compared_with={_SQLITE_NO_LINK: ON_SQLITE.name},
        rounds=(2, 2),
    ),
)
