"""How fast MQTT clients are that do nothing with what they receive: no bridge can be faster than its own."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from bench.drive.driving import DEVICES, PAYLOAD_BYTES
from bench.installations.installation import Effort, Installation
from bench.measure.results import Measured, total_cpu_s
from bench.measure.usage import Meter
from bench.peers.candidates import ALONE
from bench.peers.ceilings import Alone
from bench.programs.load import Generator, Outcome, Plan
from bench.scenarios import Scenario
from tests.support.waiting import eventually

OUTSTANDING: Final = 20_000  # messages published and not received, at most
_WARM_UP_S: Final = 1.0
_POLL_S: Final = 0.02
_DRAIN_S: Final = 60.0


def measure(installation: Installation, effort: Effort) -> Measured:
    """As fast as it goes, for a time after a warm-up."""
    assert isinstance(installation, Alone)
    plan = Plan(port=installation.mqtt_port(), devices=DEVICES, size=PAYLOAD_BYTES, stamp=True)
    with Meter(installation.pids()).running() as meter, Generator(plan) as generator, ThreadPoolExecutor(1) as pool:
        before, generator.limit = installation.received, OUTSTANDING
        running = pool.submit(generator.run, seconds=_WARM_UP_S + effort.seconds)
        per_s = _rate(installation, generator, running)
        sent = running.result().sent
        eventually(lambda: installation.received == before + sent, _DRAIN_S, what="all is received")
        usage = meter.read()
    return Measured({"messages_per_s": per_s, "cpu_us_per_message": total_cpu_s(usage) / sent * 1e6}, usage)


def _rate(installation: Alone, generator: Generator, running: "Future[Outcome]") -> float:
    """Messages received a second after the warm-up, while the generator is kept a little ahead."""
    before = installation.received
    marks = [(time.monotonic(), before)]
    while not running.done():
        time.sleep(_POLL_S)
        marks.append((time.monotonic(), installation.received))
        generator.limit = installation.received - before + OUTSTANDING
    first = next((mark for mark in marks if mark[0] - marks[0][0] >= _WARM_UP_S), marks[0])
    return (marks[-1][1] - first[1]) / max(marks[-1][0] - first[0], _POLL_S)


SCENARIOS: Final = (
    Scenario(
        name="ceilings",
        title="MQTT clients alone",
        what="QoS 1 messages/s that an MQTT client receives when it does nothing with them, as fast as it goes",
        measure=measure,
        on=ALONE,
        better={"messages_per_s": "higher", "cpu_us_per_message": "lower"},
        quick_rounds=1,
        compared_with={candidate.name: ALONE[0].name for candidate in ALONE},
    ),
)
