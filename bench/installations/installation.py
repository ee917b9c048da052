"""What is driven and measured: one program with servers of its own, idle until a scenario drives it.

To add one: write a context manager that starts it and yields an ``Installation``, and name it in a ``Candidate``
(``bench/peers/candidates.py`` lists those that scenarios compare Causeway with). Several run at the same time, so each
takes free ports (``tests.support.servers.ports``) and ends all that it started when its context ends.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bench.measure.results import OURS
from bench.protocol.dialects import Endpoint
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import postgres_service
from tests.support.servers.processes import Process
from tests.support.servers.redis import redis_service
from tests.support.servers.service import Service
from tests.support.worlds.system import Parts, System, factory

USER: Final = "bench"
Api = Callable[..., httpx.Response]
"""What ``System.api`` gives."""
Processes = Mapping[str, Sequence[Process | Service]]
"""By role."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """One program under load. It runs for as long as its context (``Candidate.running``) is open."""

    name: str  # ``Causeway``, ``plain Channels, Redis layer``, … as the tables say it
    mqtt_port: int  # where its devices publish, anonymously, MQTT 3.1.1 or 5
    endpoint: Endpoint | None  # where its browser listens to everything that its devices say; None: it has none
    processes: Processes  # the main ones; bench.measure.usage finds their children

    def pids(self) -> dict[str, list[int]]:
        """By role, of its main processes."""
        return {role: [one.pid for one in processes] for role, processes in self.processes.items()}


@dataclass(frozen=True, kw_only=True)
class Causeway(Installation):
    """The product as in production: gateway, two workers, web, on Mosquitto, Redis and PostgreSQL."""

    system: System


@dataclass(frozen=True)
class Candidate:
    """An installation that can be had; the same as another if the same would be started under the same name."""

    name: str  # the same as its installation's
    running: Callable[[Path, str], AbstractContextManager[Installation]]
    """Gets an empty directory of its own and the name; starts it, yields it when it is ready, and ends it."""
    full_only: bool = field(default=False, compare=False)  # left out of the quick run


@dataclass(frozen=True)
class Effort:
    """How much measuring there shall be."""

    full: bool = False  # ``--full``, else the quick run
    seconds: float = 4.0  # of one measured stretch; a scenario may take a part or a multiple of it
    sustained: dict[str, float] = field(default_factory=dict)  # messages/s that installations were found to sustain
    idle: dict[str, list[Mapping[str, float]]] = field(default_factory=dict)
    """Cores that installations were found to take when nothing happens: by role, a round each."""


def started(service: Service, stack: ExitStack) -> Service:
    """The service, answering; ended with the stack, its data removed."""
    stack.callback(service.close)
    service.start()
    return service


def installed(system: System, name: str = OURS) -> Causeway:
    """A system that runs. Its one dashboard watches everything, as often as it changes (100 times a second)."""
    parts = system.parts
    endpoint = Endpoint(
        url=f"ws://127.0.0.1:{system.port}/ws/v1/",
        headers={"Authorization": f"Bearer {system.token(USER, 'admin', None)}"},
        first='{"type":"subscribe","id":"1","site":"*","max_rate_hz":100}',
        patience_s=10.0,  # it mends what a lost broadcast has told within 5 s
    )
    ours: Processes = {"gateway": [system.gateway], "workers": system.workers, "web": [system.web]}
    servers: Processes = {"mosquitto": [parts.mosquitto], "redis": [parts.redis], "postgres": [parts.postgres]}
    port, processes = parts.mosquitto.port, {**ours, **servers}
    return Causeway(name=name, mqtt_port=port, endpoint=endpoint, processes=processes, system=system)


@contextlib.contextmanager
def causeway(
    directory: Path, name: str = OURS, *, change: Callable[[System], None] | None = None, **options: Any
) -> Iterator[Causeway]:
    """A whole system on new servers of its own; PostgreSQL writes to the disk before it says so.

    Args:
        directory: for logs and what it writes.
        name: of the installation.
        change: is given the system before anything of it is started (its database is there), to register devices or
            to put other command lines in.
        options: of ``tests.support.worlds.system.Factory``: ``shards``, ``workers``, ``database``, variables of the
            contract.
    """
    parts = Parts(mosquitto_service(), redis_service(), postgres_service(durable=True))
    with ExitStack() as stack:
        stack.callback(parts.close)
        parts.start()
        system = stack.enter_context(factory(parts, directory, {}))(start=False, **options)
        if change is not None:
            change(system)
        yield installed(system.start(), name)


CAUSEWAY: Final = Candidate(OURS, causeway)
