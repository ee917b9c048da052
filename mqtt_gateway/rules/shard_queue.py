"""One shard's part of the uplink: its queue, what is under way, when to send again. Pure; times are passed in.

    put ──> queue ──next_batch──> under way ──acknowledge──> finished: PUBACK
             │                      │
             │ disconnected         │ begin (a new epoch)
             v                      v
          QoS 1: back to the     former: waits for late acknowledgements until the new epoch's first one, which tells
          broker; QoS 0: stay    what was applied; of the rest, QoS 1 is the broker's again, QoS 0 counts as dropped

The queue is bounded: QoS 1 by the in-flight limit that the broker keeps; QoS 0 by ``QOS0_LIMIT`` and ``QOS0_BYTES``,
beyond which only the newest of each topic stays, and if those are still too many, the oldest go.
"""

from collections import deque
from typing import Final

from msgspec import Struct

from bridge.link import ArrivalOrder, Window
from bridge.messages import Batch, Delivery, LinkAck
from runtime.backoff import backoff_s

BATCH_LIMIT: Final = 1_000  # deliveries
BATCH_BYTES: Final = 512 * 1024  # a single bigger delivery goes alone
QOS0_LIMIT: Final = 4_000  # deliveries a shard
QOS0_BYTES: Final = 16 * 1024 * 1024
_OVERHEAD_BYTES: Final = 96  # what a delivery costs beside its topic and payload, about
_PATIENCE_S: Final = 1.0  # without an answer to the oldest batch under way, before all are sent again
_SLOWEST_RESEND_S: Final = 5.0
_GAP_PAUSE_S: Final = 0.1  # several gap answers to the same loss ask for one resend
_STALE_GAPS: Final = 5  # so many in a row, without progress: the worker wants what we no longer have
NO_TICKET: Final = -1


class InFlightBatch(Struct, frozen=True):
    """What a batch under way carries."""

    tickets: tuple[int, ...]  # of its QoS 1 deliveries, in the epoch's ArrivalOrder
    qos0: int  # how many QoS 0 deliveries


class EpochWindow:
    """One shard in one epoch: the window and what it carries. ``order`` belongs to the epoch's connection."""

    def __init__(self, window: Window, epoch: int, order: ArrivalOrder) -> None:
        self.window, self.epoch, self.order = window, epoch, order
        self._flights: deque[InFlightBatch] = deque()

    def push(self, entries: list[tuple[Delivery, int]]) -> Batch:
        """Number a batch of (delivery, ticket)."""
        tickets = tuple(ticket for _, ticket in entries if ticket != NO_TICKET)
        position = self.order.position(tickets[-1]) if tickets else 0
        batch = self.window.push(tuple(delivery for delivery, _ in entries), position)
        self._flights.append(InFlightBatch(tickets, len(entries) - len(tickets)))
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
        self.queue: deque[tuple[Delivery, int]] = deque()
        self.queued_bytes = 0
        self.entered = 0  # deliveries that came into the queue in this epoch and were neither dropped nor handed back
        self.attempts = 0  # of sending what is under way, since the last progress
        self.resend_at_s: float | None = None  # when to send again what is under way
        self._current: EpochWindow | None = None
        self._former: EpochWindow | None = None
        self._open = False  # the window is the present connection's
        self._qos0 = self._qos0_bytes = 0
        self._sent_at_s = float("-inf")
        self._stale_gaps = 0

    @property
    def oldest_ms(self) -> int:
        """Unix ms; when the oldest delivery came that is not known to be committed; 0: there is none."""
        windows = [window for window in (self._former, self._current) if window]
        firsts = [batch.deliveries[0] for window in windows for batch in window.window.under_way if batch.deliveries]
        firsts += [self.queue[0][0]] if self.queue else []
        return min((first.received_ms for first in firsts), default=0)

    # ------------------------------------------------------------------------------------------- the queue

    def put(self, delivery: Delivery, ticket: int) -> int:
        """Queue one delivery.

        Args:
            delivery: what to hand to the worker.
            ticket: of ArrivalOrder, or NO_TICKET for QoS 0.

        Returns:
            How many QoS 0 deliveries had to be dropped for it.
        """
        size = _size(delivery)
        self.queue.append((delivery, ticket))
        self.queued_bytes += size
        self.entered += 1
        if ticket != NO_TICKET:
            return 0
        self._qos0 += 1
        self._qos0_bytes += size
        return self._conflate() if self._qos0 > QOS0_LIMIT or self._qos0_bytes > QOS0_BYTES else 0

    def _conflate(self) -> int:
        """Keep the newest QoS 0 delivery of each topic, and of those the newest half of the limits."""
        count, size, topics = 0, 0, set()
        kept: deque[tuple[Delivery, int]] = deque()
        for entry in reversed(self.queue):
            delivery, ticket = entry
            if ticket == NO_TICKET:
                cost = _size(delivery)
                full = count >= QOS0_LIMIT // 2 or (count and size + cost > QOS0_BYTES // 2)
                if full or delivery.topic in topics:
                    self.queued_bytes -= cost
                    continue
                topics.add(delivery.topic)
                count, size = count + 1, size + cost
            kept.appendleft(entry)
        dropped, self.queue = len(self.queue) - len(kept), kept
        self._qos0, self._qos0_bytes = count, size
        self.entered -= dropped
        return dropped

    def _take(self) -> list[tuple[Delivery, int]]:
        entries: list[tuple[Delivery, int]] = []
        room = BATCH_BYTES
        while self.queue and len(entries) < BATCH_LIMIT:
            delivery, ticket = self.queue[0]
            size = _size(delivery)
            if size > room and entries:
                break
            room -= size
            self.queued_bytes -= size
            if ticket == NO_TICKET:
                self._qos0 -= 1
                self._qos0_bytes -= size
            entries.append(self.queue.popleft())
        return entries

    # ----------------------------------------------------------------------------------------- connections

    def disconnected(self) -> Abandoned:
        """The connection is lost: queued QoS 1 deliveries come again; QoS 0 ones wait for the next epoch."""
        kept = deque(entry for entry in self.queue if entry[1] == NO_TICKET)
        returned, self.queue = len(self.queue) - len(kept), kept
        self.queued_bytes = self._qos0_bytes
        self.entered -= returned
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
        dropped = len(self.queue) + sum(one.dropped for one in gone)
        self.queue.clear()
        return Abandoned(sum(one.returned for one in gone), dropped)

    # --------------------------------------------------------------------------------------------- sending

    @property
    def ready(self) -> bool:
        """Whether a batch could leave now."""
        return self._open and bool(self.queue) and self._current is not None and self._current.window.open

    def next_batch(self, now_s: float, random: float) -> Batch:
        """Number as much of the queue as fits; to be sent now. Only when :attr:`ready`. ``random``: 0 … 1."""
        assert self._current is not None
        batch = self._current.push(self._take())
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


def _size(delivery: Delivery) -> int:
    return len(delivery.payload) + len(delivery.topic) + _OVERHEAD_BYTES
