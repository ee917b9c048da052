"""Stand-ins for tests without a broker, a flawless layer or a real worker."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from bridge import wire
from bridge.link import Cursor, judge
from bridge.messages import Acks, Batch, Batches, Delivery, LinkAck, Published
from bridge.names import devices_channel
from mqtt_gateway.client.broker import NEWS, ConnectError, Listener, Manner, Outgoing, RefusedFiltersError
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules.packet_reader import Copies

_RETRY_S: Final = 0.05


class FakeConnection:
    """A :class:`mqtt_gateway.client.broker.Connection` without a network: tests deliver by it and read what it got.

    Args:
        broker: the broker that made it.
        will: as the gateway set it.
    """

    def __init__(self, broker: "FakeBroker", will: Outgoing) -> None:
        self.broker, self.will = broker, will
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.listener: Listener | None = None
        self.copies: Copies | None = None
        self.acknowledged: list[int] = []
        self.published: list[Outgoing] = []
        self.markers: list[bytes] = []  # the payloads; what else was published is in `published`
        self.calls: list[tuple[str, tuple[str, ...]]] = []  # ("subscribe", filters), …
        self.plain: list[tuple[str, int]] = []  # filters subscribed to for our own publications, and their QoS
        self.manners: dict[str, Manner] = {}  # of all filters, the last one
        self.paused = False
        self.identifies = broker.identifies
        self.max_outgoing = 20

    async def open(self, listener: Listener, copies: Copies | None = None) -> None:
        """Accept, or refuse with the broker's ``refusal``."""
        if self.broker.refusal:
            self.broker.refused += 1
            raise ConnectError(self.broker.refusal, refused=True)
        self.listener, self.copies = listener, copies
        self.broker.connections.append(self)
        listener.opened(session_present=self.broker.session_present)

    async def subscribe(self, filters: Sequence[str], manner: Manner = NEWS) -> None:
        """Remember it; refuse what the broker's ``forbidden`` names."""
        self.manners |= dict.fromkeys(filters, manner)
        if manner.own:
            self.plain += [(name, manner.qos) for name in filters]
        else:
            self.calls.append(("subscribe", tuple(filters)))
        if refused := self.broker.forbidden.intersection(filters):
            raise RefusedFiltersError(dict.fromkeys(sorted(refused), "not authorized"))

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Remember it."""
        self.calls.append(("unsubscribe", tuple(filters)))

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Remember the PUBACKs."""
        self.acknowledged += packet_ids

    def publish(self, message: Outgoing) -> "asyncio.Future[str]":
        """Confirm at once with the broker's ``puback``, None: never. A marker comes back if the broker ``echoes``."""
        if message.topic.endswith("/marker"):
            self.markers.append(message.payload)
            if self.broker.echoes:
                self.broker.packet_id += 1
                back = (message.topic, message.payload, self.broker.packet_id)
                asyncio.get_running_loop().call_soon(self.deliver, *back)
        else:
            self.published.append(message)
        confirmed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self.broker.puback is not None:
            confirmed.set_result(self.broker.puback)
        return confirmed

    def pause(self) -> None:
        """Remember it."""
        self.paused = True

    def resume(self) -> None:
        """Remember it."""
        self.paused = False

    def drop(self, reason: str) -> None:
        """Be lost."""
        if not self.lost.done():
            self.lost.set_result(reason)

    async def close(self) -> None:
        """Be lost, cleanly."""
        self.drop("closed")

    def deliver(
        self,
        topic: str,
        payload: bytes = b"1",
        packet_id: int = 0,
        *,
        dup: bool = False,
        identifiers: Sequence[int] = (),
    ) -> None:
        """Deliver a PUBLISH: QoS 1 when it has a packet id."""
        assert self.listener is not None
        copies = self.copies
        if copies and copies.needed and copies.is_copy(topic, identifiers, retained=False):
            copies.copied(packet_id, dup=dup)
            return
        self.listener.delivered(topic, payload, 1 if packet_id else 0, False, dup, packet_id)


class FakeBroker:
    """Makes :class:`FakeConnection` objects; the ``connect`` of the gateway is an instance of it."""

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []
        self.session_present = False
        self.refusal = ""  # not empty: refuse new connections with this reason
        self.refused = 0  # so many were
        self.puback: str | None = ""  # the answer to each PUBLISH; None: none
        self.identifies = True  # it takes subscription identifiers
        self.forbidden: set[str] = set()  # topic filters that may not be subscribed to
        self.echoes = False  # markers come back
        self.packet_id = 60_000  # of the last marker that came back

    def __call__(self, _options: GatewayOptions, will: Outgoing) -> FakeConnection:
        """A new connection, not open yet."""
        return FakeConnection(self, will)


class FakeWorker:
    """Applies batches in order and acknowledges them, as devices/worker does, but to a list.

    Args:
        backend: a Channels layer.
        shards: all are its own.
    """

    def __init__(self, backend: Any, shards: int) -> None:
        self._backend, self._shards = backend, shards
        self._cursors: dict[tuple[int, str], Cursor] = {}
        self.batches: list[Batch] = []  # applied, in order
        self.published: list[Published] = []
        self.judgements: list[str] = []
        self.before_ack: Callable[[Batch], Any] = lambda _batch: True  # False: apply but keep the acknowledgement

    @property
    def deliveries(self) -> list[Delivery]:
        """All applied deliveries in order."""
        return [delivery for batch in self.batches for delivery in batch.deliveries]

    async def run(self) -> None:
        """Work on all shards for ever."""
        async with asyncio.TaskGroup() as group:
            for shard in range(self._shards):
                group.create_task(self._listen(devices_channel(shard)))

    async def _listen(self, channel: str) -> None:
        while True:
            try:
                message = wire.unpack(await self._backend.receive(channel))
                if isinstance(message, Batch):
                    await self.take(message)
                elif isinstance(message, Batches):
                    for batch in message.batches:
                        await self.take(batch)
                elif isinstance(message, Published):
                    self.published.append(message)
            except Exception:  # noqa: BLE001 - the layer is down: whatever its driver raises
                await asyncio.sleep(_RETRY_S)

    async def take(self, batch: Batch) -> None:
        """One batch as the link's rules say."""
        key = (batch.shard, batch.gateway)
        cursor = self._cursors.get(key, Cursor())
        verdict = judge(cursor, batch.epoch, batch.seq)
        self.judgements.append(verdict)
        if verdict == "outdated":
            return
        if verdict == "apply":
            self._cursors[key] = cursor = cursor.after(batch)
            self.batches.append(batch)
        applied = cursor.seq if cursor.epoch == batch.epoch else 0
        if self.before_ack(batch):
            former = (cursor.former_epoch, cursor.former_seq)
            if cursor.epoch != batch.epoch:  # a gap: nothing of the batch's epoch is applied
                former = (cursor.epoch, cursor.seq)
            ack = LinkAck(batch.shard, batch.gateway, batch.epoch, applied + 1, verdict == "gap", *former)
            await self._backend.send(batch.reply_to, wire.pack(Acks((ack,), "fake")))
