"""The uplink from one connection to the broker to the next: what is taken over, and what is nobody's any more."""

import asyncio
from typing import Any, Final

from bridge.link import ArrivalOrder, Window
from mqtt_gateway.client.broker import Connection
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.state import State
from mqtt_gateway.rules.incident_reports import Report
from mqtt_gateway.rules.shard_queue import Abandoned, ShardQueue
from mqtt_gateway.uplink.own_markers import OwnMarkers
from runtime.database_clock import unix_ms

_FULL: Final = 0.95  # of the limit: the broker waits for us


class Connections:
    """Of one gateway process. The base of its uplink.

    Args:
        options: name, shards, limit.
        reply_to: the channel on which the process listens for Acks.
        state: counters are raised here.
    """

    def __init__(self, options: GatewayOptions, reply_to: str, state: State) -> None:
        self._gateway, self._reply_to, self._state = options.gateway, reply_to, state
        self._counters = state.counters
        self.own_markers = OwnMarkers(options, state)
        self._links = [ShardQueue(shard) for shard in range(options.shards)]
        self._order = ArrivalOrder()
        self._connection: Connection | None = None
        self._in_flight_limit, self._full_since_ms = options.in_flight_limit, 0
        self._wake = asyncio.Event()
        self.epoch = 0  # of the newest connection that has begun
        self.in_flight = 0  # received, and neither finished nor handed back

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

    @property
    def order(self) -> ArrivalOrder:
        """Of the newest connection."""
        return self._order
