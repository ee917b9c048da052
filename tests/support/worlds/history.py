"""What a system has stored, seen and changed beside it: for tests that make history old."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.support.worlds.system import System

DAY_MS = 86_400_000


@contextlib.contextmanager
def _connection(system: System) -> Iterator[Any]:
    url = system.settings["DATABASE_URL"]
    if url.startswith("sqlite:"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as file, file:
            yield file
    else:
        with psycopg.connect(url, connect_timeout=3) as connection:
            yield connection


def query(system: System, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with _connection(system) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
        return rows


def execute(system: System, statement: str) -> None:
    """A statement in a transaction of its own."""
    with _connection(system) as connection:
        connection.execute(statement)


def age(system: System, days: int) -> None:
    """All that has happened so far, happened so many days earlier."""
    execute(system, f"UPDATE devices_reading SET received_ms = received_ms - {days * DAY_MS}")
    execute(system, f"UPDATE devices_event SET ts = ts - {days * DAY_MS}")


def count(system: System, table: str) -> int:
    """How many rows a table has."""
    return int(query(system, f"SELECT count(*) FROM devices_{table}")[0][0])


def stored_numbers(system: System, metric: str = "number") -> dict[str, list[int]]:
    """The stored values of a metric by device, in rev order."""
    out: dict[str, list[int]] = {}
    joined = "devices_reading r JOIN devices_device d ON d.id = r.device_id"
    for key, metrics in query(system, f"SELECT d.key, r.metrics FROM {joined} ORDER BY r.device_id, r.rev"):
        out.setdefault(key, []).append(json.loads(metrics)[metric])
    return out


def listed_numbers(system: System, device: str, metric: str = "n") -> list[int]:
    """The values of a metric of all readings of a device, as the REST API lists them, page after page."""
    api, found, cursor = system.api("auditor", "admin", None), [], None
    while True:
        query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = api("GET", f"/devices/{device}/readings", params=query).json()
        found += [reading["metrics"][metric] for reading in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return found
