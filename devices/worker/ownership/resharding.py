"""Changing the number of shards. A device's shard follows from its key and that number, so nobody may work meanwhile.

What is kept a shard is moved in one transaction: the ledger's sums stay what they are, commit numbers only go up, and
the gateways' next connections begin anew. Who follows readings goes on at the new numbers, having read all of the old
ones. Devices, their revs, readings and streams don't know of shards.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from django.db import transaction
from django.db.models import Max

from bridge.gateway_status import GatewayRow
from devices.gateways import gateway_status
from devices.models import (
    Follower,
    Installation,
    LedgerCount,
    LinkCursor,
    LoggedReadings,
    RecentDeliveries,
    ShardState,
    Worker,
)
from devices.requests import handlers
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS

MAX_SHARDS: Final = 256  # as for BRIDGE_SHARDS


class NotDrainedError(Exception):
    """Somebody works, or has left deliveries half-done; the message names them and says what to do."""


def reshard(shards: int, gone: Collection[str] = ()) -> int:
    """Set the number of shards. Safe to repeat; the number that it has already changes nothing.

    Args:
        shards: 1 to 256.
        gone: MQTT client ids of gateways that will never come back, however they ended.

    Returns:
        The former number.

    Raises:
        NotDrainedError: nothing was changed.
        django.db.Error: likewise.
    """
    with transaction.atomic():
        installation = Installation.objects.select_for_update().get()
        former, installation.shards = installation.shards, shards
        if former != shards:
            list(ShardState.objects.select_for_update())  # nobody takes one from now on
            gateways = gateway_status().gateways
            if in_the_way := [*_workers(), *_gateways(gateways, gone), *_followers(), *_handlers()]:
                raise NotDrainedError("; ".join(in_the_way))
            installation.save()
            _move(former, shards, gateways)
    return former


def _workers() -> Iterator[str]:
    since_ms = DatabaseNowMs() - LEASE_MS
    living = set(Worker.objects.filter(beat_ms__gt=since_ms).values_list("owner", flat=True))
    living |= set(ShardState.objects.filter(beat_ms__gt=since_ms).values_list("owner", flat=True))
    for owner in sorted(living):
        yield f"device worker {owner} lives: stop it"


def _gateways(rows: Collection[GatewayRow], gone: Collection[str]) -> Iterator[str]:
    for row in rows:
        if row.alive and row.beat_ms:
            yield f"gateway {row.name} lives: stop it"
        elif row.name in gone or not row.epoch:
            continue
        elif row.beat_ms:  # a stop in order leaves none; it may have confirmed less to the broker than it said last
            yield (
                f"gateway {row.name} was not stopped in order: let it run until nothing is in flight, and stop it"
                f" (or say --gone {row.name} if it never comes back)"
            )
        elif row.in_flight:
            yield (
                f"gateway {row.name} has left {row.in_flight} deliveries unconfirmed: let it run with the workers"
                " until nothing is in flight, and stop it first"
            )


def _followers() -> Iterator[str]:
    heads = dict(ShardState.objects.values_list("shard", "commit"))
    rows = Follower.objects.order_by("name", "shard").values_list("name", "shard", "position")
    behind = [name for name, shard, position in rows if position != heads.get(shard)]
    for name in dict.fromkeys(behind):
        yield f"{name} has not read all readings: let it, by manage.py run_handlers, or remove it"


def _handlers() -> Iterator[str]:
    for name in handlers.behind():
        yield f"the handler {name} has not come to all commits: let manage.py run_handlers run until then"


def _move(former: int, shards: int, gateways: Collection[GatewayRow]) -> None:
    _move_counts(shards)
    _begin_links(max(former, shards), gateways)
    RecentDeliveries.objects.all().delete()  # the brokers have nothing that they would deliver again
    newest = ShardState.objects.aggregate(commit=Max("commit"), generation=Max("generation"))
    followers = sorted(set(Follower.objects.values_list("name", flat=True)))
    commit, generation = (newest[name] or 0 for name in ("commit", "generation"))
    ShardState.objects.all().delete()
    ShardState.objects.bulk_create(
        ShardState(
            shard=shard,
            generation=generation + 1,
            commit=commit + 1,
            is_followed=bool(followers),
            changes_since=commit + 1,  # those from before stand under the former numbers
        )
        for shard in range(shards)
    )
    LoggedReadings.objects.all().delete()
    Follower.objects.all().delete()
    Follower.objects.bulk_create(
        Follower(name=name, shard=shard, position=commit + 1) for name in followers for shard in range(shards)
    )
    handlers.move(shards, commit + 1)
    Worker.objects.all().delete()


def _move_counts(shards: int) -> None:
    sums: Counter[tuple[int, str, str]] = Counter()
    for shard, outcome, reason, count in LedgerCount.objects.values_list("shard", "outcome", "reason", "count"):
        sums[shard % shards, outcome, reason] += count
    LedgerCount.objects.all().delete()
    LedgerCount.objects.bulk_create(
        LedgerCount(shard=shard, outcome=outcome, reason=reason, count=count)
        for (shard, outcome, reason), count in sums.items()
    )


def _begin_links(shards: int, gateways: Collection[GatewayRow]) -> None:
    """Each gateway's next connection begins with batch 1 in every shard.

    Cursors that stand at its beginning say so, where none would tell the ledger that all of the last connection is
    still in flight (former shards that are no more included).
    """
    epochs = Counter({row.key: row.epoch for row in gateways})
    for gateway, epoch in LinkCursor.objects.values_list("gateway", "epoch"):
        epochs[gateway] = max(epochs[gateway], epoch)
    LinkCursor.objects.all().delete()
    LinkCursor.objects.bulk_create(
        LinkCursor(shard=shard, gateway=gateway, epoch=epoch + 1, seq=0)
        for gateway, epoch in epochs.items()
        for shard in range(shards)
    )
