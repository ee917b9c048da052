"""One shard's part of the uplink: its queue, what is under way, when to send again. Pure; times are passed in.

    put ──> queue ──next_batch──> under way ──acknowledge──> finished: PUBACK
             │                      │
             │ disconnected         │ begin (a new epoch)
             v                      v
          QoS 1: back to the     former: waits for late acknowledgements until the new epoch's first one, which tells
          broker; QoS 0: stay    what was applied; of the rest, QoS 1 is the broker's again, QoS 0 counts as dropped

The queue is bounded: QoS 1 by the in-flight limit that the broker keeps; QoS 0 by ``QOS0_LIMIT`` and ``QOS0_BYTES``,
beyond which only the newest of each topic stays, and what is to be kept, and if those are still too many, the oldest
go. Large deliveries wait in lanes beside it (lanes.py), and of them only one batch is under way at a time: nobody waits
for another's two.
"""

from collections import deque
from typing import Final

from msgspec import Struct

from bridge.link import ArrivalOrder, Window
from bridge.messages import Batch, Delivery, LinkAck
from mqtt_gateway.rules.lanes import (
    BATCH_LIMIT,
    QOS0_BYTES,
    QOS0_LIMIT,
    Entry,
    Lanes,
    Waiting,
    newest_qos0,
)
from runtime.backoff import backoff_s

BATCH_BYTES: Final = 256 * 1024
LARGE_BYTES: Final = 4 * 1024  # of a delivery
OVERHEAD_BYTES: Final = 96  # what a delivery costs beside its topic and payload, about
_PATIENCE_S: Final = 1.0  # without an answer to the oldest batch under way, before all are sent again
_SLOWEST_RESEND_S: Final = 5.0
_GAP_PAUSE_S: Final = 0.1  # several gap answers to the same loss ask for one resend
_STALE_GAPS: Final = 5  # so many in a row, without progress: the worker wants what we no longer have


class InFlightBatch(Struct, frozen=True):
    """What a batch under way carries."""

    tickets: tuple[int, ...]  # of its QoS 1 deliveries, in the epoch's ArrivalOrder
    qos0: int  # how many QoS 0 deliveries
    lanes: bool = False  # some are large


class EpochWindow:
    """One shard in one epoch: the window and what it carries. ``order`` belongs to the epoch's connection."""

    def __init__(self, window: Window, epoch: int, order: ArrivalOrder) -> None:
        self.window, self.epoch, self.order = window, epoch, order
        self._flights: deque[InFlightBatch] = deque()

    @property
    def has_lanes(self) -> bool:
        """Whether large deliveries are under way."""
        return any(flight.lanes for flight in self._flights)

    def push(self, entries: list[Entry], *, lanes: bool = False) -> Batch:
        """Number a batch; ``lanes``: some of it is large."""
        tickets = tuple(ticket for _, ticket, _ in entries if ticket >= 0)
        position = self.order.position(max(tickets)) if tickets else 0
        batch = self.window.push(tuple(delivery for delivery, _, _ in entries), position)
        self._flights.append(InFlightBatch(tickets, len(entries) - len(tickets), lanes))
        return batch

    def acknowledge(self, ack: LinkAck) -> list[InFlightBatch]:
        """The flights that are committed now; their tickets are finished."""
        landed = [self._flights.popleft() for _ in self.window.acknowledge(ack)]
        for flight in landed:
            for ticket in flight.tickets:
                self.order.finish(ticket)
        return landed

    def settle(self, ack: LinkAck) -> list[InFlightBatch]:
        """The flights that the first answer in the next epoch shows to be committed."""
        if ack.former_epoch != self.epoch:
            return []  # nothing of this epoch was applied, or nobody knows any more
        return self.acknowledge(LinkAck(ack.shard, ack.gateway, self.epoch, ack.former_seq + 1))

    def abandon(self) -> "Abandoned":
        """Nobody will acknowledge the rest any more."""
        qos1, qos0 = sum(len(flight.tickets) for flight in self._flights), sum(f.qos0 for f in self._flights)
        self._flights.clear()
        return Abandoned(qos1, qos0)


