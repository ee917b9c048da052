"""Deliveries of the broker → batches on ``devices.<shard>`` → PUBACKs, in arrival order, after the commit.

The rules are in shard_link.py, pacing.py and bridge.link; here they meet the clock, the layer and the connection.
"""

import asyncio
import contextlib
import random
import time
from typing import Any, Final, NoReturn

import structlog

from bridge.dialects.dialect import OwnDownlink, RejectedTopic
from bridge.dialects.registry import dialects
from bridge.json_limits import MAX_PAYLOAD_BYTES
from bridge.link import ArrivalOrder, Window
from bridge.messages import Batch, Delivery, LinkAck
from bridge.names import devices_channel
from mqtt_gateway.client.broker import Connection
from mqtt_gateway.layer import CHANNEL_FULL, Layer
from mqtt_gateway.options import GatewayOptions, status_of_marker
from mqtt_gateway.process.state import State
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.rules.incident_reports import Report
from mqtt_gateway.rules.lanes import BATCH_LIMIT, NO_TICKET, QOS0_LIMIT
from mqtt_gateway.rules.pace import Pace
from mqtt_gateway.rules.routing import Routed, router
from mqtt_gateway.rules.shard_queue import Abandoned, ShardQueue
from mqtt_gateway.uplink.backpressure import CHECK_EVERY, Backpressure
from mqtt_gateway.uplink.own_markers import OwnMarkers
from runtime.database_clock import unix_ms
from runtime.outages import Outage, SampledLog

log = structlog.get_logger(__name__)

_KEPT_BYTES: Final = MAX_PAYLOAD_BYTES + 1  # enough for the worker to see that a payload is too large
_FULL: Final = 0.95  # of the limit: the broker waits for us
_SILENT_ATTEMPTS: Final = 3  # without an answer: log that a shard's worker is missing


