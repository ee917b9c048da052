"""The shards' memory of what they committed of a broker's session (bridge.redelivery): read, written, forgotten."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from django.db.models import Max, QuerySet
from msgspec import Struct

from bridge.messages import Batch
from bridge.redelivery import DeliveryHistory, Past, Record, pack, past, unpack
from devices.models import RecentDeliveries
from devices.worker.memory.bulk_writes import Table

_FORGET_AT_LEAST, _FORGET_AT_MOST = 50, 500  # rows in a transaction
GONE_AFTER_MS: Final = 12 * 3_600_000  # a session that a newer one has followed, since its last delivery
_RECENT: Final = Table(RecentDeliveries, ("shard", "gateway", "session", "epoch", "connection_count", "packed"))


class NewRecord(Struct, frozen=True):
    """What a batch adds to its shard's memory, and whose it is."""

    shard: int
    gateway: str
    session: int
    record: Record


def history_for(batch: Batch, known: DeliveryHistory | None) -> DeliveryHistory:
    """What the batch's shard remembers of its session, ready for the batch's connection.

    Five queries at a connection's first batch, and one more if ``known`` is of another session or None.

    Raises:
        django.db.Error: the database failed.
    """
    history = known if known is not None and known.session == batch.session else _stored(batch)
    if history.epoch != batch.epoch:
        history.begin(batch.epoch, _past(batch))
    return history


def _stored(batch: Batch) -> DeliveryHistory:
    rows = RecentDeliveries.objects.filter(shard=batch.shard, gateway=batch.gateway, session=batch.session)
    columns = rows.order_by("pk").values_list("epoch", "connection_count", "packed", "pk")
    return DeliveryHistory(
        batch.session,
        [unpack(epoch, connection_count, packed, pk) for epoch, connection_count, packed, pk in columns.iterator()],
    )


def _past(batch: Batch) -> Past:
    of_session = RecentDeliveries.objects.filter(gateway=batch.gateway, session=batch.session)
    former = of_session.filter(epoch__lt=batch.epoch)
    connection_count = dict(former.values_list("epoch").annotate(connection_count=Max("connection_count")))
    return past(
        by_shard=_newest(former, "shard"),
        by_connection=_newest(former, "epoch"),
        connection_count=connection_count,
        during=_newest(of_session.filter(epoch=batch.epoch), "shard"),
        later=_newest(of_session.filter(epoch__gt=batch.epoch), "epoch"),
    )


def _newest(rows: QuerySet[RecentDeliveries], group: str) -> list[Record]:
    newest = rows.order_by().values(group).annotate(newest=Max("pk")).values("newest")
    columns = RecentDeliveries.objects.filter(pk__in=newest).values_list("epoch", "connection_count", "packed")
    return [unpack(epoch, connection_count, packed) for epoch, connection_count, packed in columns]


def store(new: Sequence[NewRecord]) -> None:
    """Write what is to be known again should the broker deliver it once more."""
    rows = [
        (one.shard, one.gateway, one.session, one.record.epoch, one.record.connection_count, pack(one.record))
        for one in new
    ]

    def told(keys: list[int]) -> None:
        for one, key in zip(new, keys, strict=True):
            one.record.key = key

    _RECENT.insert(rows, told)


def forget_outdated(histories: Iterable[DeliveryHistory]) -> None:
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
    columns = RecentDeliveries.objects.filter(pk__in=followed).values_list("epoch", "connection_count", "packed", "pk")
    for epoch, connection_count, packed, pk in columns:
        if unpack(epoch, connection_count, packed).at_ms < now_ms - GONE_AFTER_MS:
            shard, gateway, session = followed[pk]
            RecentDeliveries.objects.filter(shard=shard, gateway=gateway, session=session).delete()
