"""Reading a shard into memory: at takeover as a whole, later a device that somebody else registered."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db.models import F, QuerySet

from bridge.link import Cursor
from devices.models import Command, Device, LedgerCount, LinkCursor, ShardState, Twin
from devices.options import DevicesOptions
from devices.requests.registry import new_twin
from devices.rules.commands import OPEN
from devices.rules.twin import dump
from devices.worker.commands import desired_topic
from devices.worker.memory.shard import DOC_TEXT, Member, Shard
from devices.worker.presence import checks

_CHUNK: Final = 2_000  # rows read at a time


def load(state: ShardState, options: DevicesOptions, now_ms: int) -> Shard:
    """All that is known of a shard just taken: two passes over its devices, none over their history.

    Raises:
        django.db.Error: the database failed.
    """
    rows = LinkCursor.objects.filter(shard=state.shard).values_list("gateway", *Cursor.__struct_fields__)
    cursors = {gateway: Cursor(*fields) for gateway, *fields in rows}
    gateway = next(iter(cursors)) if len(cursors) == 1 else options.default_gateway
    shard = Shard(state.shard, state.generation, state.commit, now_ms, gateway)
    shard.cursors = cursors
    for row in LedgerCount.objects.filter(shard=state.shard):
        shard.counts[row.outcome, row.reason] = row.count
    twins = Twin.objects.annotate(number=F("device__hash") % options.shards).filter(number=state.shard)
    _add(shard, _members(twins), options, now_ms)
    _load_commands(shard, options, now_ms)
    return shard


def add_members(shard: Shard, options: DevicesOptions, now_ms: int, **where: Any) -> None:
    """Know devices from now on, and what is to be done for them; ``where`` filters Twin."""
    _add(shard, _members(Twin.objects.filter(**where)), options, now_ms)


def _add(shard: Shard, members: Iterable[Member], options: DevicesOptions, now_ms: int) -> None:
    for member in members:
        shard.members[member.key] = member
        checks.watch(shard, member, options)
        if member.uses_desired:
            desired_topic.update(shard.outbox, member, now_ms)


def _members(twins: QuerySet[Twin]) -> Iterator[Member]:
    rows = twins.values_list("device_id", "device__key", "device__stale_after_s", DOC_TEXT)
    for device_id, key, stale_after_s, doc in rows.iterator(chunk_size=_CHUNK):
        yield Member(device_id, key, stale_after_s, doc.encode())


def mend_twins(devices: list[Device]) -> None:
    """Devices that somebody made without twins get them. Safe to repeat."""
    twins = [Twin(device=device, doc=dump(new_twin(None)), rev=0, status="unknown") for device in devices]
    Twin.objects.bulk_create(twins, ignore_conflicts=True)


def _load_commands(shard: Shard, options: DevicesOptions, now_ms: int) -> None:
    rows = Command.objects.annotate(number=F("device__hash") % options.shards)
    rows = rows.filter(number=shard.number, status__in=OPEN).order_by("created_at")
    for pk, key, expires_at in rows.values_list("pk", "device__key", "expires_at").iterator(chunk_size=_CHUNK):
        shard.outbox.open(pk, key, int(expires_at.timestamp() * 1000), now_ms)
