"""The worker is killed, is gone for 3 s, and comes back, while devices publish at a modest rate."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from bench.drive.driving import Rig
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.peers.candidates import PLAIN
from bench.scenarios import NOTHING_REPEATED, Scenario
from tests.support.servers.processes import Process
from tests.support.servers.service import Service

RATE: Final = 200.0
SECONDS: Final = 10.0
KILLED_AT_S: Final = 1.0
GONE_S: Final = 3.0  # until it is started again; what that takes comes on top


def measure(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """One absence. Usage is left out: who is killed can't be asked what it used."""
    with Rig(installation) as rig:
        rig.warm_up()
        with absent(installation.processes["workers"], KILLED_AT_S, GONE_S):
            trial = rig.trial(RATE, SECONDS)
    unwelcome = {"lost": trial.lost, "repeated": trial.repeated, "disordered": trial.disordered}
    return Measured({"lost_percent": 100 * trial.lost / trial.sent, **unwelcome})


@contextmanager
def absent(processes: Sequence[Process | Service], after_s: float, for_s: float) -> Iterator[None]:
    """SIGKILL to all, and start them again, while the context goes on; they run again when it has ended."""
    ending = threading.Event()

    def away() -> None:
        begun = time.monotonic()
        ending.wait(after_s)
        for process in processes:
            process.kill()
        ending.wait(begun + after_s + for_s - time.monotonic())
        for process in processes:
            process.start()

    thread = threading.Thread(target=away, name="absence")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


SCENARIOS: Final = (
    Scenario(
        name="absence",
        title="Workers gone for 3 s",
        what=f"{RATE:g} QoS 1 messages/s for {SECONDS:g} s; all workers are killed, and back after {GONE_S:g} s: "
        "share of the messages that never reach the browser",
        measure=measure,
        on=(CAUSEWAY, *PLAIN),
        figures=("lost_percent",),
        limits=(Limit("lost_percent", "≤", 0, text="nothing is lost"), NOTHING_REPEATED),
        rounds=(1, 3),
    ),
)
