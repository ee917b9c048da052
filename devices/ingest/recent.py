"""The shards' memory of what they committed of a broker's session (bridge.redelivery): read, written, forgotten."""

from collections.abc import Collection, Iterable
from typing import Final

from django.db.models import Max

from bridge.messages import Batch
from bridge.redelivery import History, Record, pack, unpack
from devices.models import RecentDeliveries

_FORGET_AT_LEAST, _FORGET_AT_MOST = 50, 500  # rows in a transaction
GONE_AFTER_MS: Final = 12 * 3_600_000  # a session that a newer one has followed, since its last delivery


def history_for(batch: Batch, known: History | None) -> History:
    """What the batch's shard remembers of its session, ready for the batch's connection.

    Two queries at a connection's first batch, and two more if ``known`` is of another session or None.

    Raises:
        django.db.Error: the database failed.
    """
    history = known if known and known.session == batch.session else _stored(batch)
    if history.epoch != batch.epoch:
        history.begin(batch.epoch, _base(batch))
    return history


def _stored(batch: Batch) -> History:
    rows = RecentDeliveries.objects.filter(shard=batch.shard, gateway=batch.gateway, session=batch.session)
    columns = rows.order_by("pk").values_list("epoch", "position", "packed", "pk")
    records = [unpack(epoch, position, packed, pk) for epoch, position, packed, pk in columns.iterator()]
    return History(batch.session, records)


def _base(batch: Batch) -> int:
    """The distinct deliveries that all shards have recorded in the session's former connections."""
    of_session = RecentDeliveries.objects.filter(gateway=batch.gateway, session=batch.session)
    newest = of_session.filter(epoch__lt=batch.epoch).values("shard").annotate(newest=Max("pk")).values("newest")
    rows = RecentDeliveries.objects.filter(pk__in=newest).values_list("epoch", "position", "packed")
    return sum(unpack(epoch, position, packed).total for epoch, position, packed in rows)


def store(shard: int, gateway: str, session: int, records: Iterable[Record]) -> None:
    """Write the records of new batches, in one statement."""
    records = list(records)
    rows = [
        RecentDeliveries(
            shard=shard,
            gateway=gateway,
            session=session,
            epoch=record.epoch,
            position=record.position,
            packed=pack(record),
        )
        for record in records
    ]
    for record, row in zip(records, RecentDeliveries.objects.bulk_create(rows), strict=True):
        record.key = row.pk


def forget_outdated(histories: Iterable[History]) -> None:
    """Remove rows that lie beyond the window, in portions."""
    keys = [record.key for history in histories for record in history.outdated(_FORGET_AT_LEAST, _FORGET_AT_MOST)]
    if keys:
        RecentDeliveries.objects.filter(pk__in=keys).delete()


def forget_gone_sessions(shards: Collection[int], now_ms: int) -> None:
    """Remove what these shards keep of sessions that are over, as far as we can know.

    A newer session of the same gateway has followed, and ``GONE_AFTER_MS`` have passed since the shard's last delivery
    in the old one. (Not at once: the gateway may have gone to another broker, and come back.)
    """
    newest = RecentDeliveries.objects.values("shard", "gateway", "session").annotate(newest=Max("pk"))
    sessions = list(newest.values_list("shard", "gateway", "session", "newest"))
    latest = {gateway: session for _, gateway, session, _ in sorted(sessions, key=lambda row: row[2])}
    followed = {row[3]: row[:3] for row in sessions if row[0] in shards and row[2] < latest[row[1]]}
    columns = RecentDeliveries.objects.filter(pk__in=followed).values_list("epoch", "position", "packed", "pk")
    for epoch, position, packed, pk in columns:
        if unpack(epoch, position, packed).at_ms < now_ms - GONE_AFTER_MS:
            shard, gateway, session = followed[pk]
            RecentDeliveries.objects.filter(shard=shard, gateway=gateway, session=session).delete()
