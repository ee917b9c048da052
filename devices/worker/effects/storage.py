"""Writing what operations came to. A row that the database refuses never costs its neighbours anything.

All shards' goes in a few bulk statements under one savepoint. If they fail over data, the devices are halved until
those with the culprit are found; their operations are then carried out and stored one by one, and the one that is
refused goes to quarantine as ``storage_error``, in the same transaction.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import DataError, IntegrityError, transaction
from msgspec import json, structs

from bridge.link import Cursor
from devices.models import Event, LedgerCount, LinkCursor, Quarantined, Reading, Twin
from devices.requests.registry import forget_device
from devices.rules.twin import dump
from devices.worker.effects import replays
from devices.worker.effects.operations import Effects, Operation, Rules, carry_out, set_aside
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Member, Shard
from devices.worker.ownership.fence import check_fence

log = structlog.get_logger(__name__)

# What drivers raise over a value: they refuse some themselves, before the server sees them.
_REFUSED: Final = (DataError, IntegrityError, ValueError, OverflowError)
_READINGS: Final = Table(Reading, ("device", "rev", "ts", "received_ms", "metrics", "clamped"))
_TWIN_FIELDS: Final = ("doc", "rev", "status", "tags")
_TWINS: Final = Table(Twin, ("device", *_TWIN_FIELDS, "purged_rev"), ("device",), _TWIN_FIELDS)
_CURSORS: Final = Table(
    LinkCursor, ("shard", "gateway", *Cursor.__struct_fields__), ("shard", "gateway"), Cursor.__struct_fields__
)
_COUNT_KEY: Final = ("shard", "outcome", "reason")
_COUNTS: Final = Table(LedgerCount, (*_COUNT_KEY, "count"), _COUNT_KEY, ("count",))
_encode = json.Encoder().encode


@dataclass(slots=True)
class DeviceWork:
    """Operations on one device and what they came to."""

    member: Member
    operations: Sequence[Operation]
    effects: Effects


def carried_out(member: Member, operations: Sequence[Operation], rules: Rules) -> DeviceWork:
    """Carry operations out, to be stored by :func:`store`."""
    return DeviceWork(member, operations, carry_out(member, operations, rules))


def store(works: Sequence[DeviceWork], rules: Rules, shards: Collection[Shard]) -> None:
    """Write the effects of all works, devices of ``shards``; those of a refused operation are replaced in its work.

    Raises:
        ShardLostError: no wonder that a row is refused: its new owner has written it.
        django.db.Error: the database failed; the transaction is to be given up.
    """
    if not works:
        return
    before = transaction.savepoint()  # not released when all is well: the commit does that, too
    try:
        _insert([work.effects for work in works])
    except _REFUSED as error:
        transaction.savepoint_rollback(before)
        transaction.set_rollback(False)  # Django's own writes have asked for it when they failed
        check_fence(shards)
        _store_apart(works, rules, error)


def _store_apart(works: Sequence[DeviceWork], rules: Rules, error: Exception) -> None:
    """Store works that were refused together."""
    if len(works) == 1:
        log.warning("the database refused a row", device=works[0].member.key, error=str(error))
        _store_one_by_one(works[0], rules)
        return
    for half in (works[: len(works) // 2], works[len(works) // 2 :]):
        try:
            with transaction.atomic():
                _insert([work.effects for work in half])
        except _REFUSED as again:
            _store_apart(half, rules, again)


def _store_one_by_one(work: DeviceWork, rules: Rules) -> None:
    work.member.reload()
    whole = Effects(work.member, work.member.twin.rev)
    for operation in work.operations:
        part = carry_out(work.member, [operation], rules)
        try:
            with transaction.atomic():
                _insert([part])
        except _REFUSED:
            work.member.reload()
            part = Effects(work.member, work.member.twin.rev)
            set_aside(part, operation, "storage_error")
            _insert([part])
        whole.add(part)
    work.effects = whole


def _insert(effects: Sequence[Effects]) -> None:
    _delete([one for one in effects if one.gone])
    staying = [one for one in effects if not one.gone]
    readings = [
        (one.member.id, new.rev, new.ts, new.received_ms, new.metrics.decode(), new.clamped)
        for one in staying
        for new in one.readings
    ]
    events = [
        Event(device_id=one.member.id, rev=new.rev, name=new.name, data=new.data, ts=new.ts)
        for one in staying
        for new in one.events
    ]
    _READINGS.write(readings)
    Event.objects.bulk_create(events)
    Quarantined.objects.bulk_create([row for one in staying for row in one.quarantined])
    replays.store(replayed for one in staying for replayed in one.replayed)
    _TWINS.write([_twin_row(one) for one in staying])


def _twin_row(one: Effects) -> Row:
    member, twin = one.member, one.member.twin
    doc = dump(twin)
    member.stored(doc)
    return member.id, doc.decode(), twin.rev, twin.presence.status, _encode(twin.tags).decode(), 0


def _delete(effects: Iterable[Effects]) -> None:
    """The device goes; where its revs ended is kept."""
    for one in effects:
        forget_device(one.member.id, one.member.key, one.member.twin.rev)


def store_cursors(moved: Iterable[tuple[Shard, str]]) -> None:
    """Write how far these shards have applied these gateways' batches."""
    _CURSORS.write([(shard.number, gateway, *structs.astuple(shard.cursors[gateway])) for shard, gateway in moved])


def store_counts(counted: Iterable[tuple[Shard, Counter[tuple[str, str]]]]) -> None:
    """Add to the shards' ledgers. Written as totals, which only a shard's owner knows: one statement for all."""
    rows: list[Row] = []
    for shard, counts in counted:
        shard.counts += counts
        rows += [(shard.number, outcome, reason, shard.counts[outcome, reason]) for outcome, reason in counts]
    _COUNTS.write(rows)
