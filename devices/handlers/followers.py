"""Who follows readings: while a shard is followed its worker writes their log, and keeps what a follower has not read.

For readings only: all else is recorded always. A follower may tell its position later than it moves, never sooner.
"""

from collections.abc import Collection

from django.db import transaction

from devices.models import Follower, ShardState
from runtime.database import writing


def follow(name: str, shard: int, position: int) -> None:
    """Follow a shard's readings from a position on (devices.handlers.log), or say how far it is now.

    The log begins within about a second; what is stored until then is read from history.
    """
    if Follower.objects.filter(shard=shard, name=name).update(position=position):
        return
    with writing(), transaction.atomic():
        ShardState.objects.bulk_create([ShardState(shard=shard)], ignore_conflicts=True)  # before any worker was there
        ShardState.objects.filter(shard=shard).update(is_followed=True)  # first, as in unfollow: one after the other
        Follower.objects.update_or_create({"position": position}, shard=shard, name=name)


def unfollow(name: str, shards: Collection[int] | None = None) -> None:
    """Follow these shards' readings no more; None: no shard's. The log of a shard that nobody follows is dropped."""
    mine = Follower.objects.filter(name=name)
    numbers = sorted(mine.values_list("shard", flat=True) if shards is None else shards)
    for shard in numbers:
        with writing(), transaction.atomic():
            state = ShardState.objects.filter(shard=shard)
            list(state.select_for_update())
            mine.filter(shard=shard).delete()
            if not Follower.objects.filter(shard=shard).exists():
                state.update(is_followed=False, logged_since=None)
