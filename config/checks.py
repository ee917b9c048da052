"""Start-up checks, tag ``causeway``: what must be right before a process of the bridge may run.

``run_gateway`` and ``run_devices`` run them first and stop with the first one's message. They are deployment checks
so that commands like ``migrate``, which need no channel layer, leave them alone.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError

from runtime.channel_layers import start_check
from runtime.databases import start_check as database_check

TAG = "causeway"


def register_all() -> None:
    """Register with Django's check framework."""
    register(needs_channel_layer, TAG, deploy=True)
    register(can_use_its_redis, TAG, deploy=True)
    register(can_work_with_its_database, TAG, deploy=True)


def needs_channel_layer(**_: Any) -> list[CheckMessage]:
    """Several processes need Redis between them."""
    if settings.REDIS_URL or settings.CAUSEWAY_SINGLE_PROCESS:
        return []
    return [
        Error(
            "REDIS_URL: it is empty, and the in-memory layer serves only `manage.py demo`",
            hint="Set it to redis://host:port/db.",
            id="causeway.E001",
        )
    ]


def can_use_its_redis(**_: Any) -> list[CheckMessage]:
    """A Redis Cluster has no one place for a channel."""
    hosts = settings.CHANNEL_LAYERS["default"]["CONFIG"].get("hosts", ())
    found = [start_check.problem(host) for host in hosts if not _in_event_loop()]
    return [Error(f"REDIS_URL: {problem}", id="causeway.E003") for problem in filter(None, found)]


def can_work_with_its_database(**_: Any) -> list[CheckMessage]:
    """All that there is to ask the database. If it is not there (yet), whoever needs it says so."""
    found: list[CheckMessage] = []
    with contextlib.suppress(DatabaseError):
        found.extend(database_problems())  # those that came before it failed count
    return found


def database_problems() -> Iterator[CheckMessage]:
    """The same.

    Raises:
        django.db.DatabaseError: it is not there, or has no tables.
    """
    yield from can_use_its_database()
    yield from keeps_its_shards()


def can_use_its_database() -> list[CheckMessage]:
    """PostgreSQL can hold every text, and keeps a connection's session."""
    return [Error(problem, id="causeway.E004") for problem in database_check.problems()]


def _in_event_loop() -> bool:
    with contextlib.suppress(RuntimeError):
        return bool(asyncio.get_running_loop())
    return False


def keeps_its_shards() -> list[CheckMessage]:
    """The number of shards is kept in the database: it decides where a device lives."""
    from devices.models import Installation

    kept = Installation.kept_shards()
    if kept in (None, settings.DEVICES.shards):
        return []
    return [
        Error(
            f"BRIDGE_SHARDS: {settings.DEVICES.shards} here, but the database was set up with {kept}",
            hint=f"Set it to {kept}, or change the database by `manage.py reshard {settings.DEVICES.shards}`.",
            id="causeway.E002",
        )
    ]
