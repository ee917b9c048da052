"""Requests about keys rather than twins: those to be blocked, and many devices to be deleted."""

from typing import Any, Final

from bridge.shards import device_hash
from devices.models import BlockedKey, Request
from devices.worker.effects.operations import Operation
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.memory.shard import Shard

BLOCKING: Final = ("block", "unblock")
MANY: Final = "delete_many"


class Deletion(Operation, frozen=True):
    """The device goes, with many others. Where there is none, none goes."""

    by: str  # an actor

    @property
    def asked_by(self) -> str:
        """Who asks."""
        return self.by


def load_blocked(shard: Shard, of: int) -> None:
    """Read which keys are blocked in a shard just taken. One query."""
    rows = BlockedKey.objects.values_list("key", "hash")
    shard.blocked = {key for key, hash_ in rows if hash_ % of == shard.number}


def block(work: RoundWork, part: ShardWork, row: Request) -> None:
    """Block or unblock the request's key, from the next delivery on."""
    key = row.device_key
    if row.kind == "block":
        BlockedKey.objects.get_or_create(key=key, defaults={"hash": device_hash(key), "created_by": row.created_by})
        part.shard.blocked.add(key)
    else:
        BlockedKey.objects.filter(key=key).delete()
        part.shard.blocked.discard(key)
    work.settled[row.pk] = {}
    part.touched = True


def delete_many(work: RoundWork, part: ShardWork, row: Request) -> list[str]:
    """Plan the deletion of the devices that a request names; which they are."""
    keys = [key for key in named(row.body) if key in part.shard.members]
    for key in keys:
        part.add(key, Deletion(row.created_by))
    work.settled[row.pk] = {"deleted": len(keys)}
    part.touched = True
    return keys


def named(body: Any) -> list[str]:
    """The keys in a request's body."""
    keys = body.get("keys") if isinstance(body, dict) else None
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
