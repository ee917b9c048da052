"""Owning a shard: taking it, passing its fence in every writing transaction, giving it up.

Taking raises the shard's ``generation``, in an UPDATE that waits for a transaction of the former owner which is already
past the fence; all its later ones fail there. The same is done after a failed or ambiguous commit of our own: should
that transaction still be alive in the server, it is waited for or fenced before anything is read.
"""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F, Q

from devices.ingest.shard import Shard
from devices.models import ShardState


class ShardLost(Exception):
    """Another worker owns the shards now."""

    def __init__(self, shards: Iterable[int]) -> None:
        self.shards = tuple(sorted(shards))
        super().__init__(f"shard {', '.join(map(str, self.shards))}: another worker has taken it")


def take(number: int, owner: str, now_ms: int, *, again: bool) -> ShardState:
    """Own a shard from now on.

    Args:
        number: the shard.
        owner: our name, unlike that of any other process past or present.
        now_ms: Unix ms.
        again: it is ours already, unless somebody took it meanwhile.

    Raises:
        ShardLost: somebody did.
    """
    with transaction.atomic():
        ShardState.objects.bulk_create([ShardState(shard=number)], ignore_conflicts=True)
        rows = ShardState.objects.filter(shard=number)
        if again:
            taken = rows.filter(owner=owner).update(generation=F("generation") + 1, beat_ms=now_ms)
        else:
            taken = rows.update(generation=F("generation") + 1, owner=owner, beat_ms=now_ms, up_since_ms=now_ms)
        if not taken:
            raise ShardLost([number])
        return rows.get()


def pass_fence(shards: Sequence[Shard], now_ms: int, *, broadcast: bool = False) -> None:
    """Make sure that the shards are ours, up to the end of the present transaction. Counts as a beat.

    Stands at the end of transactions, always after their other locks: a worker that was fenced never waits here for
    one that waits for it.

    Args:
        shards: none or more.
        now_ms: Unix ms.
        broadcast: the transaction will be broadcast, so it raises the commit numbers.

    Raises:
        ShardLost: at least one of them is not ours.
    """
    if not shards:
        return
    ours = Q()
    for shard in shards:
        ours |= Q(shard=shard.number, generation=shard.generation)
    rows = ShardState.objects.filter(ours)
    if rows.update(commit=F("commit") + int(broadcast), beat_ms=now_ms) != len(shards):
        kept = set(rows.values_list("shard", flat=True))
        raise ShardLost({shard.number for shard in shards} - kept)


def release(numbers: Iterable[int], owner: str) -> None:
    """Give the shards up, those that are still ours."""
    ShardState.objects.filter(shard__in=list(numbers), owner=owner).update(owner="", beat_ms=0)
