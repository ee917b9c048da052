"""Deliveries of the broker → batches on ``devices.<shard>`` → PUBACKs, in arrival order, after the commit.

The rules are in bridge.link and mqtt_gateway.rules (shard_queue, lanes, pace); here they meet the clock, the layer and
the connection.
"""

import asyncio
import time
from typing import Final, NoReturn

import structlog

from bridge.dialects.dialect import OwnDownlink, RejectedTopic
from bridge.json_limits import MAX_BIG_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES
from bridge.messages import Acks, Delivery, LinkAck
from mqtt_gateway.layer import Layer
from mqtt_gateway.options import GatewayOptions, status_of_marker
from mqtt_gateway.process.state import State
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.rules.dynamic_filters import NO_FILTERS, DynamicFilters
from mqtt_gateway.rules.lanes import BATCH_LIMIT, KEEP, NO_TICKET, QOS0_LIMIT
from mqtt_gateway.rules.routing import Destination, Routed, router
from mqtt_gateway.rules.shard_queue import LARGE_BYTES
from mqtt_gateway.uplink.backpressure import CHECK_EVERY, Backpressure
from mqtt_gateway.uplink.connections import Connections
from mqtt_gateway.uplink.departures import Departures
from runtime.database_clock import unix_ms
from runtime.outages import SampledLog

log = structlog.get_logger(__name__)

_KEPT_BYTES: Final = MAX_PAYLOAD_BYTES + 1  # enough for the worker to see that a payload is too large
_KEPT_BIG_BYTES: Final = MAX_BIG_PAYLOAD_BYTES + 1


class Uplink(Connections):
    """The uplink of one gateway process.

    Args:
        options: name, topic root, shards.
        layer: where batches go.
        reply_to: the channel on which the process listens for Acks.
        state: counters are raised here, markers told which of them came back.
    """

    def __init__(self, options: GatewayOptions, layer: Layer, reply_to: str, state: State) -> None:
        super().__init__(options, reply_to, state)
        self._markers = state.markers
        self.marker_is_due = asyncio.Event()  # earlier than it was
        self.drained = asyncio.Event()  # somebody waits for what markers.drained_ms now says
        self._dialects, self._shards = options.dialects, options.shards
        self._route = self._whose = router(self._dialects, self._shards)
        self._departures = Departures(layer, self._links, options.pace, options.in_flight_limit)
        # All that can be queued and under way while the broker keeps to its limit (not every broker does): until then
        # QoS 0 is to be dropped here, not left to pile up at a broker that we no longer read from.
        self._backpressure = Backpressure(options.in_flight_limit + options.shards * (QOS0_LIMIT + 2 * BATCH_LIMIT))
        self._landed = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None  # wakes us when something is due by itself
        self._rejected = SampledLog(log, "rejected topic", time.monotonic)

    def sort(self, dynamic: DynamicFilters = NO_FILTERS, *, hears_all: bool = False) -> None:
        """From now on topics go by these filters, too; ``hears_all``: we are subscribed to all there is."""
        self._route = self._whose = router(self._dialects, self._shards, dynamic)
        if hears_all:
            self._route = router(self._dialects, self._shards, dynamic, hears_all=True)

    def whose(self, topic: str) -> Destination:
        """Where deliveries on a topic go, or why nobody takes it."""
        return self._whose(topic)

    def switched(self) -> None:
        """It is stored that the deliveries of this session count."""
        self.own_markers.begin_stored()
        self._puback()

    # ------------------------------------------------------------------------------------------ deliveries

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """One delivery (:class:`mqtt_gateway.client.broker.Listener`)."""
        route = self._route(topic)
        if not isinstance(route, Routed) and status_of_marker(topic):  # of a former name, too
            self.own_markers.delivered(payload, packet_id)
            self._puback()
            return
        ticket = self._order.arrived(packet_id, dup=dup) if qos else NO_TICKET
        if not ticket % CHECK_EVERY or len(payload) > LARGE_BYTES:
            self._hold_back()
        if not isinstance(route, Routed):
            self._finish(route, topic, payload, ticket)
            return
        kept = payload if len(payload) <= _KEPT_BYTES else payload[: _KEPT_BIG_BYTES if route.big else _KEPT_BYTES]
        if route.keep and not qos:
            ticket = KEEP
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
        if self._departures.came(len(kept)) and not self._wake.is_set():
            self._wake.set()

    def copied(self, packet_id: int, *, dup: bool) -> None:
        """One delivery that is only a copy of another (:class:`mqtt_gateway.rules.packet_reader.Copies`)."""
        if packet_id:
            self._order.finish(self._order.arrived(packet_id, dup=dup))
            self._puback()

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

    def replied(self, acks: Acks) -> None:
        """A worker's answer."""
        ours = tuple(ack for ack in acks.acks if ack.gateway == self._gateway and 0 <= ack.shard < len(self._links))
        self._departures.acknowledged(Acks(ours, acks.worker, acks.cpu_us))
        for ack in ours:
            self._acknowledged(ack)
        self._puback()
        self._landed.set()
        if self._departures.something_is_due or any(ack.gap for ack in ours) or self._backpressure.paused:
            self._wake.set()
        elif self._alarm is not None and self._departures.nothing_is_under_way:
            self._alarm.cancel()

    def _acknowledged(self, ack: LinkAck) -> None:
        link = self._links[ack.shard]
        landed, gone = link.acknowledge(ack, time.monotonic())
        if gone.returned or gone.dropped:
            self._gone(gone)
        self.in_flight -= sum(len(flight.tickets) + flight.qos0 for flight in landed)
        if link.broken and self._connection is not None:
            self._connection.drop(f"shard {ack.shard} asks for what is gone; a new epoch is needed")

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
        while True:
            self._wake.clear()
            await self._departures.serve()
            if max(self.in_flight, len(self._order)) >= CHECK_EVERY or self._backpressure.paused:
                self._hold_back()
            await self._until(self._departures.next_s())

    async def _until(self, when_s: float) -> None:
        """Wait for new work, or until ``when_s``. Once nothing is under way, the alarm is called off."""
        wait_s = when_s - time.monotonic()
        if wait_s <= 0:
            await asyncio.sleep(0)
            return
        if wait_s < float("inf"):
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._wake.set)
        await self._wake.wait()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _hold_back(self) -> None:
        if self.own_markers.ended.is_set():
            return
        self._backpressure.adjust(
            self._connection,
            unconfirmed=len(self._order),
            in_flight=self.in_flight,
            queued_bytes=sum(link.queued_bytes for link in self._links),
        )
