"""Deleting a device: its shard worker does it; then its credentials at the broker end too."""

import structlog
from channels.db import database_sync_to_async

from devices.requests.ask import ask
from devices.requests.provisioning import write_password_file
from devices.rules.actors import Actor

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
    try:
        await database_sync_to_async(write_password_file)()
    except OSError as error:
        log.warning("the broker's password file still has a deleted device", device=device_key, error=str(error))
