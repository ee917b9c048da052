"""When batches leave: those that are due, all shards' together, and a worker's shards in one message."""

import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog

from bridge.messages import Acks, Batch, Batches
from bridge.names import devices_channel
from mqtt_gateway.layer import CHANNEL_FULL, Layer
from mqtt_gateway.rules.pace import Budget, Pace
from mqtt_gateway.rules.shard_queue import ShardQueue
from runtime.database_clock import unix_ms
from runtime.outages import Outage

log = structlog.get_logger(__name__)

_SILENT_ATTEMPTS: Final = 3  # without an answer: log that a shard's worker is missing
_MANY: Final = 500  # deliveries that may wait for others, or fewer that are large: together they are a good batch


class Departures:
    """Batches leave: those that are due, all shards' together, and a worker's shards in one message.

    Args:
        layer: where batches go.
        links: the shards' queues.
        budget: by which the pace is set.
        in_flight_limit: QoS 1 deliveries that the broker lets be unconfirmed; with half of them here, nothing waits.
    """

    def __init__(self, layer: Layer, links: Sequence[ShardQueue], budget: Budget, in_flight_limit: int) -> None:
        self._layer, self._links = layer, links
        self._pace = Pace(budget, len(os.sched_getaffinity(0)))
        self._silent = [Outage(log, f"worker of shard {link.shard}", time.monotonic) for link in links]
        self._workers: dict[int, str] = {}  # by shard: whose it was when it was last acknowledged
        self._many = min(_MANY, in_flight_limit // 2)
        self._first = 0
        self.gathering = False  # something could leave, and waits for others
        self._came = 0  # weight of what came since the last departure

    def came(self, payload_bytes: int) -> bool:
        """Something was put into a queue; whether it is time to look what may leave."""
        self._came += 1 + (payload_bytes >> 8)
        return not self.gathering or self._came >= self._many

    def acknowledged(self, acks: Acks) -> None:
        """A worker has answered."""
        self._pace.told(acks.cpu_us / 1e6)
        for ack in acks.acks:
            self._workers[ack.shard] = acks.worker
            self._silent[ack.shard].ends()

    async def serve(self) -> None:
        """Send what is due: again first, then what may leave now."""
        self._first = (self._first + 1) % len(self._links)
        links = [*self._links[self._first :], *self._links[: self._first]]
        now_s = time.monotonic()
        for link in links:
            if link.resend_at_s is not None and link.resend_at_s <= now_s:
                await self._send_again(link, link.again(now_s, random.random()))
        ready = [link for link in links if link.ready]
        self.gathering = bool(ready) and not self._may_leave(ready)
        if ready and not self.gathering:
            self._came = 0
            batches = [link.next_batch(time.monotonic(), random.random()) for link in ready]
            for channel, message in self._by_worker(batches):
                self._layer.post(channel, message)

    def _may_leave(self, ready: Iterable[ShardQueue]) -> bool:
        newest_ms = max((link.queue[-1][0].received_ms for link in ready if link.queue), default=0)
        quiet_s = max(0, unix_ms() - newest_ms) / 1000
        return self._pace.take(time.monotonic(), time.process_time(), quiet_s, pressing=self._came >= self._many)

    def _by_worker(self, batches: Iterable[Batch]) -> Iterator[tuple[str, Batch | Batches]]:
        """The messages to send, each with its channel."""
        by_worker: dict[str, list[Batch]] = {}
        for batch in batches:
            by_worker.setdefault(self._workers.get(batch.shard) or f"of shard {batch.shard}", []).append(batch)
        for own in by_worker.values():
            yield devices_channel(own[0].shard), own[0] if len(own) == 1 else Batches(tuple(own))

    async def _send_again(self, link: ShardQueue, batches: tuple[Batch, ...]) -> None:
        for batch in batches:
            if reason := await self._layer.send(devices_channel(batch.shard), batch):
                break
        else:
            reason = "no answer"
        if link.attempts >= _SILENT_ATTEMPTS and reason in ("no answer", CHANNEL_FULL):
            self._workers.pop(link.shard, None)
            self._silent[link.shard].begins(reason)

    @property
    def something_is_due(self) -> bool:
        """Whether something waits that could leave."""
        return any(link.ready for link in self._links)

    @property
    def nothing_is_under_way(self) -> bool:
        """Whether nothing is going to be due by itself."""
        return not any(link.resend_at_s for link in self._links)

    def next_s(self) -> float:
        """When the next thing is due by itself, on the monotonic clock."""
        due = [link.resend_at_s for link in self._links if link.resend_at_s is not None]
        if any(link.ready for link in self._links):
            due.append(self._pace.next_s())
        return min(due, default=float("inf"))