class Abandoned(Struct, frozen=True):
    """Deliveries that left the gateway's hands without effect."""

    returned: int = 0  # QoS 1: the broker delivers them again
    dropped: int = 0  # QoS 0


class ShardQueue:
    """One shard's queue, and the windows of its present and former epoch.

    Args:
        shard: its number, from 0.
    """

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.queue: Waiting = deque()
        self.lanes: Lanes | None = None  # none is needed
        self.queued_bytes = 0
        self.entered = 0  # deliveries that came into the queue in this epoch and were neither dropped nor handed back
        self.attempts = 0  # of sending what is under way, since the last progress
        self.resend_at_s: float | None = None  # when to send again what is under way
        self._current: EpochWindow | None = None
        self._former: EpochWindow | None = None
        self._open = False  # the window is the present connection's
        self._qos0 = self._qos0_bytes = 0
        self._left = 0  # how many have left the queue, ever
        self._sent_at_s = float("-inf")
        self._stale_gaps = 0

    @property
    def oldest_ms(self) -> int:
        """Unix ms; when the oldest delivery came that is not known to be committed; 0: there is none."""
        windows = [window.window for window in (self._former, self._current) if window]
        times = [one.received_ms for window in windows for batch in window.under_way for one in batch.deliveries]
        times += [waiting[0][0].received_ms for waiting in self.waiting if waiting]
        return min(times, default=0)

    # ------------------------------------------------------------------------------------------- the queue

    def put(self, delivery: Delivery, ticket: int) -> int:
        """Queue one delivery.

        Args:
            delivery: what to hand to the worker.
            ticket: of ArrivalOrder; NO_TICKET or KEEP for QoS 0.

        Returns:
            How many QoS 0 deliveries had to be dropped for it.
        """
        size = len(delivery.payload) + len(delivery.topic) + OVERHEAD_BYTES
        self.queued_bytes += size
        self.entered += 1
        if size > LARGE_BYTES or (self.lanes is not None and delivery.source in self.lanes):
            self.lanes = self.lanes or Lanes()
            self.lanes.put((delivery, ticket, size), self._left + len(self.queue))
        else:
            self.queue.append((delivery, ticket, size))
        if ticket >= 0:
            return 0
        self._qos0 += 1
        self._qos0_bytes += size
        full = self._qos0 > QOS0_LIMIT or self._qos0_bytes > QOS0_BYTES
        return self._keep(newest_qos0(self.queue, self.waiting[1:])) if full else 0

    @property
    def waiting(self) -> list[Waiting]:
        """The queue, and the lanes."""
        return [self.queue, *(self.lanes or ())]

    def _take(self, *, lanes: bool) -> list[Entry]:
        """What one batch may hold; from the lanes only if ``lanes``."""
        entries: list[Entry] = []
        queue, room = self.queue, BATCH_BYTES
        while queue and len(entries) < BATCH_LIMIT and queue[0][2] <= room:
            room -= queue[0][2]
            entries.append(queue.popleft())
        self._left += len(entries)
        if lanes and self.lanes is not None:
            entries += self.lanes.take(self._left, BATCH_LIMIT - len(entries))
            self.lanes = self.lanes if any(self.lanes) else None
        for _, ticket, size in entries:
            self.queued_bytes -= size
            if ticket < 0:
                self._qos0 -= 1
                self._qos0_bytes -= size
        return entries

    def _keep(self, kept: list[Waiting]) -> int:
        """Keep only this of all that waits; how many others there were."""
        before = sum(map(len, self.waiting))
        self.queue = kept[0]
        if self.lanes is not None:
            self.lanes.keep(kept[1:], self._left + len(self.queue))
            self.lanes = self.lanes if any(self.lanes) else None
        left = [entry for waiting in kept for entry in waiting]
        self.queued_bytes = sum(size for _, _, size in left)
        qos0 = [size for _, ticket, size in left if ticket < 0]
        self._qos0, self._qos0_bytes = len(qos0), sum(qos0)
        self.entered -= before - len(left)
        return before - len(left)

    # ----------------------------------------------------------------------------------------- connections

    def disconnected(self) -> Abandoned:
        """The connection is lost: queued QoS 1 deliveries come again; QoS 0 ones wait for the next epoch."""
        kept = [deque(entry for entry in waiting if entry[1] < 0) for waiting in self.waiting]
        returned = self._keep(kept)
        self._open = False
        return Abandoned(returned)

    def begin(self, window: Window, epoch: int, order: ArrivalOrder) -> Abandoned:
        """A new epoch. Its first batch, empty, introduces the gateway to the worker; it is due at once."""
        gone = self._former.abandon() if self._former else Abandoned()
        if self._current:
            self.entered -= self._current.window.delivery_count  # what is left in the queue enters the new epoch
        self._former, self._current = self._current, EpochWindow(window, epoch, order)
        self._current.push([])
        self._open = True
        self.attempts, self.resend_at_s, self._stale_gaps = 0, float("-inf"), 0
        return gone

    def abandon(self) -> Abandoned:
        """Nothing of this will ever be sent (again)."""
        gone = [window.abandon() for window in (self._former, self._current) if window]
        dropped = self._keep([deque() for _ in self.waiting]) + sum(one.dropped for one in gone)
        return Abandoned(sum(one.returned for one in gone), dropped)

    # --------------------------------------------------------------------------------------------- sending

    @property
    def ready(self) -> bool:
        """Whether a batch could leave now."""
        current = self._current
        if not self._open or current is None or not current.window.open:
            return False
        return bool(self.queue) or (self.lanes is not None and not current.has_lanes)

    def next_batch(self, now_s: float, random: float) -> Batch:
        """Number as much of the queue as fits; to be sent now. Only when :attr:`ready`. ``random``: 0 … 1."""
        assert self._current is not None
        before = self._left
        entries = self._take(lanes=not self._current.has_lanes)
        batch = self._current.push(entries, lanes=self._left - before < len(entries))
        if self.resend_at_s is None:  # else an older batch is under way: its time counts
            self._sent_at_s, self.resend_at_s = now_s, now_s + _PATIENCE_S * (1 + random)
        return batch

    def again(self, now_s: float, random: float) -> tuple[Batch, ...]:
        """What to send again now, oldest first; empty before it is due. ``random``: 0 … 1."""
        if self._current is None or self.resend_at_s is None or now_s < self.resend_at_s:
            return ()
        if self.resend_at_s != float("-inf"):  # the first batch of an epoch isn't sent again yet
            self.attempts += 1
        self._wait(now_s, random)
        return self._current.window.under_way

    def _wait(self, now_s: float, random: float) -> None:
        self._sent_at_s = now_s
        self.resend_at_s = now_s + backoff_s(self.attempts, 2 * _PATIENCE_S, _SLOWEST_RESEND_S, random)

    # ----------------------------------------------------------------------------------- acknowledgements

    def acknowledge(self, ack: LinkAck, now_s: float) -> tuple[list[InFlightBatch], Abandoned]:
        """What this acknowledgement finishes, in whichever epoch; and what it shows to be lost for ever."""
        late = self._former.acknowledge(ack) if self._former else []
        if self._current is None:
            return late, Abandoned()
        landed = self._current.acknowledge(ack)
        gone = Abandoned()
        if landed:
            self._progress(now_s)
            if self._former:  # the worker has moved on to this epoch
                late += self._former.settle(ack)
                gone, self._former = self._former.abandon(), None
        elif ack.gap:
            self._gap(ack, now_s)
        return late + landed, gone

    def _progress(self, now_s: float) -> None:
        assert self._current is not None
        self.attempts = self._stale_gaps = 0
        self.resend_at_s = now_s + _PATIENCE_S if self._current.window.under_way else None

    def _gap(self, ack: LinkAck, now_s: float) -> None:
        assert self._current is not None
        if ack.epoch != self._current.epoch:
            return
        under_way = self._current.window.under_way
        if not under_way or ack.next_seq < under_way[0].seq:
            self._stale_gaps += 1
        elif now_s - self._sent_at_s >= _GAP_PAUSE_S:
            self.resend_at_s = now_s

    @property
    def broken(self) -> bool:
        """The worker asks for batches that are long gone: only a new epoch helps."""
        return self._stale_gaps >= _STALE_GAPS
