"""What the server itself can see of the chain: the broker through the gateway's beat, the workers by their leases."""

from collections.abc import Iterable
from typing import Final, Literal

from django.db.models import F
from msgspec import Struct

from devices.gateways import gateway_status
from devices.models import Device, ShardState
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS

UpDown = Literal["up", "down"]
_NEW_DEVICES: Final = 1_000


class Link(Struct, frozen=True):
    """A ``link`` frame's content."""

    broker: UpDown
    workers: UpDown
    since: int  # Unix ms; when the later of the two became what it is. Another one: it changed in between


class Shard(Struct, frozen=True):
    """A shard's row."""

    number: int
    commit: int
    beat_ms: int
    up_since_ms: int
    age_ms: int  # of the beat, by the database's clock


class Survey(Struct, frozen=True):
    """What is read every 2 s."""

    link: Link
    commits: dict[int, int]  # shard → number of its last broadcast
    new_devices: list[tuple[int, str]]  # (primary key, device key) above the one asked for, oldest first


def survey(after_pk: int | None, shards: int) -> Survey:
    """Read the tables. Synchronous; five short queries.

    Args:
        after_pk: the primary key of the newest device known; None: only see which that is.
        shards: how many there are.
    """
    columns = ("shard", "commit", "beat_ms", "up_since_ms", DatabaseNowMs() - F("beat_ms"))
    rows = [Shard(*row) for row in ShardState.objects.values_list(*columns)]
    status = gateway_status()
    return Survey(
        link=link(rows, shards, status.broker_up, status.since_ms),
        commits={shard.number: shard.commit for shard in rows},
        new_devices=_new_devices(after_pk),
    )


def link(shards: Iterable[Shard], count: int, broker_up: bool, broker_since_ms: int) -> Link:
    """The state of the chain.

    Args:
        shards: the rows that there are.
        count: how many shards there should be.
        broker_up: whether a gateway is connected.
        broker_since_ms: since when that is so.
    """
    rows = {shard.number: shard for shard in shards}
    stale = [number for number in range(count) if number not in rows or rows[number].age_ms >= LEASE_MS]
    if stale:
        since_ms = min(rows[number].beat_ms if number in rows else 0 for number in stale)
    else:
        since_ms = max((shard.up_since_ms for shard in rows.values()), default=0)
    return Link("up" if broker_up else "down", "down" if stale else "up", max(since_ms, broker_since_ms))


def _new_devices(after_pk: int | None) -> list[tuple[int, str]]:
    devices = Device.objects.order_by("-pk").values_list("pk", "key")
    if after_pk is None:
        return list(devices[:1])
    return list(devices.filter(pk__gt=after_pk)[:_NEW_DEVICES])[::-1]
