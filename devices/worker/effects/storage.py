"""Writing what operations came to. A row that the database refuses never costs its neighbours anything.

All shards' goes in a few bulk statements under one savepoint. If they fail over data, the devices are halved until
those with the culprit are found; their operations are then carried out and stored one by one, and the one that is
refused goes to quarantine as ``storage_error``, in the same transaction.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import structlog
from django.db import DataError, IntegrityError, transaction
from msgspec import json

from devices.models import Twin
from devices.requests.registry import forget_devices
from devices.rules.twin import MANY_METRICS, dump, dump_grouped
from devices.worker.effects.hooks import Hooks
from devices.worker.effects.operations import DeviceWork, Effects, carry_out
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Shard
from devices.worker.ownership.fence import check_fence

log = structlog.get_logger(__name__)

# What is raised over a value: some are refused before the server sees them.
REFUSED: Final = (DataError, IntegrityError, ValueError, OverflowError)
_TWIN_FIELDS: Final = ("doc", "rev", "status", "tags")
_TWINS: Final = Table(Twin, ("device", *_TWIN_FIELDS, "purged_rev"), ("device",), _TWIN_FIELDS)
_encode = json.Encoder().encode


def store(works: Sequence[DeviceWork], hooks: Hooks, shards: Collection[Shard], *, gathers: bool = False) -> None:
    """Write the effects of all works, devices of ``shards``; those of a refused operation are replaced in its work.

    If the transaction ``gathers``, it is told by its last statement that a row was refused, and carried out anew.

    Raises:
        ShardLostError: no wonder that a row is refused: its new owner has written it.
        django.db.Error: the database failed; the transaction is to be given up.
    """
    if not works:
        return
    if gathers:
        _insert([work.effects for work in works], hooks)
        return
    before = transaction.savepoint()  # not released when all is well: the commit does that, too
    try:
        _insert([work.effects for work in works], hooks)
    except REFUSED as error:
        transaction.set_rollback(False)  # Django's own writes have asked for it when they failed
        transaction.savepoint_rollback(before)
        check_fence(shards)
        _store_apart(works, hooks, error)


def _store_apart(works: Sequence[DeviceWork], hooks: Hooks, error: Exception) -> None:
    """Store works that were refused together."""
    if len(works) == 1:
        log.warning("the database refused a row", device=works[0].member.key, error=str(error))
        _store_one_by_one(works[0], hooks)
        return
    for half in (works[: len(works) // 2], works[len(works) // 2 :]):
        try:
            with transaction.atomic():
                _insert([work.effects for work in half], hooks)
        except REFUSED as again:
            _store_apart(half, hooks, again)


def _store_one_by_one(work: DeviceWork, hooks: Hooks) -> None:
    work.member.reload()
    whole = Effects(work.member, work.member.twin.rev)
    for operation in work.operations:
        part = carry_out(work.member, [operation], hooks.appliers).effects
        try:
            with transaction.atomic():
                _insert([part], hooks)
        except REFUSED:
            work.member.reload()
            part = Effects(work.member, work.member.twin.rev)
            operation.set_aside(part, "storage_error")
            _insert([part], hooks)
        whole.add(part)
    work.effects = whole


def _insert(effects: Sequence[Effects], hooks: Hooks) -> None:
    _delete(one for one in effects if one.gone)
    staying = [one for one in effects if not one.gone]
    for store_rows in hooks.store:
        store_rows(staying)
    _TWINS.write([_twin_row(one) for one in staying])


def _twin_row(one: Effects) -> Row:
    member, twin = one.member, one.member.twin
    doc = dump(twin) if len(twin.metrics) <= MANY_METRICS else dump_grouped(twin)
    member.stored(doc)
    return member.id, doc.decode(), twin.rev, twin.presence.status, _encode(twin.tags).decode(), 0


def _delete(effects: Iterable[Effects]) -> None:
    """The devices go; where their revs ended is kept."""
    gone = {one.member.id: (one.member.key, one.member.twin.rev) for one in effects}
    if gone:
        forget_devices(gone)
