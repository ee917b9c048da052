"""The shapes that are compared: the same processes on PostgreSQL, on SQLite, and on MQTT 3.1.1."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.mosquitto import mosquitto_service
from tests.support.postgres import postgres_service
from tests.support.redis import redis_service
from tests.support.system import Parts, System, factory

SHAPES: dict[str, dict[str, Any]] = {
    "PostgreSQL": {},
    "SQLite": {"database": "sqlite"},
    "PostgreSQL, MQTT 3.1.1": {"MQTT_VERSION": "3.1.1"},
}


@contextmanager
def running(directory: Path) -> Iterator[dict[str, System]]:
    """All shapes at once, each with a broker, a Redis and a database of its own, idle until driven."""
    with ExitStack() as stack:
        systems = {}
        for name, settings in SHAPES.items():
            parts = Parts(mosquitto_service(), redis_service(), postgres_service())
            stack.callback(parts.close)
            parts.start()
            make = stack.enter_context(factory(parts, directory, {}))
            systems[name] = make(**settings)
        yield systems
