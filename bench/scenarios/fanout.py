"""Many browsers that watch one site: what a frame and an item cost the web process, and how old items get."""

from functools import partial
from typing import Final

from bench.drive.driving import DEVICES, Rig
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.peers.candidates import PLAIN, PLAIN_REDIS
from bench.scenarios import Scenario

RATE_PER_S: Final = float(DEVICES)  # each device once a second
_DRAIN_S: Final = 10.0  # what did not come by then counts as lost


def measure(clients: int, installation: Installation, effort: Effort) -> Measured:
    """One round: warm up, connect everybody, publish for a while, wait for what is under way."""
    seconds = 2 * effort.seconds
    with Rig(installation) as rig:
        rig.warm_up()
    with Rig(installation, clients=clients, drain_s=_DRAIN_S) as rig:
        rig.stretch(RATE_PER_S, 1)
        stretch = rig.stretch(RATE_PER_S, seconds)
    came, expected = stretch.came, stretch.outcome.sent * clients
    web_s, items = max(stretch.usage["web"].cpu_s, 0.001), max(1, came["items"])
    figures = {
        "items_per_s": came["items"] / seconds,
        "frames_per_s": came["frames"] / seconds,
        "p50_ms": came["p50_ms"],
        "p99_ms": came["p99_ms"],
        "lost_percent": 100 * max(0, expected - came["items"]) / expected,
        "repeated": came["repeated"],
        "items_per_cpu_s": came["items"] / web_s,
        "web_cpu_us_per_frame": web_s * 1e6 / max(1, came["frames"]),
        "web_cpu_us_per_item": web_s * 1e6 / items,
    }
    return Measured(figures, stretch.usage)


def _scenario(clients: int, *limits: Limit, full_only: bool = False) -> Scenario:
    return Scenario(
        name=f"fanout/{clients}",
        title="Fan-out",
        what=f"{clients:,} browsers watch one site with {DEVICES} devices, each of which reports once a second; "
        "CPU is the web process's",
        measure=partial(measure, clients),
        on=(CAUSEWAY, *PLAIN),
        figures=("items_per_s", "items_per_cpu_s", "p50_ms", "p99_ms", "lost_percent", "web_cpu_us_per_item"),
        limits=limits,
        rounds=(2, 2),
        full_only=full_only,
    )


_TIMES: Final = "at least 8 times the items per CPU second of the plain Channels way"
SCENARIOS: Final = (
    _scenario(
        1_000,
        Limit("p99_ms", "≤", 400, text="p99 per item at most 400 ms"),
        Limit("lost_percent", "≤", 0, text="nothing is lost"),
        Limit("items_per_cpu_s", "≥", times=8, of=PLAIN_REDIS.name, text=_TIMES),
    ),
    _scenario(
        5_000,
        Limit("p99_ms", "≤", 1000, text="p99 per item at most 1 s"),
        Limit("lost_percent", "≤", 0, text="nothing is lost"),
        full_only=True,
    ),
)
