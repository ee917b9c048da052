"""Deleting devices: their shard workers do it; then their credentials at the broker end too. Blocking keys."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog
from channels.db import database_sync_to_async
from django.conf import settings

from bridge.messages import RequestStored
from bridge.shards import device_hash, shard_of
from devices.models import Request
from devices.requests.ask import ask
from devices.requests.nudges import nudge
from devices.requests.provisioning import write_password_file
from devices.rules.actors import Actor

TOGETHER: Final = 500  # devices of one shard that go in one transaction
_LOOK_EVERY_S: Final = 0.25

log = structlog.get_logger(__name__)


async def delete_device(device_key: str, actor: Actor, *, clear_retained: bool = False) -> None:
    """Delete a device with all that is known of it, for ``actor``.

    It stays deleted, whatever the broker retains of it. If it publishes again it becomes a new device, if auto-register
    lets it, whose revs go on.

    Args:
        device_key: the device's.
        actor: who asks.
        clear_retained: the broker is to forget what it retains of it.

    Raises:
        devices.requests.refusals.RefusalError: it was not deleted.
    """
    await ask(device_key, "delete", {"clear_retained": clear_retained}, actor=actor)
    await _end_credentials(device_key)


async def delete_devices(keys: Sequence[str], actor: Actor, wait_s: float = 5.0) -> bool:
    """Delete many devices; whether all are gone within ``wait_s``. If not, their workers go on, and later ones do.

    Raises:
        django.db.Error: the database failed; nothing is deleted.
    """
    ids = await database_sync_to_async(_store_deletions)(keys, actor)
    for shard, request_id in ids.items():
        await nudge(RequestStored(shard, request_id, ""))
    deadline = time.monotonic() + wait_s
    last = max(ids.values(), default=0)
    while waiting := await database_sync_to_async(_is_pending)(last, actor):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    await _end_credentials(f"{len(keys)} devices")
    return not waiting


def _store_deletions(keys: Sequence[str], actor: Actor) -> dict[int, int]:
    """The last request of each shard."""
    by_shard: dict[int, list[str]] = {}
    for key in keys:
        by_shard.setdefault(shard_of(key, settings.DEVICES.shards), []).append(key)
    parts = [its[at : at + TOGETHER] for its in by_shard.values() for at in range(0, len(its), TOGETHER)]
    rows = [
        Request(
            device_key=part[0],
            hash=device_hash(part[0]),
            kind="delete_many",
            body={"keys": part},
            created_by=str(actor),
        )
        for part in parts
    ]
    stored = Request.objects.bulk_create(rows, batch_size=100)
    return {row.hash % settings.DEVICES.shards: row.pk for row in stored}


def _is_pending(upto: int, actor: Actor) -> bool:
    pending = Request.objects.filter(status=Request.Status.PENDING, kind="delete_many", pk__lte=upto)
    return pending.filter(created_by=str(actor)).exists()


async def block_key(device_key: str, actor: Actor, *, blocked: bool) -> None:
    """Have nothing taken any more that is published under a key, or take it again. There need not be a device.

    Raises:
        devices.requests.refusals.RefusalError: nothing was changed.
    """
    await ask(device_key, "block" if blocked else "unblock", {}, actor=actor)


async def _end_credentials(device_key: str) -> None:
    try:
        await database_sync_to_async(write_password_file)()
    except OSError as error:
        log.warning("the broker's password file still has a deleted device", device=device_key, error=str(error))
