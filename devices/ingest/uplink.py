"""The worker's side of the link (bridge.link): which batches are applied, and what their gateways are told."""

from collections.abc import Iterable, Iterator

from bridge.link import Cursor, judge
from bridge.messages import Batch, Delivery, LinkAck
from devices.ingest.shard import Shard

Reply = tuple[str, LinkAck]  # channel and message


class Acceptance:
    """Judges a round's batches of one shard. Moves the shard's cursors: valid only if the transaction commits."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._replies: dict[tuple[str, int, str], bool] = {}  # (gateway, epoch, channel) → gap
        self.moved: set[str] = set()  # gateways whose cursor has moved
        self.new_connection = False  # of a gateway to its broker

    def deliveries(self, batches: Iterable[Batch]) -> Iterator[Delivery]:
        """Those to apply, in order: each gateway's batches by number, however they came."""
        for batch in sorted(batches, key=lambda batch: (batch.gateway, batch.epoch, batch.seq)):
            yield from self._judged(batch)

    def _judged(self, batch: Batch) -> tuple[Delivery, ...]:
        cursor = self._shard.cursors.get(batch.gateway, Cursor())
        verdict = judge(cursor, batch.epoch, batch.seq)
        if verdict == "outdated":
            return ()
        reply = (batch.gateway, batch.epoch, batch.reply_to)
        self._replies[reply] = self._replies.get(reply, False) or verdict == "gap"
        if verdict != "apply":
            return ()
        self.new_connection |= batch.epoch != cursor.epoch
        self._shard.cursors[batch.gateway] = Cursor(batch.epoch, batch.seq)
        self._shard.gateway = batch.gateway
        self.moved.add(batch.gateway)
        return batch.deliveries

    def replies(self) -> Iterator[Reply]:
        """One acknowledgement a gateway, connection and channel: for after the commit."""
        for (gateway, epoch, channel), gap in self._replies.items():
            cursor = self._shard.cursors.get(gateway, Cursor())
            if epoch >= cursor.epoch:
                next_seq = cursor.seq + 1 if epoch == cursor.epoch else 1
                yield channel, LinkAck(self._shard.number, gateway, epoch, next_seq, gap)
