"""Owning a shard: taking a free one, passing its fence in every writing transaction, giving it up.

A shard is free when nobody owns it, or when the owner's lease is over by the database's clock. Nobody takes one that is
not. Taking raises the shard's ``generation``: all later transactions of the former owner fail at the fence. One that is
past it holds the row until it ends, and who wants the shard lets it be until then.

After a failed or ambiguous commit of our own the generation is raised, too: should that transaction still be alive in
the server, it is waited for or fenced before anything is read.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q

from devices.models import Installation, ShardState
from devices.worker.memory.bulk_writes import update_all
from devices.worker.memory.one_statement import NotAllError, Part
from devices.worker.memory.shard import Shard
from runtime.database_clock import DatabaseNowMs
from runtime.databases.binary_arrays import INTEGERS
from runtime.leases import LEASE_MS

_IDLE_S = 1

# Values: what to add to ``commit``, the shard, its generation.
_PASSING: Final = (
    'UPDATE devices_shardstate AS state SET "commit" = state."commit" + {more}, beat_ms = {now}, committed_ms = {now},'
    " trouble = '' "
)
_PASS_ONE: Final = (
    _PASSING.format(more="%s", now=DatabaseNowMs().as_sqlite()[0]) + "WHERE shard = %s AND generation = %s"
)
_PASS_ALL: Final = Part(
    _PASSING.format(more="ours.more", now=DatabaseNowMs().as_postgresql()[0])
    + "FROM unnest({0}, {1}, {2}) AS ours(more, shard, generation)"
    " WHERE state.shard = ours.shard AND state.generation = ours.generation",
    [INTEGERS] * 3,
    "the fence",
)


class ShardLostError(Exception):
    """Another worker owns the shards now."""

    def __init__(self, shards: Iterable[int]) -> None:
        self.shards = frozenset(shards)
        super().__init__(f"shard {', '.join(map(str, sorted(self.shards)))}: another worker has taken it")


class ReshardedError(Exception):
    """The database has another number of shards than we were started with: ours would be other devices."""

    def __init__(self, ours: int, kept: int) -> None:
        super().__init__(f"BRIDGE_SHARDS: {ours} here, but the database has {kept} shards by now")


def check_number(shards: int) -> None:
    """Whether the shards' numbers still mean what they meant at our start. One small query.

    Raises:
        ReshardedError: no.
    """
    kept = Installation.kept_shards()
    if kept not in (None, shards):
        raise ReshardedError(shards, kept)


def take(number: int, owner: str) -> bool:
    """Own a shard from now on if it is free, or ours already; whether we do. Never waits for another's transaction.

    Args:
        number: the shard.
        owner: our name, unlike that of any other process past or present.
    """
    now_ms = DatabaseNowMs()
    is_over = Q(beat_ms__lte=now_ms - LEASE_MS) | Q(beat_ms__gte=now_ms + LEASE_MS)  # ahead: the clock was set back
    is_free = Q(owner__in=("", owner)) | is_over
    with transaction.atomic():
        free = ShardState.objects.select_for_update(skip_locked=True).filter(is_free, shard=number)
        taken = ShardState.objects.filter(shard__in=free.values("shard")).update(
            generation=F("generation") + 1, owner=owner, beat_ms=DatabaseNowMs(), up_since_ms=DatabaseNowMs()
        )
    return bool(taken)


def claim(number: int, owner: str) -> ShardState:
    """A shard that we have taken, before it is read: whatever a transaction of ours still does to it is over or fenced.

    Raises:
        ShardLostError: somebody else has it.
    """
    with transaction.atomic():
        rows = ShardState.objects.filter(shard=number, owner=owner)
        if not rows.update(generation=F("generation") + 1, beat_ms=DatabaseNowMs()):
            raise ShardLostError([number])
        return rows.get()


def pass_fence(shards: Sequence[Shard], broadcast: Sequence[Shard] = ()) -> None:
    """Make sure that the shards are ours, up to the end of the present transaction. Renews their leases.

    A lease that is over does no harm as long as nobody has taken the shard.

    Stands at the end of transactions, always after their other locks: a worker that was fenced never waits here for
    one that waits for it.

    Args:
        shards: none or more.
        broadcast: others, whose part in the transaction will be broadcast: it raises their commit numbers.

    Raises:
        ShardLostError: at least one of them is not ours.
    """
    rows = [(more, shard.number, shard.generation) for more, some in ((0, shards), (1, broadcast)) for shard in some]
    if not rows:
        return
    try:
        update_all(_PASS_ALL, _PASS_ONE, rows)
    except NotAllError:
        raise ShardLostError(number for _, number, _ in rows) from None


def check_fence(shards: Collection[Shard]) -> None:
    """Whether the shards are ours up to now, for those who wonder in the middle of a transaction.

    Raises:
        ShardLostError: at least one of them is not.
    """
    if gone := _not_ours(shards):
        raise ShardLostError(gone)


def _not_ours(shards: Collection[Shard]) -> set[int]:
    kept = set(ShardState.objects.filter(shard__in=[one.number for one in shards]).values_list("shard", "generation"))
    return {shard.number for shard in shards if (shard.number, shard.generation) not in kept}


def lost(numbers: Iterable[int], owner: str) -> set[int]:
    """Those of the shards that are not ours (any more)."""
    numbers = set(numbers)
    return numbers - set(ShardState.objects.filter(shard__in=numbers, owner=owner).values_list("shard", flat=True))


def release(numbers: Iterable[int], owner: str) -> None:
    """Give the shards up, those that are still ours."""
    ShardState.objects.filter(shard__in=list(numbers), owner=owner).update(owner="", beat_ms=0)


def connection_name(owner: str) -> str:
    """What the connection for an owner's transactions is called in PostgreSQL (at most 63 bytes)."""
    return f"causeway {owner[-40:]}"


def end_standstill(owner: str) -> bool:
    """End the transaction of an owner whose lease is over, should it stand still in PostgreSQL; whether it did.

    A process that is stopped, or cut off, in the middle of one would otherwise keep its successor waiting for the rows
    that it has written. Should it live on, it finds its connection closed, and reads everything anew.
    """
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            " AND datname = current_database() AND usename = current_user AND state LIKE 'idle in transaction%%'"
            " AND state_change < clock_timestamp() - make_interval(secs => %s)",
            [connection_name(owner), _IDLE_S],
        )
        return bool(cursor.fetchall())
