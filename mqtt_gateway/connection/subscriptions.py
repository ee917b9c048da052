"""What the broker's session is subscribed to: made ours after each CONNACK, and remembered."""

from collections.abc import Callable, Iterable
from typing import Final

import structlog

from mqtt_gateway.client.broker import ConnectError, Connection, Outgoing
from mqtt_gateway.options import GatewayOptions, status_of_marker
from mqtt_gateway.process.lease import LEASE_LOST, Lease
from mqtt_gateway.process.storage import LeaseLostError, save_filters
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from runtime.database import DatabaseUnavailableError

log = structlog.get_logger(__name__)

_LOSSES: Final = 3  # connections lost over what we can do without: some brokers answer so instead of refusing


class Subscriptions:
    """The subscriptions of one gateway process.

    Beside the topic filters there is what it can do without: its own marker, and what the broker says of itself.

    Args:
        options: broker, filters and MQTT version.
        lease: for writing down what the session may be subscribed to.
        no_marker: told why, when the broker refuses that.
    """

    def __init__(self, options: GatewayOptions, lease: Lease, no_marker: Callable[[str], None]) -> None:
        self._options, self._lease, self._no_marker = options, lease, no_marker
        self._losses = 0

    async def make(self, connection: Connection, known: dict[str, bool]) -> bool:
        """Subscribe to what is missing, unsubscribe from what is no longer wanted.

        Args:
            connection: to the broker.
            known: what the session is (True) or may be (False) subscribed to.

        Returns:
            Whether nothing was missing: all depends on what we remember.

        Raises:
            ConnectError: refused, the connection was lost, or the database is down.
        """
        needed, others = self._options.filters, (self._options.marker_topic, *BROKER_TOPICS)
        wanted = (*needed, *others)
        # Written down before it is asked for, so that a crash between leaves no filter unknown.
        state = {**dict.fromkeys(wanted, False), **known}
        if state != known:
            await self._remember(connection, state)
        if dropped := [name for name in known if name not in wanted]:
            self._clear_statuses(connection, dropped)
            await connection.unsubscribe(dropped)
            log.info("unsubscribed from former filters", filters=dropped)
        # On 3.1.1 a repeated SUBSCRIBE brings every retained message again; MQTT 5 can say that it shall not.
        missing = [name for name in needed if not known.get(name) or self._options.version == "5"]
        if missing:
            await connection.subscribe(missing)
        marker = not known.get(self._options.marker_topic) or self._options.version == "5"
        have = await self._subscribe_to_others(connection, marker=marker)
        after = {name: name in have or name in needed for name in wanted}
        if after != known:
            await self._remember(connection, after)
        return not missing and not marker

    @staticmethod
    def _clear_statuses(connection: Connection, dropped: Iterable[str]) -> None:
        """A former marker topic of ours has a retained status beside it, which nobody would bring up to date."""
        for name in dropped:
            if topic := status_of_marker(name):
                connection.publish(Outgoing(topic, b"", retain=True))

    async def _subscribe_to_others(self, connection: Connection, *, marker: bool) -> set[str]:
        """What we can do without; those that the session has now."""
        have = set() if marker else {self._options.marker_topic}
        if self._losses >= _LOSSES:
            self._no_marker("the broker ends the connection")
            return have
        try:
            if marker and await self._allowed(connection, self._options.marker_topic, qos=1):
                have.add(self._options.marker_topic)
            elif marker:
                self._no_marker("the subscription is refused")
            have |= {name for name in BROKER_TOPICS if await self._allowed(connection, name, qos=0)}
        except ConnectError:
            self._losses += 1
            raise
        self._losses = 0
        return have

    @staticmethod
    async def _allowed(connection: Connection, topic: str, *, qos: int) -> bool:
        """Subscribe; False: refused."""
        try:
            await connection.subscribe([topic], qos=qos, plain=True)
        except ConnectError as error:
            if not error.refused:
                raise
            return False
        return True

    async def _remember(self, connection: Connection, filters: dict[str, bool]) -> None:
        try:
            await self._lease.run(save_filters, self._options.broker, filters)
        except DatabaseUnavailableError as error:
            connection.drop("database down")
            raise ConnectError(f"database down: {error}") from None
        except LeaseLostError:
            connection.drop(LEASE_LOST)
            raise ConnectError(LEASE_LOST) from None
