"""Sustained QoS 1 messages a second from MQTT to a browser, searched for, then held; and how old messages are there.

Age is taken at parts of the installation's own sustained rate. At rates that are the same for all: ``rates``.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from bench.drive.driving import Rig
from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import OURS, Measured
from bench.measure.search import Trial, highest
from bench.peers.candidates import ALONE, BRIDGES, MQTT_WEBSOCKET, PLAIN_PUBSUB, PLAIN_REDIS
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario

START_PER_S: Final = 500.0
_AGAIN: Final = 1.08  # step and resolution of the search when a former round has found a rate
_BACK: Final = 0.93  # after a rate that could not be held; then its square, and so on: it was far off
_HOLDS: Final = 5
_HOLD_S, _FULL_HOLD_S = 10.0, 60.0
_PEERS_FULL_HOLD_S: Final = 20.0  # to their advantage, and for the sake of the run's length


def measure(installation: Installation, effort: Effort) -> Measured:
    """Search, then hold what was found; lower while that fails."""
    full_s = _FULL_HOLD_S if installation.name == OURS else _PEERS_FULL_HOLD_S
    with Rig(installation) as rig:
        rig.warm_up()
        held = hold(rig, search(rig, installation, effort), full_s if effort.full else _HOLD_S)
    effort.sustained[installation.name] = held.rate
    return Measured(held.figures(), held.usage)


def search(rig: Rig, installation: Installation, effort: Effort) -> float:
    """The highest rate that goes in trials of some seconds.

    Raises:
        BenchError: none does.
    """

    def attempt(rate: float) -> Trial:
        return rig.trial(rate, effort.seconds)

    former = effort.sustained.get(installation.name)
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


def at_part(part: float, installation: Installation, effort: Effort) -> Measured:
    """At a part of its sustained rate, as the scenario before held it, or searched for now."""
    if installation.name not in effort.sustained:
        with Rig(installation) as rig:
            rig.warm_up()
            effort.sustained[installation.name] = search(rig, installation, effort)
    return at_rate(part * effort.sustained[installation.name], installation, effort)


def at_rate(rate: float, installation: Installation, effort: Effort) -> Measured:
    """At so many messages a second. Installations that were not driven yet are warmed up."""
    with Rig(installation) as rig:
        rig.warm_up()
        trial = rig.trial(rate, effort.seconds)
    return Measured(trial.figures(), trial.usage)


def _latency(percent: int, *limits: Limit, full_only: bool = False) -> Scenario:
    return Scenario(
        name=f"latency/{percent}%",
        title="Latency",
        what=f"Publish → WebSocket frame in the browser, at {percent} % of its own sustained rate",
        measure=partial(at_part, percent / 100),
        on=(CAUSEWAY, *BRIDGES, replace(MQTT_WEBSOCKET, full_only=True)),
        figures=("p50_ms", "p99_ms", "cpu_us_per_message"),
        limits=limits,
        full_only=full_only,
    )


_ALONE: Final = ALONE[0].name
_OF_ALONE: Final = f"sustained at least 65 % of what {_ALONE} takes in the same run"
SCENARIOS: Final = (
    Scenario(
        name="uplink",
        title="Sustained uplink",
        what="QoS 1 messages/s of 200 devices (120-byte JSON) that reach a browser without loss, p99 ≤ 250 ms, "
        "latency not growing, held for 10 s (full run: 60 s, others 20 s); Causeway's PUBACK comes after the commit",
        measure=measure,
        on=(CAUSEWAY, *BRIDGES, replace(MQTT_WEBSOCKET, full_only=True)),
        figures=("messages_per_s", "p50_ms", "p99_ms", "cpu_us_per_message"),
        limits=(
            Limit("messages_per_s", "≥", times=0.65, of=_ALONE, scenario="ceilings", text=_OF_ALONE),
            Limit("p99_ms", "≤", 250, text="p99 at most 250 ms"),
            NOTHING_LOST,
            NOTHING_REPEATED,
            Limit("disordered", "≤", 0, text="each device's messages in order"),
            Limit("messages_per_s", "≥", times=8, of=PLAIN_REDIS.name, text=f"at least 8 times {PLAIN_REDIS.name}"),
            Limit("messages_per_s", "≥", times=3, of=PLAIN_PUBSUB.name, text=f"at least 3 times {PLAIN_PUBSUB.name}"),
        ),
    ),
    _latency(10, full_only=True),
    _latency(
        50,
        Limit("p50_ms", "≤", 15, text="p50 at most 15 ms at half of the sustained rate"),
        Limit("p99_ms", "≤", 60, text="p99 at most 60 ms there"),
    ),
    _latency(80, full_only=True),
)
