"""Publishes markers while a connection is up, and gives up on those that never come back."""

import asyncio
import time
from typing import Final

import structlog

from mqtt_gateway.client.broker import Connection, Outgoing
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.state import State
from mqtt_gateway.uplink.uplink import Uplink
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0


class MarkerPublisher:
    """Markers of one gateway process.

    Args:
        options: the marker's topic.
        state: has the rules.
        uplink: says what was delivered, and when a marker is due earlier.
    """

    def __init__(self, options: GatewayOptions, state: State, uplink: Uplink) -> None:
        self._topic, self._markers, self._uplink = options.marker_topic, state.markers, uplink
        self._warned = False

    async def run(self, connection: Connection, *, trusting: bool) -> bool:
        """Work until the connection is lost.

        Args:
            connection: deliveries flow on it.
            trusting: the broker's session is believed to have our subscriptions; nothing was subscribed to anew.

        Returns:
            False: it isn't lost, but that belief is wrong: markers used to come back and one does not, although the
            broker took it and has nothing else for us.
        """
        self._markers.subscribed(time.monotonic())
        confirmed: asyncio.Future[str] | None = None
        while not connection.lost.done():
            if self._markers.due_s <= time.monotonic() and (confirmed is None or confirmed.done()):
                confirmed = self._publish(connection)
            if self._is_missing():
                if trusting and self._markers.proven:
                    return False
                self._warn("it does not come back")
            await self._wait(connection)
        return True

    def _publish(self, connection: Connection) -> "asyncio.Future[str]":
        payload = self._markers.publish(time.monotonic(), unix_ms())
        confirmed = connection.publish(Outgoing(self._topic, payload))

        def published(done: "asyncio.Future[str]") -> None:
            if not done.result():
                self._markers.accepted(time.monotonic())
            elif not connection.lost.done():
                self.refused(done.result())

        confirmed.add_done_callback(published)
        return confirmed

    def refused(self, reason: str) -> None:
        """The broker does not let us publish markers, or subscribe to them: we do without on this connection."""
        self._markers.refused()
        self._warn(reason)

    def _is_missing(self) -> bool:
        order = self._uplink.order
        return self._markers.missing(time.monotonic(), order.end, len(order))

    async def _wait(self, connection: Connection) -> None:
        """Until the next marker is due, or the next look."""
        due = asyncio.ensure_future(self._uplink.marker_is_due.wait())
        wait_s = max(0.01, min(_LOOK_S, self._markers.due_s - time.monotonic()))
        await asyncio.wait((connection.lost, due), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        due.cancel()
        self._uplink.marker_is_due.clear()

    def _warn(self, reason: str) -> None:
        if not self._warned:
            log.warning(
                "no marker of our own: the lag is not known (see mosquitto/acl)", topic=self._topic, reason=reason
            )
        self._warned = True
