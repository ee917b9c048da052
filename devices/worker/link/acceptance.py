"""The worker's side of the link: what is applied, what was applied before, and what the gateways are told.

The rules are bridge.link for batches and bridge.redelivery for the deliveries in them. What a shard's owner knows of
its gateways is stored here: how far their batches are applied, and the ledger of deliveries.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import structs

from bridge.link import Cursor, judge
from bridge.messages import Batch, Delivery, LinkAck
from devices.models import LedgerCount, LinkCursor
from devices.worker.link import delivery_history
from devices.worker.link.delivery_history import NewRecord
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Shard

Reply = tuple[str, LinkAck]  # channel and message

_CURSORS: Final = Table(
    LinkCursor, ("shard", "gateway", *Cursor.__struct_fields__), ("shard", "gateway"), Cursor.__struct_fields__
)
_COUNT_KEY: Final = ("shard", "outcome", "reason")
_COUNTS: Final = Table(LedgerCount, (*_COUNT_KEY, "count"), _COUNT_KEY, ("count",))


class Acceptance:
    """Judges a round's batches of one shard. Moves the shard's cursors: valid only if the transaction commits."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self._replies: dict[tuple[str, int, str], bool] = {}  # (gateway, epoch, channel) → gap
        self.records: list[NewRecord] = []
        self.moved: set[str] = set()  # gateways whose cursor has moved
        self.connected: set[str] = set()  # gateways with a new connection to their broker
        self.forgotten: set[str] = set()  # those whose broker has begun a new session: it has lost its memory
        self.counts: Counter[tuple[str, str]] = Counter()  # for the ledger: what gateways say that we got; duplicates

    def deliveries(self, batches: Iterable[Batch]) -> Iterator[tuple[str, Delivery]]:
        """Those to apply, with their gateway, in order: each gateway's batches by number, however they came.

        Raises:
            django.db.Error: the database failed.
        """
        for batch in sorted(batches, key=lambda batch: (batch.gateway, batch.epoch, batch.seq)):
            if self._applies(batch):
                for delivery in self._sifted(batch):
                    yield batch.gateway, delivery

    def _applies(self, batch: Batch) -> bool:
        cursor = self.shard.cursors.get(batch.gateway, Cursor())
        verdict = judge(cursor, batch.epoch, batch.seq)
        if verdict == "outdated":
            return False
        reply = (batch.gateway, batch.epoch, batch.reply_to)
        self._replies[reply] = self._replies.get(reply, False) or verdict == "gap"
        if verdict != "apply":
            return False
        if batch.epoch != cursor.epoch:
            self.connected.add(batch.gateway)
            if batch.session > cursor.epoch:
                self.forgotten.add(batch.gateway)
        self.counts["received", ""] += cursor.newly_taken(batch)
        self.shard.cursors[batch.gateway] = cursor.after(batch)
        self.moved.add(batch.gateway)
        return True

    def _sifted(self, batch: Batch) -> tuple[Delivery, ...]:
        histories = self.shard.histories
        history = histories.get(batch.gateway)
        if history is None or (history.session, history.epoch) != (batch.session, batch.epoch):
            history = histories[batch.gateway] = delivery_history.history_for(batch, history)
        sifted = history.sift(batch)
        self.counts["duplicate", ""] += sifted.duplicates
        if sifted.record:
            self.records.append(NewRecord(batch.shard, batch.gateway, batch.session, sifted.record))
        return sifted.fresh

    def replies(self) -> Iterator[Reply]:
        """One acknowledgement a gateway, connection and channel: for after the commit."""
        for (gateway, epoch, channel), gap in self._replies.items():
            cursor = self.shard.cursors.get(gateway, Cursor())
            if epoch == cursor.epoch:
                former = (cursor.former_epoch, cursor.former_seq)
                yield channel, LinkAck(self.shard.number, gateway, epoch, cursor.seq + 1, gap, *former)
            elif epoch > cursor.epoch:  # its first batch is missing; until that is here, the former epoch may go on
                yield channel, LinkAck(self.shard.number, gateway, epoch, 1, gap)


# Rows ------------------------------------------------------------------------------------------------------------


def load_gateways(shard: Shard) -> None:
    """Read what is known of its gateways, and its ledger.

    Raises:
        django.db.Error: the database failed.
    """
    rows = LinkCursor.objects.filter(shard=shard.number).values_list("gateway", *Cursor.__struct_fields__)
    shard.cursors = {gateway: Cursor(*fields) for gateway, *fields in rows}
    for row in LedgerCount.objects.filter(shard=shard.number):
        shard.counts[row.outcome, row.reason] = row.count


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
