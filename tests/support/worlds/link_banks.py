"""Workers for tests.support.worlds.link_world: one of pure parts and dictionaries, the real one and its database."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from unittest import mock

from django.db import DatabaseError
from django.db.models import Sum

from bridge.link import Cursor, judge
from bridge.messages import Batch, LinkAck
from bridge.redelivery import DeliveryHistory, Past, Record, pack, past, unpack
from devices.models import LedgerCount, LinkCursor, Reading
from devices.worker.link import uplink
from tests.support.worlds.deliveries import NOW_MS
from tests.support.worlds.ingest_worker import Worker
from tests.support.worlds.link_gateway import SHARDS
from tests.support.worlds.link_world import WINDOW

Packed = tuple[int, int, bytes]  # epoch, connection_count, record

_fresh = count()


@dataclass
class Stored:
    """A shard as its database has it."""

    cursor: Cursor = field(default_factory=Cursor)
    records: defaultdict[int, list[Packed]] = field(default_factory=lambda: defaultdict(list))  # by session
    applied: list[tuple[str, int]] = field(default_factory=list)  # device, serial
    counts: Counter[str] = field(default_factory=Counter)


class PureBank:
    """bridge.link and bridge.redelivery, as devices.worker uses them."""

    def __init__(self) -> None:
        self._stored = [Stored() for _ in range(SHARDS)]
        self._histories: dict[int, DeliveryHistory] = {}

    def work(self, batches: Sequence[Batch], *, commits: bool = True) -> list[tuple[str, LinkAck]]:
        acks = []
        for shard in range(SHARDS):
            mine = sorted((one for one in batches if one.shard == shard), key=lambda one: (one.epoch, one.seq))
            acks += self._shard(shard, mine, commits=commits)
        if not commits:
            self.die()
        return acks if commits else []

    def _shard(self, number: int, batches: Sequence[Batch], *, commits: bool) -> list[tuple[str, LinkAck]]:
        stored, acks = self._stored[number], []
        cursor, new = stored.cursor, Stored()
        for batch in batches:
            verdict = judge(cursor, batch.epoch, batch.seq)
            if verdict == "apply":
                new.counts["received"] += cursor.newly_taken(batch)
                cursor = cursor.after(batch)
                self._apply(batch, new)
            if verdict != "outdated":
                acks.append((batch.reply_to, _ack(batch, cursor, gap=verdict == "gap")))
        if commits:
            stored.cursor = cursor
            stored.applied += new.applied
            stored.counts += new.counts
            for session, records in new.records.items():
                stored.records[session] += records
            self._purge(stored, self._histories.get(number))
        return acks

    def _apply(self, batch: Batch, new: Stored) -> None:
        sifted = self._history(batch).sift(batch)
        new.applied += [(one.source, one.received_ms - NOW_MS) for one in sifted.fresh]
        new.counts += Counter(applied=len(sifted.fresh), duplicate=sifted.duplicates)
        if record := sifted.record:
            new.records[batch.session].append(_packed(record))

    def _history(self, batch: Batch) -> DeliveryHistory:
        history = self._histories.get(batch.shard)
        if history is None or history.session != batch.session:
            records = self._stored[batch.shard].records[batch.session]
            history = self._histories[batch.shard] = DeliveryHistory(
                batch.session, [unpack(*one) for one in records], WINDOW
            )
        if history.epoch != batch.epoch:
            history.begin(batch.epoch, self._past(batch))
        return history

    def _purge(self, stored: Stored, history: DeliveryHistory | None) -> None:
        gone = {_packed(record) for record in history.outdated(1, 1_000)} if history else set()
        if history and gone:
            kept = [one for one in stored.records[history.session] if one not in gone]
            stored.records[history.session] = kept

    def _past(self, batch: Batch) -> Past:
        """The newest ones are those that stand last, as in the database's queries."""
        stored = [[unpack(*one) for one in its.records[batch.session]] for its in self._stored]
        former = [[one for one in records if one.epoch < batch.epoch] for records in stored]
        during = [[one for one in records if one.epoch == batch.epoch] for records in stored]
        connection_count: dict[int, int] = {}
        for one in chain(*former):
            connection_count[one.epoch] = max(one.connection_count, connection_count.get(one.epoch, 0))
        return past(
            by_shard=[records[-1] for records in former if records],
            by_connection={one.epoch: one for one in chain(*former)}.values(),
            connection_count=connection_count,
            during=[records[-1] for records in during if records],
            later={one.epoch: one for one in chain(*stored) if one.epoch > batch.epoch}.values(),
        )

    def die(self) -> None:
        self._histories.clear()

    def cursor(self, shard: int) -> Cursor:
        return self._stored[shard].cursor

    def counts(self, shard: int) -> Counter[str]:
        return self._stored[shard].counts.copy()

    @property
    def applied(self) -> dict[str, list[int]]:
        """Serials by device, in order."""
        out: dict[str, list[int]] = {}
        for device, serial in (pair for stored in self._stored for pair in stored.applied):
            out.setdefault(device, []).append(serial)
        return out


def _packed(record: Record) -> Packed:
    return record.epoch, record.connection_count, pack(record)


def _ack(batch: Batch, cursor: Cursor, *, gap: bool) -> LinkAck:
    if cursor.epoch != batch.epoch:
        return LinkAck(batch.shard, batch.gateway, batch.epoch, 1, gap)
    former = (cursor.former_epoch, cursor.former_seq)
    return LinkAck(batch.shard, batch.gateway, batch.epoch, cursor.seq + 1, gap, *former)


class KeeperBank:
    """devices.worker on the test's database. Its workers have the shards one after the other."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self.die()

    def work(self, batches: Sequence[Batch], *, commits: bool = True) -> list[tuple[str, LinkAck]]:
        if commits:
            return self.worker.take(*batches).acks
        gone = DatabaseError("gone")
        with contextlib.suppress(DatabaseError), mock.patch.object(uplink, "store_counts", side_effect=gone):
            self.worker.take(*batches)
        return []

    def die(self) -> None:
        self.worker = Worker(f"worker {next(_fresh)}")

    def cursor(self, shard: int) -> Cursor:
        rows = LinkCursor.objects.filter(shard=shard, gateway=self._gateway)
        return next((Cursor(*fields) for fields in rows.values_list(*Cursor.__struct_fields__)), Cursor())

    def counts(self, shard: int) -> Counter[str]:
        rows = LedgerCount.objects.filter(shard=shard).values_list("outcome").annotate(total=Sum("count"))
        return Counter(dict(rows))

    @property
    def applied(self) -> dict[str, list[int]]:
        """Serials of telemetry by device, in rev order."""
        out: dict[str, list[int]] = {}
        rows = Reading.objects.order_by("device", "rev").values_list("device__key", "received_ms")
        for device, received_ms in rows:
            out.setdefault(device, []).append(received_ms - NOW_MS)
        return out
