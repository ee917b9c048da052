"""Sustained QoS 1 messages a second from MQTT to a browser, searched for, then held; and how old messages are there.

Age is taken at parts of the installation's own sustained rate, and when it is quiet.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import OURS, Measured
from bench.measure.search import Trial, highest
from bench.peers.candidates import BRIDGES, MQTT_WEBSOCKET, PLAIN_PUBSUB, PLAIN_REDIS
from bench.scenarios import Scenario

START_PER_S: Final = 500.0
QUIET_PER_S: Final = 200.0
_QUIET: Final = "p50 within 8 ms of plain Channels' at 200 messages/s"
LONE_PER_S: Final = 20.0  # so that each is alone
_AGAIN: Final = 1.08  # step and resolution of the search when a former round has found a rate
_BACK: Final = 0.93  # after a rate that could not be held; then its square, and so on: it was far off
_HOLDS: Final = 5
QUICK_HOLD_S, FULL_HOLD_S = 10.0, 60.0
PEERS_FULL_HOLD_S: Final = 20.0  # to their advantage, and for the sake of the run's length


def measure(installation: Installation, effort: Effort) -> Measured:
    """Search, then hold what was found; lower while that fails."""
    with Rig(installation) as rig:
        rig.warm_up()
        rate = search(rig, installation, effort)
        held = hold(rig, rate, hold_s(installation, effort))
    effort.remembered[key(installation)] = held.rate
    return Measured(held.figures(), held.usage)


def hold_s(installation: Installation, effort: Effort) -> float:
    """How long the rate that was found must go."""
    if not effort.full:
        return QUICK_HOLD_S
    return FULL_HOLD_S if installation.name == OURS else PEERS_FULL_HOLD_S


def search(rig: Rig, installation: Installation, effort: Effort) -> float:
    """The highest rate that goes in trials of some seconds.

    Raises:
        BenchError: none does.
    """
    former = effort.remembered.get(key(installation))

    def attempt(rate: float) -> Trial:
        return rig.trial(rate, effort.seconds)

    again = {"step": _AGAIN, "resolution": _AGAIN - 1} if former else {}
    rate = highest(attempt, former or START_PER_S, **again)
    if not rate:
        raise BenchError(f"{installation.name} sustains no rate at all: {attempt(START_PER_S).problem}")
    return rate


def hold(rig: Rig, rate: float, seconds: float) -> Trial:
    """The first trial of that length without a problem, from this rate on downwards.

    Raises:
        BenchError: it cannot be held, nor can much less.
    """
    problems, back = [], _BACK
    for _ in range(_HOLDS):
        trial = rig.trial(rate, seconds)
        if not trial.problem:
            return trial
        problems.append(f"{rate:.0f}/s: {trial.problem}")
        rate, back = rate * back, back * back
    raise BenchError(f"no rate was held for {seconds:g} s: {'; '.join(problems)}")


def key(installation: Installation) -> str:
    """Where its sustained rate is remembered."""
    return f"sustained/{installation.name}"


def sustained(installation: Installation, effort: Effort) -> float:
    """Its sustained rate: as this scenario held it, or searched for now."""
    if key(installation) not in effort.remembered:
        with Rig(installation) as rig:
            rig.warm_up()
            effort.remembered[key(installation)] = search(rig, installation, effort)
    return effort.remembered[key(installation)]


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
    Scenario(
        name="uplink",
        title="Sustained uplink",
        what="QoS 1 messages/s of 200 devices (120-byte JSON) that reach a browser without loss, p99 ≤ 250 ms, "
        "latency not growing, held for 10 s (full run: 60 s, others 20 s); Causeway's PUBACK comes after the commit",
        measure=measure,
        on=(CAUSEWAY, *BRIDGES, replace(MQTT_WEBSOCKET, full_only=True)),
        figures=("messages_per_s", "p50_ms", "p99_ms", "cpu_us_per_message"),
        limits=(
            Limit("messages_per_s", "≥", 5000, text="at least 5,000 messages/s sustained"),
            Limit("p99_ms", "≤", 250, text="p99 at most 250 ms"),
            Limit("lost", "≤", 0, text="nothing lost"),
            Limit("repeated", "≤", 0, text="nothing repeated"),
            Limit("disordered", "≤", 0, text="each device's messages in order"),
            *(
                Limit("messages_per_s", "≥", times=times, of=of, text=f"at least {times} times {of}")
                for times, of in ((8, PLAIN_REDIS.name), (3, PLAIN_PUBSUB.name))
            ),
        ),
    ),
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
        Limit(
            "p50_ms", "≤", 8, times=1, of=PLAIN_REDIS.name, text="p50 within 8 ms of plain Channels' at 200 messages/s"
        ),
    ),
    _scenario(
        "lone",
        "one message at a time",
        partial(at_rate, LONE_PER_S),
        Limit("p50_ms", "≤", 8, text="a lone message's p50 at most 8 ms"),
    ),
)
