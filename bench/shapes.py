"""The shapes that are compared: with the reliable link and without, on PostgreSQL, SQLite, and MQTT 3.1.1."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.unlinked import arguments
from tests.support.mosquitto import mosquitto_service
from tests.support.postgres import postgres_service
from tests.support.redis import redis_service
from tests.support.system import Parts, System, factory


@dataclass(frozen=True)
class Shape:
    """One installation.

    Attributes:
        compared_with: the shape that its figures are divided by; "": the first of all.
        gateway: of bench.unlinked; "": the product's.
        settings: as :class:`tests.support.system.Factory` takes them.
        quick: part of the quick run.
    """

    compared_with: str = ""
    gateway: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    quick: bool = True


SHAPES = {
    "PostgreSQL": Shape(),
    "PostgreSQL, PUBACK at once": Shape("PostgreSQL", "puback-at-once"),
    "PostgreSQL, no link": Shape("PostgreSQL", "fire-and-forget"),
    "SQLite": Shape("PostgreSQL", settings={"database": "sqlite"}),
    "SQLite, no link": Shape("SQLite", "fire-and-forget", settings={"database": "sqlite"}),
    "PostgreSQL, MQTT 3.1.1": Shape("PostgreSQL", settings={"MQTT_VERSION": "3.1.1"}, quick=False),
}


@contextmanager
def running(directory: Path, *, full: bool) -> Iterator[dict[str, System]]:
    """All shapes at once, each with a broker, a Redis and a database of its own, idle until driven."""
    with ExitStack() as stack:
        yield {name: _started(shape, directory, stack) for name, shape in SHAPES.items() if full or shape.quick}


def _started(shape: Shape, directory: Path, stack: ExitStack) -> System:
    parts = Parts(mosquitto_service(), redis_service(), postgres_service())
    stack.callback(parts.close)
    parts.start()
    make = stack.enter_context(factory(parts, directory, {}))
    system = make(start=False, **shape.settings)
    if shape.gateway:
        system.gateway.arguments = arguments(shape.gateway)
    if shape.gateway == "fire-and-forget":
        for worker in system.workers:
            worker.arguments = arguments("worker", *worker.arguments[3:])
    return system.start()
