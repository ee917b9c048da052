"""How fast MQTT clients are that do nothing with what they receive: no bridge can be faster than its own."""

from typing import Final

from bench.drive.driving import load_plan, paced
from bench.drive.tools import Publisher
from bench.installations.installation import Effort, Installation
from bench.measure.results import Measured, total_cpu_s
from bench.measure.usage import Meter
from bench.peers.candidates import ALONE
from bench.peers.ceilings import Alone
from bench.scenarios import Scenario
from tests.support.waiting import eventually

OUTSTANDING: Final = 20_000  # messages published and not received, at most
_DRAIN_S: Final = 60.0


def measure(installation: Installation, effort: Effort) -> Measured:
    """As fast as it goes, for a time after a warm-up."""
    assert isinstance(installation, Alone)
    before = installation.received
    with Publisher(load_plan(installation)) as publisher, Meter(installation.pids()) as meter:
        outcome, per_s = paced(publisher, 0, effort.seconds, OUTSTANDING, lambda: installation.received - before)
        eventually(lambda: installation.received == before + outcome.sent, _DRAIN_S, what="all is received")
    cpu_us = total_cpu_s(meter.usage) / outcome.sent * 1e6
    return Measured({"messages_per_s": per_s, "cpu_us_per_message": cpu_us}, meter.usage)


SCENARIOS: Final = (
    Scenario(
        name="ceilings",
        title="MQTT clients alone",
        what="QoS 1 messages/s that an MQTT client receives when it does nothing with them, as fast as it goes",
        measure=measure,
        on=ALONE,
        figures=("messages_per_s", "cpu_us_per_message"),
        compared_with={candidate.name: ALONE[0].name for candidate in ALONE},
        rounds=(3, 3),
    ),
)
