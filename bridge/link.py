"""The reliable link gateway → worker over a layer that may drop, repeat and reorder. All its transitions live here.

Go-back-N with cumulative acknowledgements, per gateway, epoch and shard:

    Window (gateway)                      judge (worker)
    push    number and keep the batch     seq = cursor+1              apply   (cursor moves in the effect's commit)
    acked   drop what is committed        seq ≤ cursor                repeat  (ack again, apply nothing)
    gap     send again from next_seq      seq > cursor+1              gap     (ack with gap=True)
    silence send all again                epoch < cursor.epoch        outdated
    new connection: a new Window          epoch > cursor.epoch        as if the cursor stood at 0 of that epoch

ArrivalOrder turns committed batches of many shards into PUBACKs in the order of arrival (MQTT-4.6.0-2).
"""

from collections import deque
from typing import Final, Literal

from msgspec import Struct

from bridge.messages import Batch, Delivery, LinkAck

Judgement = Literal["apply", "repeat", "gap", "outdated"]

MAX_IN_FLIGHT: Final = 12_288  # QoS 1 deliveries without PUBACK, whatever a gateway's settings (see bridge.redelivery)


class Cursor(Struct, frozen=True):
    """How far a shard has applied one gateway's batches: all of ``epoch`` up to ``seq``."""

    epoch: int = 0
    seq: int = 0
    delivery_count: int = 0  # deliveries of ``epoch`` up to ``seq``, as the gateway counted them
    former_epoch: int = 0  # the epoch before, as far as this shard has heard of it
    former_seq: int = 0  # how far that one was applied

    def after(self, batch: Batch) -> "Cursor":
        """The cursor once ``batch`` is applied."""
        if batch.epoch == self.epoch:
            return Cursor(batch.epoch, batch.seq, batch.delivery_count, self.former_epoch, self.former_seq)
        return Cursor(batch.epoch, batch.seq, batch.delivery_count, self.epoch, self.seq)

    def newly_taken(self, batch: Batch) -> int:
        """How many deliveries ``batch`` adds, as the gateway counted them."""
        return batch.delivery_count - (self.delivery_count if batch.epoch == self.epoch else 0)


def judge(cursor: Cursor, epoch: int, seq: int) -> Judgement:
    """What the worker does with a batch ``(epoch, seq)``."""
    if epoch < cursor.epoch:
        return "outdated"
    applied = cursor.seq if epoch == cursor.epoch else 0
    if seq <= applied:
        return "repeat"
    return "apply" if seq == applied + 1 else "gap"


class Window:
    """The gateway's side of one shard in one epoch: numbers batches, keeps them until committed.

    Args:
        limit: at most so many batches are under way; callers ask :attr:`open` first.
    """

    def __init__(
        self, shard: int, gateway: str, epoch: int, reply_to: str, limit: int = 2, *, session: int = 0
    ) -> None:
        self._shard, self._gateway, self._epoch, self._reply_to = shard, gateway, epoch, reply_to
        self._limit, self._session = limit, session
        self._next_seq = 1
        self._taken = 0
        self._under_way: deque[Batch] = deque()

    @property
    def open(self) -> bool:
        """Whether another batch may be sent now."""
        return len(self._under_way) < self._limit

    @property
    def under_way(self) -> tuple[Batch, ...]:
        """The batches sent and not known to be committed, oldest first: what a resend sends."""
        return tuple(self._under_way)

    @property
    def delivery_count(self) -> int:
        """How many deliveries were numbered in this epoch."""
        return self._taken

    def push(self, deliveries: tuple[Delivery, ...], position: int = 0) -> Batch:
        """Number a batch; it stays under way until acknowledged. ``position`` as in Batch.

        Raises:
            ValueError: the window is full.
        """
        if not self.open:
            raise ValueError(f"window of shard {self._shard} is full")
        self._taken += len(deliveries)
        batch = Batch(
            self._shard,
            self._gateway,
            self._epoch,
            self._next_seq,
            self._reply_to,
            deliveries,
            self._session,
            position,
            self._taken,
        )
        self._next_seq += 1
        self._under_way.append(batch)
        return batch

    def acknowledge(self, ack: LinkAck) -> tuple[Batch, ...]:
        """The batches that this acknowledgement newly shows to be committed. Foreign or stale ones give none."""
        if (ack.shard, ack.gateway, ack.epoch) != (self._shard, self._gateway, self._epoch):
            return ()
        committed = []
        while self._under_way and self._under_way[0].seq < ack.next_seq:
            committed.append(self._under_way.popleft())
        return tuple(committed)


class ArrivalOrder:
    """Packet ids in arrival order; gives out those whose whole past is finished. MQTT-4.6.0-2."""

    def __init__(self) -> None:
        self._packet_ids: deque[int] = deque()
        self._finished: deque[bool] = deque()
        self._positions: deque[int] = deque()
        self._new = 0
        self.first = 0  # tickets below it are given out

    def __len__(self) -> int:
        return len(self._packet_ids)

    def arrived(self, packet_id: int, *, dup: bool = False) -> int:
        """Note one QoS 1 delivery, redelivered or new; the ticket to finish it with: 0, 1, 2, …"""
        self._packet_ids.append(packet_id)
        self._finished.append(False)
        self._new += not dup
        self._positions.append(self._new)
        return self.end - 1

    @property
    def end(self) -> int:
        """The next ticket."""
        return self.first + len(self._packet_ids)

    def position(self, ticket: int) -> int:
        """How many new deliveries (without DUP) arrived up to this one, which is not given out yet."""
        return self._positions[ticket - self.first] if ticket >= self.first else 0

    def finish(self, ticket: int) -> None:
        """This delivery's effect is committed (or it has none). A ticket already given out is ignored."""
        if ticket >= self.first:
            self._finished[ticket - self.first] = True

    def ready(self) -> list[int]:
        """Packet ids to PUBACK now, in order; each is given out once."""
        out = []
        while self._finished and self._finished[0]:
            self._finished.popleft()
            self._positions.popleft()
            out.append(self._packet_ids.popleft())
            self.first += 1
        return out
