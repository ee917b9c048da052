"""How much CPU time, and how long, each process takes from its start until it is ready."""

import contextlib
import http.client
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.installations.installation import CAUSEWAY, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.measure.usage import cpu_s
from bench.scenarios import Scenario
from tests.support.servers.processes import Process
from tests.support.waiting import eventually
from tests.support.worlds.system import System

ROLES: Final = ("gateway", "worker", "web")
_READY_S: Final = 60.0
_PAUSE_S: Final = 0.005


def measure(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """Each in turn is ended and started again, alone: of the workers one, which serves all shards."""
    assert isinstance(installation, Causeway)
    system = installation.system
    others = system.workers[1:]
    figures = {
        **_started("gateway", system.gateway, _logged("broker link up")),
        **_started("web", system.web, lambda _web, _since: partial(_answers, system)),
    }
    for worker in others:
        worker.terminate()
    figures |= _started("worker", system.workers[0], _logged("device workers started"))
    for worker in others:
        worker.start()
    system.wait_ready()
    return Measured(figures)


Ready = Callable[[Process, int], Callable[[], bool]]
"""From a process and where its log ended before to what tells whether it is ready."""


def _started(role: str, process: Process, ready: Ready) -> dict[str, float]:
    process.terminate()
    is_ready, begun = ready(process, process.position()), time.monotonic()
    process.start()
    eventually(is_ready, _READY_S, what=f"{process.name} is ready", pause_s=_PAUSE_S)
    used_s, took_s = cpu_s({role: [process.pid]})[role], time.monotonic() - begun
    return {f"{role}_cpu_s": used_s, f"{role}_s": took_s}


def _logged(line: str) -> Ready:
    def ready(process: Process, since: int) -> Callable[[], bool]:
        return lambda: process.count_lines(line, since=since) > 0

    return ready


def _answers(system: System) -> bool:
    """Does it answer a request? Asked by a client that takes next to no CPU itself."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", system.port, timeout=5)) as connection:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK


SCENARIOS: Final = (
    Scenario(
        name="start",
        title="Start",
        what="A process alone, from its start until it is ready: the CPU time that it takes, and how long that is",
        measure=measure,
        on=(CAUSEWAY,),
        figures=tuple(f"{role}_{what}" for role in ROLES for what in ("cpu_s", "s")),
        limits=tuple(
            Limit(f"{role}_cpu_s", "≤", 0.6, text=f"{role}: ready after at most 0.6 s of CPU") for role in ROLES
        ),
        rounds=(3, 5),
    ),
)