class Uplink:
    """The uplink of one gateway process.

    Args:
        options: name, topic root, shards.
        layer: where batches go.
        reply_to: the channel on which the process listens for LinkAck.
        state: counters are raised here, markers told which of them came back.
    """

    def __init__(self, options: GatewayOptions, layer: Layer, reply_to: str, state: State) -> None:
        self._gateway, self._layer, self._reply_to, self._state = options.gateway, layer, reply_to, state
        self._counters, self._markers = state.counters, state.markers
        self.own_markers = OwnMarkers(options, state)
        self.marker_is_due = asyncio.Event()  # earlier than it was
        self.drained = asyncio.Event()  # somebody waits for what markers.drained_ms now says
        self._route = router(dialects(options.topic_root), options.shards)
        self._links = [ShardQueue(shard) for shard in range(options.shards)]
        self._silent = [Outage(log, f"worker of shard {shard}", time.monotonic) for shard in range(options.shards)]
        self._order = ArrivalOrder()
        self._connection: Connection | None = None
        # All that can be queued and under way while the broker keeps to its limit (not every broker does): until then
        # QoS 0 is to be dropped here, not left to pile up at a broker that we no longer read from.
        self._backpressure = Backpressure(options.in_flight_limit + options.shards * (QOS0_LIMIT + 2 * BATCH_LIMIT))
        self._pace = Pace(burst=2.0 * options.shards)
        self._in_flight_limit, self._full_since_ms = options.in_flight_limit, 0
        self._wake = asyncio.Event()
        self._landed = asyncio.Event()
        self._rejected = SampledLog(log, "rejected topic", time.monotonic)
        self.epoch = 0  # of the newest connection that has begun
        self.in_flight = 0  # received, and neither finished nor handed back

    # ----------------------------------------------------------------------------------------- connections

    def connecting(self, connection: Connection) -> None:
        """From now on deliveries are ``connection``'s; they wait for :meth:`begin`."""
        self._connection, self._order = connection, ArrivalOrder()
        self.own_markers.connecting(connection, self._order)

    def begin(self, epoch: int, session: int) -> None:
        """The connection's epoch is known: batches may leave, first an empty one to every shard.

        Args:
            epoch: of this connection.
            session: the epoch that began the broker's session.
        """
        self.epoch = epoch
        for link in self._links:
            window = Window(link.shard, self._gateway, epoch, self._reply_to, session=session)
            self._gone(link.begin(window, epoch, self._order))
        self._wake.set()

    def disconnected(self) -> None:
        """The connection is lost; its PUBACKs are owed no more."""
        self._connection = None
        self._state.broker_statistics.gone()
        for link in self._links:
            self._gone(link.disconnected())

    def drop(self, reason: str) -> None:
        """End the connection at once, if there is one."""
        if self._connection is not None:
            self._connection.drop(reason)

    def abandon(self) -> None:
        """Nothing will be sent any more: what only we have is lost."""
        self.disconnected()
        for link in self._links:
            self._gone(link.abandon())

    def _gone(self, gone: Abandoned) -> None:
        self.in_flight -= gone.returned + gone.dropped
        if gone.dropped:
            self._dropped(gone.dropped)

    def _dropped(self, count: int) -> None:
        now_ms = unix_ms()
        self._counters.dropped += count
        self._state.reports.add(Report("qos0_dropped", now_ms, now_ms, count))

    def figures(self) -> dict[str, Any]:
        """For the row's JSON column: what is where."""
        full = self._connection is not None and len(self._order) >= _FULL * self._in_flight_limit
        self._full_since_ms = (self._full_since_ms or unix_ms()) if full else 0
        oldest_ms = min(filter(None, (link.oldest_ms for link in self._links)), default=0)
        return {
            "in_flight": self.in_flight,
            "in_flight_limit": self._in_flight_limit,
            "saturated_ms": self._full_since_ms,
            "canary": self.own_markers.names(),
            "oldest_age_ms": max(0, unix_ms() - oldest_ms) if oldest_ms else 0,
            "entered": {"epoch": self.epoch, "shards": {str(link.shard): link.entered for link in self._links}},
        }

    def switched(self) -> None:
        """It is stored that the deliveries of this session count."""
        self.own_markers.begin_stored()
        self._puback()

    @property
    def order(self) -> ArrivalOrder:
        """Of the newest connection."""
        return self._order

    # ------------------------------------------------------------------------------------------ deliveries

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """One delivery (:class:`mqtt_gateway.client.broker.Listener`)."""
        route = self._route(topic)
        if not isinstance(route, Routed) and status_of_marker(topic):  # of a former name, too
            self.own_markers.delivered(payload, packet_id)
            self._puback()
            return
        ticket = self._order.arrived(packet_id, dup=dup) if qos else NO_TICKET
        if not ticket % CHECK_EVERY:
            self._hold_back()
        if not isinstance(route, Routed):
            self._finish(route, topic, payload, ticket)
            return
        kept = payload if len(payload) <= _KEPT_BYTES else payload[:_KEPT_BYTES]
        now_ms = unix_ms()
        if route.status:
            now_ms = self._status_came(now_ms)
        delivery = Delivery(
            topic,
            route.source,
            route.kind,
            route.detail,
            kept,
            now_ms,
            qos,
            retain,
            dup,
            packet_id,
            self._markers.late,
            route.dialect,
        )
        dropped = self._links[route.shard].put(delivery, ticket)
        self.in_flight += 1 - dropped
        if dropped:
            self._dropped(dropped)
        if not self._wake.is_set():
            self._wake.set()

    def _status_came(self, now_ms: int) -> int:
        """The time of its reception: later than any marker's that was published before it."""
        if self._markers.status_came(time.monotonic()):
            self.marker_is_due.set()
        return max(now_ms, self._markers.published_ms + 1)

    def _finish(self, route: OwnDownlink | RejectedTopic, topic: str, payload: bytes, ticket: int) -> None:
        """What no worker needs to see is finished here; its PUBACK keeps its place."""
        if topic in BROKER_TOPICS:
            if report := self._state.broker_statistics.told(topic, payload, unix_ms()):
                self._state.reports.add(report)
        elif isinstance(route, RejectedTopic):
            self._counters.rejected[route.reason] += 1
            self._rejected.add(route.reason, topic)
            self._state.rejections.add(topic, route.reason, payload, unix_ms())
        if ticket != NO_TICKET:
            self._order.finish(ticket)
        self._puback()

    def _puback(self) -> None:
        if (ready := self._order.ready()) and self._connection is not None:
            self._connection.acknowledge(ready)
        if self._markers.reached(self._order.first):
            self.drained.set()

    # ------------------------------------------------------------------------------------ acknowledgements

    def acknowledged(self, ack: LinkAck) -> None:
        """A worker's answer."""
        if not (ack.gateway == self._gateway and 0 <= ack.shard < len(self._links)):
            return
        link = self._links[ack.shard]
        landed, gone = link.acknowledge(ack, time.monotonic())
        self._gone(gone)
        self.in_flight -= sum(len(flight.tickets) + flight.qos0 for flight in landed)
        self._puback()
        self._landed.set()
        self._silent[ack.shard].ends()
        if link.broken and self._connection is not None:
            self._connection.drop(f"shard {ack.shard} asks for what is gone; a new epoch is needed")
        self._wake.set()

    async def drain(self, limit_s: float) -> bool:
        """Take nothing more and wait until all that was taken is PUBACKed; whether it came to that in time."""
        if self._connection is not None:
            self._connection.pause()
        try:
            async with asyncio.timeout(limit_s):
                while self.in_flight:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            return False
        return True

    # --------------------------------------------------------------------------------------------- sending

    async def run(self) -> NoReturn:
        """Send what is due, for ever."""
        first = 0
        while True:
            self._wake.clear()
            for offset in range(len(self._links)):
                await self._serve(self._links[(first + offset) % len(self._links)])
            first += 1
            if max(self.in_flight, len(self._order)) >= CHECK_EVERY or self._backpressure.paused:
                self._hold_back()
            await self._until(self._next_s())

    async def _serve(self, link: ShardQueue) -> None:
        if again := link.again(time.monotonic(), random.random()):
            await self._send_again(link, again)
        if link.ready and self._pace.take(time.monotonic()):
            await self._send(link.next_batch(time.monotonic(), random.random()))

    async def _send_again(self, link: ShardQueue, batches: tuple[Batch, ...]) -> None:
        for batch in batches:
            if reason := await self._send(batch):
                break
        else:
            reason = "no answer"
        if link.attempts >= _SILENT_ATTEMPTS and reason in ("no answer", CHANNEL_FULL):
            self._silent[link.shard].begins(reason)

    async def _send(self, batch: Batch) -> str:
        return await self._layer.send(devices_channel(batch.shard), batch)

    def _next_s(self) -> float:
        """When the next thing is due by itself, on the monotonic clock."""
        due = [link.resend_at_s for link in self._links if link.resend_at_s is not None]
        if any(link.ready for link in self._links):
            due.append(self._pace.next_s())
        return min(due, default=float("inf"))

    async def _until(self, when_s: float) -> None:
        """Wait for new work, or until ``when_s``."""
        wait_s = min(when_s - time.monotonic(), 60)
        if wait_s <= 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    def _hold_back(self) -> None:
        if self.own_markers.ended.is_set():
            return
        self._backpressure.adjust(
            self._connection,
            unconfirmed=len(self._order),
            in_flight=self.in_flight,
            queued_bytes=sum(link.queued_bytes for link in self._links),
        )
