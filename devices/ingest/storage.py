"""Writing what operations came to. A row that the database refuses never costs its neighbours anything.

All goes in a few bulk statements under one savepoint. If they fail over data, the devices are halved until those with
the culprit are found; their operations are then carried out and stored one by one, and the one that is refused goes to
quarantine as ``storage_error``, in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import DataError, IntegrityError, transaction
from msgspec import structs

from bridge.link import Cursor
from devices.ingest import replays
from devices.ingest.operations import Effects, Operation, Rules, carry_out, set_aside
from devices.ingest.ownership import check_fence
from devices.ingest.shard import Member, Shard
from devices.models import Event, LedgerCount, LinkCursor, Quarantined, Reading, Twin
from devices.registry import forget_device
from devices.rules.twin import dump

log = structlog.get_logger(__name__)

# What drivers raise over a value: they refuse some themselves, before the server sees them.
_REFUSED: Final = (DataError, IntegrityError, ValueError, OverflowError)
_TWIN_COLUMNS: Final = ("doc", "rev", "status", "tags")


@dataclass(slots=True)
class Work:
    """Operations on one device and what they came to."""

    member: Member
    operations: Sequence[Operation]
    effects: Effects


def carried_out(member: Member, operations: Sequence[Operation], rules: Rules) -> Work:
    """Carry operations out, to be stored by :func:`store`."""
    return Work(member, operations, carry_out(member, operations, rules))


def store(works: Sequence[Work], rules: Rules, shard: Shard) -> None:
    """Write the effects of all works, devices of ``shard``; those of a refused operation are replaced in its work.

    Raises:
        ShardLost: no wonder that a row is refused: its new owner has written it.
        django.db.Error: the database failed; the transaction is to be given up.
    """
    if not works:
        return
    try:
        with transaction.atomic():
            _insert([work.effects for work in works])
    except _REFUSED as error:
        check_fence(shard)
        if len(works) == 1:
            log.warning("the database refused a row", device=works[0].member.key, error=str(error))
            _store_one_by_one(works[0], rules)
        else:
            middle = len(works) // 2
            store(works[:middle], rules, shard)
            store(works[middle:], rules, shard)


def _store_one_by_one(work: Work, rules: Rules) -> None:
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
        Reading(
            device_id=one.member.id,
            rev=new.rev,
            ts=new.ts,
            received_ms=new.received_ms,
            metrics=new.metrics,
            clamped=new.clamped,
        )
        for one in staying
        for new in one.readings
    ]
    events = [
        Event(device_id=one.member.id, rev=new.rev, name=new.name, data=new.data, ts=new.ts)
        for one in staying
        for new in one.events
    ]
    Reading.objects.bulk_create(readings)
    Event.objects.bulk_create(events)
    Quarantined.objects.bulk_create([row for one in staying for row in one.quarantined])
    replays.store(replayed for one in staying for replayed in one.replayed)
    _upsert_twins(staying)


def _upsert_twins(effects: Iterable[Effects]) -> None:
    rows = []
    for one in effects:
        twin = one.member.twin
        doc, status = dump(twin), twin.presence.status
        one.member.stored(doc)
        rows.append(Twin(device_id=one.member.id, doc=doc, rev=twin.rev, status=status, tags=twin.tags))
    Twin.objects.bulk_create(rows, update_conflicts=True, unique_fields=["device"], update_fields=_TWIN_COLUMNS)


def _delete(effects: Iterable[Effects]) -> None:
    """The device goes; where its revs ended is kept."""
    for one in effects:
        forget_device(one.member.id, one.member.key, one.member.twin.rev)


def store_cursors(shard: Shard, gateways: Iterable[str]) -> None:
    """Write how far these gateways' batches are applied."""
    rows = [_cursor_row(shard.number, gateway, shard.cursors[gateway]) for gateway in gateways]
    LinkCursor.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["shard", "gateway"], update_fields=Cursor.__struct_fields__
    )


def _cursor_row(shard: int, gateway: str, cursor: Cursor) -> LinkCursor:
    return LinkCursor(shard=shard, gateway=gateway, **structs.asdict(cursor))


def store_counts(shard: Shard, counted: Counter[tuple[str, str]]) -> None:
    """Add to the shard's ledger. Written as totals, which only the shard's owner knows: one statement for all."""
    shard.counts += counted
    rows = [
        LedgerCount(shard=shard.number, outcome=outcome, reason=reason, count=shard.counts[outcome, reason])
        for outcome, reason in counted
    ]
    LedgerCount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["shard", "outcome", "reason"], update_fields=["count"]
    )
