"""Stops reading from the broker while too much is in hand, whatever the broker does."""

import time
from typing import Final

import structlog

from bridge.link import MAX_IN_FLIGHT
from mqtt_gateway.client.broker import Connection
from runtime.outages import SampledLog

log = structlog.get_logger(__name__)

CHECK_EVERY: Final = 64  # QoS 1 deliveries; so few are never too much
# Mosquitto 2.0.11 sends as many as the in-flight limit for *each* PUBACK once it has a queue (docs/overload.md). What
# we hold unconfirmed must stay below MAX_IN_FLIGHT all the same; what was read already comes on top.
MAX_UNCONFIRMED: Final = MAX_IN_FLIGHT - 4 * CHECK_EVERY
MAX_BYTES: Final = 48 * 1024 * 1024  # queued in all shards
# Of the limits. Bytes are few devices' large messages: everybody else's wait behind them at the broker, and not longer
# than need be.
_READ_AGAIN, _READ_AGAIN_BYTES = 0.5, 0.95


class Backpressure:
    """Of one connection after the other.

    Args:
        max_count: deliveries of either QoS, queued and under way.
    """

    def __init__(self, max_count: int) -> None:
        self._max_count = max_count
        self.paused: Connection | None = None
        self._full = SampledLog(log, "too much is waiting for the workers", time.monotonic)

    def adjust(self, connection: Connection | None, *, unconfirmed: int, in_flight: int, queued_bytes: int) -> None:
        """Pause or resume a connection by what is in hand now. Cheap; call it often.

        Args:
            connection: the present one; None: there is none.
            unconfirmed: QoS 1 deliveries without PUBACK.
            in_flight: deliveries of either QoS, not committed.
            queued_bytes: of payloads and topics, not yet under way.
        """
        if connection is None:
            return
        deliveries, in_bytes = max(unconfirmed / MAX_UNCONFIRMED, in_flight / self._max_count), queued_bytes / MAX_BYTES
        if max(deliveries, in_bytes) > 1 and connection is not self.paused:
            connection.pause()
            self.paused = connection
            self._full.add(
                "reading no more for a while", f"{in_flight} deliveries in flight, {unconfirmed} unconfirmed"
            )
        elif deliveries < _READ_AGAIN and in_bytes < _READ_AGAIN_BYTES and connection is self.paused:
            connection.resume()
            self.paused = None
