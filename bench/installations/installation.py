"""What is driven and measured: one program with servers of its own, idle until a scenario drives it.

To add one: write a class with the methods of ``Installation`` and a context manager that starts it, and name both in a
``Candidate`` (``bench/peers/candidates.py`` lists those that scenarios compare Causeway with). Several run at the same
time, so each takes free ports (``tests.support.servers.ports``) and ends all that it started when its context ends.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from bench.measure.results import OURS
from bench.protocol.endpoint import Dialect, Endpoint
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import postgres_service
from tests.support.servers.redis import redis_service
from tests.support.worlds.system import Parts, System, factory

__all__ = ["CAUSEWAY", "Candidate", "Causeway", "Dialect", "Effort", "Endpoint", "Installation", "causeway", "servers"]


class Installation(Protocol):
    """One program under load. It runs for as long as its context (``Candidate.running``) is open."""

    @property
    def name(self) -> str:
        """``Causeway``, ``plain Channels, Redis layer``, … as the tables say it."""

    def mqtt_port(self) -> int:
        """Where its devices publish, anonymously, MQTT 3.1.1 or 5."""

    def endpoint(self) -> Endpoint:
        """Where its browser listens to everything that its devices say."""

    def pids(self) -> dict[str, list[int]]:
        """By role, the main processes; bench.measure.usage finds their children. Empty lists are fine."""


@dataclass(frozen=True)
class Candidate:
    """An installation that can be had.

    Attributes:
        name: the same as its installation's.
        running: gets an empty directory of its own; starts it, yields it when it is ready, and ends it.
        full_only: left out of the quick run.
    """

    name: str
    running: Callable[[Path], AbstractContextManager[Installation]]
    full_only: bool = False


@dataclass(frozen=True)
class Effort:
    """How much measuring there shall be.

    Attributes:
        full: ``--full``, else the quick run.
        seconds: of one measured stretch; a scenario may take a part or a multiple of it.
        remembered: what scenarios found out that others go by, such as the sustained rate of an installation.
    """

    full: bool = False
    seconds: float = 4.0
    remembered: dict[str, float] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------- Causeway

USER: Final = "bench"


@dataclass(frozen=True)
class Causeway:
    """The product as in production: gateway, two workers, web, on Mosquitto, Redis and PostgreSQL."""

    system: System
    name: str = OURS

    def mqtt_port(self) -> int:
        return self.system.parts.mosquitto.port

    def endpoint(self) -> Endpoint:
        """One dashboard that watches everything, as often as it changes (100 times a second and device)."""
        return Endpoint(
            url=f"ws://127.0.0.1:{self.system.port}/ws/v1/",
            headers={"Authorization": f"Bearer {self.system.token(USER, 'admin', None)}"},
            first='{"type":"subscribe","id":"1","site":"*","max_rate_hz":100}',
            patience_s=10.0,  # it mends what a lost broadcast has told within 5 s
        )

    def pids(self) -> dict[str, list[int]]:
        parts = self.system.parts
        return {
            "gateway": [self.system.gateway.pid],
            "workers": [worker.pid for worker in self.system.workers],
            "web": [self.system.web.pid],
            "mosquitto": [parts.mosquitto.pid],
            "redis": [parts.redis.pid],
            "postgres": [parts.postgres.pid],
        }


@contextlib.contextmanager
def servers() -> Iterator[Parts]:
    """Mosquitto, Redis and a PostgreSQL that writes to the disk before it says so, all new."""
    parts = Parts(mosquitto_service(), redis_service(), postgres_service(durable=True))
    try:
        parts.start()
        yield parts
    finally:
        parts.close()


@contextlib.contextmanager
def causeway(
    directory: Path, *, name: str = OURS, change: Callable[[System], None] | None = None, **options: Any
) -> Iterator[Causeway]:
    """A whole system on servers of its own.

    Args:
        directory: for logs and what it writes.
        name: of the installation.
        change: is given the system before anything of it is started (its database is there), to register devices or
            to put other command lines in.
        options: of ``tests.support.worlds.system.Factory``: ``shards``, ``workers``, ``database``, the contract's
            variables.
    """
    with servers() as parts, factory(parts, directory, {}) as make:
        system = make(start=False, **options)
        if change is not None:
            change(system)
        yield Causeway(system.start(), name)


CAUSEWAY: Final = Candidate(OURS, causeway)
