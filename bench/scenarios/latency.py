"""How old a message is when the browser gets it: at parts of the installation's own sustained rate, and when quiet."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bench.drive.driving import Rig
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.peers.candidates import BRIDGES, MQTT_WEBSOCKET
from bench.scenarios import Scenario
from bench.scenarios.uplink import sustained

QUIET_PER_S: Final = 200.0
LONE_PER_S: Final = 20.0  # so that each is alone
PLAIN = "plain Channels, Redis layer"


def at_part(part: float, installation: Installation, effort: Effort) -> Measured:
    """At a part of its sustained rate."""
    return at_rate(part * sustained(installation, effort), installation, effort)


def at_rate(rate: float, installation: Installation, effort: Effort) -> Measured:
    """At so many messages a second. Installations that were not driven yet are warmed up."""
    with Rig(installation) as rig:
        rig.warm_up()
        trial = rig.trial(rate, effort.seconds)
    return Measured(trial.figures(), trial.usage)


def _scenario(row: str, what: str, measure: Callable[[Installation, Effort], Measured], *limits: Limit) -> Scenario:
    relative = row.endswith("%")  # needs the search, which for the ceiling is long
    return Scenario(
        name=f"latency/{row}",
        title="Latency",
        what=f"Publish → WebSocket frame in the browser, {what}",
        measure=measure,
        on=(CAUSEWAY, *BRIDGES, replace(MQTT_WEBSOCKET, full_only=relative)),
        figures=("p50_ms", "p99_ms", "cpu_us_per_message"),
        limits=limits,
    )


SCENARIOS = (
    _scenario("10%", "at 10 % of its own sustained rate", partial(at_part, 0.1)),
    _scenario(
        "50%",
        "at 50 % of its own sustained rate",
        partial(at_part, 0.5),
        Limit("p50_ms", "≤", 30, text="p50 at most 30 ms at 50 % load"),
        Limit("p99_ms", "≤", 120, text="p99 at most 120 ms at 50 % load"),
    ),
    _scenario("80%", "at 80 % of its own sustained rate", partial(at_part, 0.8)),
    _scenario(
        "200/s",
        "at 200 messages/s",
        partial(at_rate, QUIET_PER_S),
        Limit("p50_ms", "≤", 8, times=1, of=PLAIN, text="p50 within 8 ms of plain Channels' at 200 messages/s"),
    ),
    _scenario(
        "lone",
        "one message at a time",
        partial(at_rate, LONE_PER_S),
        Limit("p50_ms", "≤", 8, text="a lone message's p50 at most 8 ms"),
    ),
)
