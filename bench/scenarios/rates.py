"""What a message costs and how soon it is there, from idle on up to thousands of them a second.

The plain Channels way is measured up to what it can sustain.
"""

from collections.abc import Mapping
from functools import partial
from statistics import fmean
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, Candidate, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import OURS, Measured, Usage, total_cpu_s
from bench.peers.candidates import MQTT_WEBSOCKET, ON_SQLITE, PLAIN_PUBSUB, PLAIN_REDIS
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario

RATES: Final = (50, 200, 500, 2_000, 4_000, 8_000)
LONE_PER_S: Final = 4.3  # with pauses, in step with nothing that happens once a second
_IDLE_S, _FULL_IDLE_S = 20.0, 30.0
_LONE_S, _FULL_LONE_S = 20.0, 30.0
_PEERS_PART: Final = 0.25  # of the time, in the quick run: what they do when nothing happens is less and steadier
_AT_RATE_S, _FULL_AT_RATE_S = 3.0, 8.0
_LEAD_IN_S: Final = 0.5
_UP_TO: Final[Mapping[Candidate, float]] = {PLAIN_REDIS: 500, PLAIN_PUBSUB: 2_000, ON_SQLITE: 2_000}
"""Messages a second: at more than that those would lose, or fall behind."""


def idle(installation: Installation, effort: Effort) -> Measured:
    """Nothing is published; one dashboard watches."""
    seconds = _seconds(installation, effort, _IDLE_S, _FULL_IDLE_S)
    with Rig(installation) as rig:
        rig.warm_up()
        rig.settle()
        usage = rig.idle(seconds)
    cores = {role: used.cpu_s / seconds for role, used in usage.items()}
    effort.idle.setdefault(installation.name, []).append(cores)
    return Measured({"cpu_percent": 100 * total_cpu_s(usage) / seconds}, usage)


def lone(installation: Installation, effort: Effort) -> Measured:
    """One message at a time, with pauses; CPU is what it takes above being idle."""
    if installation.name not in effort.idle:
        idle(installation, effort)
    with Rig(installation) as rig:
        rig.warm_up()
        rig.settle()
        trial = rig.trial(LONE_PER_S, _seconds(installation, effort, _LONE_S, _FULL_LONE_S))
    usage = above(trial.usage, effort.idle[installation.name], trial.seconds)
    figures = {**trial.figures(), "cpu_us_per_message": total_cpu_s(usage) / trial.sent * 1e6}
    return Measured(figures, usage)


def above(usage: Mapping[str, Usage], idle: list[Mapping[str, float]], seconds: float) -> dict[str, Usage]:
    """What of this is not the cores that each role takes anyway (the mean of these rounds); perhaps below zero."""
    anyway_s = {role: seconds * fmean(one.get(role, 0.0) for one in idle) for role in usage}
    return {role: Usage(used.cpu_s - anyway_s[role], used.peak_mib) for role, used in usage.items()}


def at_rate(rate: float, installation: Installation, effort: Effort) -> Measured:
    """At so many messages a second.

    Raises:
        BenchError: another one than Causeway can't sustain it.
    """
    with Rig(installation) as rig:
        rig.warm_up()
        rig.stretch(rate, _LEAD_IN_S)
        trial = rig.trial(rate, _FULL_AT_RATE_S if effort.full else _AT_RATE_S)
    if trial.problem and not isinstance(installation, Causeway):
        raise BenchError(trial.problem)
    percent = {"cpu_percent": 100 * total_cpu_s(trial.usage) / trial.seconds}
    return Measured(trial.figures() | percent, trial.usage)


def _seconds(installation: Installation, effort: Effort, quick: float, full: float) -> float:
    if effort.full:
        return full
    return quick if installation.name == OURS else quick * _PEERS_PART


# --------------------------------------------------------------------------------------------------- the list

_PEERS: Final = (
    *(PLAIN_REDIS, PLAIN_PUBSUB),
    *(Candidate(one.name, one.running, full_only=True) for one in (ON_SQLITE, MQTT_WEBSOCKET)),
)
_ALL: Final = (CAUSEWAY, *_PEERS)
_LIMITS: Final[Mapping[int, tuple[Limit, ...]]] = {
    200: (
        Limit("cpu_us_per_message", "≤", 1200, text="at most 1.2 ms of CPU a message"),
        Limit("p50_ms", "≤", 5, text="p50 at most 5 ms"),
        Limit("p99_ms", "≤", 20, text="p99 at most 20 ms"),
    ),
    500: (Limit("cpu_percent", "≤", 35, text="at most 35 % of a core in all"),),
    2_000: (
        Limit("cpu_us_per_message", "≤", 250, text="at most 250 µs of CPU a message"),
        Limit("p50_ms", "≤", 10, text="p50 at most 10 ms"),
        Limit("p99_ms", "≤", 50, text="p99 at most 50 ms"),
    ),
}
_LONE_LIMITS: Final = (
    Limit("cpu_us_per_message", "≤", 2000, text="a lone message takes at most 2.0 ms of CPU above idle"),
    Limit("p50_ms", "≤", 4, text="a lone message's p50 at most 4 ms"),
    Limit("p50_ms", "≤", times=1, of=PLAIN_REDIS.name, text=f"quicker than {PLAIN_REDIS.name}, stored first"),
)


def _at_rate(rate: int) -> Scenario:
    return Scenario(
        name=f"rates/{rate}",
        title="Rates",
        what=f"At {rate:,} messages/s",
        measure=partial(at_rate, float(rate)),
        on=tuple(one for one in _ALL if rate <= _UP_TO.get(one, max(RATES))),
        figures=("cpu_percent", "cpu_us_per_message", "p50_ms", "p99_ms"),
        limits=(*_LIMITS.get(rate, ()), NOTHING_LOST, NOTHING_REPEATED),
        rounds=(3, 3),
    )


SCENARIOS: Final = (
    Scenario(
        name="rates/idle",
        title="Rates",
        what="Nothing is published, one dashboard watches 200 devices: CPU of all processes in percent of one core",
        measure=idle,
        on=_ALL,
        figures=("cpu_percent",),
        limits=(Limit("cpu_percent", "≤", 1, text="idle, at most 1 % of a core"),),
        rounds=(3, 3),
    ),
    Scenario(
        name="rates/lone",
        title="Rates",
        what=f"One message at a time ({LONE_PER_S:g} a second); CPU is what all processes take above being idle",
        measure=lone,
        on=_ALL,
        figures=("cpu_us_per_message", "p50_ms", "p99_ms"),
        limits=(*_LONE_LIMITS, NOTHING_LOST, NOTHING_REPEATED),
        rounds=(3, 3),
    ),
    *map(_at_rate, RATES),
)
