"""A gateway of the real parts, without layer, clock and connection, for the link's property test."""

from collections.abc import Iterator, Sequence
from typing import Final

from bridge.link import ArrivalOrder, Window
from bridge.messages import Batch
from bridge.shards import shard_of
from mqtt_gateway.rules.lanes import NO_TICKET
from mqtt_gateway.rules.shard_queue import ShardQueue
from tests.support.worlds.deliveries import NOW_MS
from tests.support.worlds.link_broker import Message

SHARDS: Final = 4


class Gateway:
    """One gateway process: mqtt_gateway.uplink.uplink without layer, clock and connection."""

    def __init__(self, client_id: str, process: int) -> None:
        self.client_id, self.reply_to = client_id, f"reply-{process}"
        self.links = [ShardQueue(shard) for shard in range(SHARDS)]
        self.order = ArrivalOrder()
        self.epoch = 0
        self.sent: dict[int, set[tuple[int, int, int]]] = {}  # batches by serial: shard, epoch, seq

    def connect(self, epoch: int, session: int) -> None:
        self.epoch, self.order = epoch, ArrivalOrder()
        for link in self.links:
            window = Window(link.shard, self.client_id, epoch, self.reply_to, session=session)
            link.begin(window, epoch, self.order)

    def disconnect(self) -> None:
        for link in self.links:
            link.disconnected()

    def receive(self, message: Message, packet_id: int, dup: bool) -> None:
        ticket = self.order.arrived(packet_id, dup=dup) if message.qos else NO_TICKET
        if message.device:
            self.links[shard_of(message.device, SHARDS)].put(message.delivered(packet_id, dup=dup), ticket)
        else:
            self.order.finish(ticket)

    def send(self, now_s: float, shards: Sequence[int]) -> Iterator[Batch]:
        for link in (self.links[shard] for shard in shards):
            yield from link.again(now_s, 0)
            if link.ready:
                yield self._noted(link.next_batch(now_s, 0))

    def _noted(self, batch: Batch) -> Batch:
        for one in batch.deliveries:
            self.sent.setdefault(one.received_ms - NOW_MS, set()).add((batch.shard, batch.epoch, batch.seq))
        return batch
