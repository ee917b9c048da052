"""Start-up checks, tag ``causeway``: what must be right before a process of the bridge may run.

``run_gateway`` and ``run_devices`` run them first and stop with the first one's message. They are deployment checks
so that commands like ``migrate``, which need no channel layer, leave them alone.
"""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError

TAG = "causeway"


def register_all() -> None:
    """Register with Django's check framework."""
    register(needs_channel_layer, TAG, deploy=True)
    register(keeps_its_shards, TAG, deploy=True)


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


def keeps_its_shards(**_: Any) -> list[CheckMessage]:
    """The number of shards is kept in the database: it decides where a device lives."""
    from devices.models import Installation

    try:
        kept = Installation.kept_shards()
    except DatabaseError:
        return []  # not there yet, or no tables: whoever needs it says so
    if kept in (None, settings.DEVICES.shards):
        return []
    return [
        Error(
            f"BRIDGE_SHARDS: {settings.DEVICES.shards} here, but the database was set up with {kept}",
            hint=f"Set it to {kept}, or change the database by `manage.py reshard {settings.DEVICES.shards}`.",
            id="causeway.E002",
        )
    ]
