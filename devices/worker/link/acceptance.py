"""The worker's side of the link: what is applied, what was applied before, and what the gateways are told.

The rules are bridge.link for batches and bridge.redelivery for the deliveries in them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from bridge.link import Cursor, judge
from bridge.messages import Batch, Delivery, LinkAck
from devices.worker.link import delivery_history
from devices.worker.link.delivery_history import NewRecord
from devices.worker.memory.shard import Shard

Reply = tuple[str, LinkAck]  # channel and message


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
