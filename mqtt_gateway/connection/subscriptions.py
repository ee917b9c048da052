"""What the broker's session is subscribed to: made ours after each CONNACK, and remembered.

Three kinds: the filters of the options; dynamic ones, that sources want (``state.dynamic``); and what we can do
without, our own marker and what the broker says of itself.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from bridge.dialects.dialect import Filter
from bridge.topic_filters import overlap, topic_filter_error
from mqtt_gateway.client.broker import PLAIN, ConnectError, Connection, Manner, Outgoing, RefusedFiltersError
from mqtt_gateway.connection.subscribing import subscribe, unsubscribe
from mqtt_gateway.options import GatewayOptions, is_own_subscription, status_of_marker
from mqtt_gateway.process.lease import LEASE_LOST, Lease
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import LeaseLostError, save_filters
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from runtime.database import DatabaseUnavailableError

log = structlog.get_logger(__name__)

ALL: Final = "#"
_LOSSES: Final = 3  # connections lost over what we can do without: some brokers answer so instead of refusing


class AllForbiddenError(Exception):
    """The broker can't tell copies apart, and forbids us to hear all: ``str()`` is for whoever set the dialects."""

    def __init__(self, broker: str) -> None:
        super().__init__(
            f"DIALECTS: some of their topic filters overlap. {broker} has no subscription identifiers (MQTT 5) to tell "
            f"the copies apart, and forbids '{ALL}', which is subscribed to then: allow that, or leave a dialect out"
        )


class Subscriptions:
    """The subscriptions of one gateway process.

    Args:
        options: broker, filters and MQTT version.
        lease: for writing down what the session may be subscribed to.
        state: has the dynamic filters, and who owns which topics.
        no_marker: told why, when the broker refuses that.
    """

    def __init__(self, options: GatewayOptions, lease: Lease, state: State, no_marker: Callable[[str], None]) -> None:
        self._options, self._lease, self._state, self._no_marker = options, lease, state, no_marker
        self._static = {one.topic_filter: one for one in options.subscriptions}
        self.sorts = options.sorts_copies  # copies have to be told apart
        self._losses = 0
        self._known: dict[str, bool] = {}
        self.hears_all = False  # copies can't be told apart: one subscription brings all there is
        self._taken: frozenset[str] | None = None  # dynamic filters whose topics are taken of all that; None: at first

    def opened(self, connection: Connection, settled: Iterable[str]) -> None:
        """The broker has accepted us; before the first delivery. ``settled``: what the session is subscribed to."""
        self.hears_all = self.sorts and not connection.identifies
        self._state.owners.begin(settled, needed=self.sorts and connection.identifies)

    @property
    def needed(self) -> tuple[str, ...]:
        """Those without which the link does not work: of the dialects themselves."""
        return (ALL,) if self.hears_all else tuple(self._static)

    def _wanted(self) -> dict[str, Filter]:
        if self.hears_all:
            return {ALL: Filter(ALL)}
        return {**self._state.dynamic.filters, **self._static}

    # ------------------------------------------------------------------------------------------ at CONNACK

    async def make(self, connection: Connection, known: dict[str, bool]) -> bool:
        """Subscribe to what is missing, unsubscribe from what is no longer wanted.

        Args:
            connection: to the broker.
            known: what the session is (True) or may be (False) subscribed to.

        Returns:
            Whether nothing was missing: all depends on what we remember.

        Raises:
            ConnectError: refused, the connection was lost, or the database is down.
            AllForbiddenError: the broker forbids what overlapping filters need there.
        """
        self._known = known
        self._take_dynamic()
        wanted = self._wanted()
        names = (*wanted, self._options.marker_topic, *BROKER_TOPICS)
        # Written down before it is asked for, so that a crash between leaves no filter unknown.
        await self._remember_or_drop(connection, {**dict.fromkeys(names, False), **known})
        await self._drop(connection, [name for name in known if name not in names])
        # On 3.1.1 a repeated SUBSCRIBE brings every retained message again; MQTT 5 can say that it shall not.
        missing = [name for name in self.needed if not known.get(name) or self._options.version == "5"]
        refused = await self._subscribe_dynamic(connection, [name for name in wanted if name not in self._static])
        await self._subscribe_needed(connection, [wanted[name] for name in missing])
        marker = not known.get(self._options.marker_topic) or self._options.version == "5"
        have = await self._subscribe_to_others(connection, marker=marker)
        after = {name: name in have or (name in wanted and name not in refused) for name in names}
        await self._remember_or_drop(connection, after)
        return not missing and not marker

    async def _subscribe_needed(self, connection: Connection, filters: list[Filter]) -> None:
        try:
            await self._subscribe(connection, filters)
        except RefusedFiltersError:
            if self.hears_all:
                raise AllForbiddenError(self._options.broker) from None
            raise

    async def _subscribe(
        self, connection: Connection, filters: Iterable[Filter], *, retained: bool = False
    ) -> dict[str, str]:
        """Subscribe; those that are refused, and why. ``retained``: what is retained there is wanted, too."""
        filters = list(filters)
        owners = self._state.owners
        owners.subscribing(one.topic_filter for one in filters)
        refused = await subscribe(connection, filters, identified=owners.needed, retained=retained)
        owners.subscribed(time.monotonic())
        owners.unsubscribed(refused)
        if essential := {name: why for name, why in refused.items() if name in self.needed}:
            raise RefusedFiltersError(essential)
        return refused

    async def _subscribe_dynamic(self, connection: Connection, names: Iterable[str]) -> dict[str, str]:
        """Those of them that are new; what is retained there comes. One that the broker refuses is left out."""
        filters = self._state.dynamic.filters
        new = [filters[name] for name in names if name in filters and not self._known.get(name)]
        if not new:
            return {}
        refused = await self._subscribe(connection, new, retained=True)
        self._state.refetches.done((one.topic_filter for one in new), time.monotonic())
        log.info("subscribed to what sources want", filters=len(new), refused=list(refused.items())[:5])
        return refused

    async def _drop(self, connection: Connection, names: list[str]) -> None:
        if not names:
            return
        self._clear_statuses(connection, names)
        await unsubscribe(connection, names)
        self._state.owners.unsubscribed(names)
        self._state.refetches.forget(names)
        log.info("unsubscribed from former filters", filters=names[:20], count=len(names))

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
            if marker and await self._allowed(connection, self._options.marker_topic, PLAIN):
                have.add(self._options.marker_topic)
            elif marker:
                self._no_marker("the subscription is refused")
            quietly = Manner(0, PLAIN.retained, own=True)
            have |= {name for name in BROKER_TOPICS if await self._allowed(connection, name, quietly)}
        except ConnectError:
            self._losses += 1
            raise
        self._losses = 0
        return have

    @staticmethod
    async def _allowed(connection: Connection, topic: str, manner: Manner) -> bool:
        """Subscribe; False: refused."""
        try:
            await connection.subscribe([topic], manner)
        except RefusedFiltersError:
            return False
        return True

    # -------------------------------------------------------------------------------------- while it is up

    async def change(self, connection: Connection) -> None:
        """Other dynamic filters are wanted than before.

        Raises:
            ConnectError, DatabaseUnavailableError, LeaseLostError: as it says; to be tried again.
        """
        self._take_dynamic()
        wanted = self._wanted()
        new = [name for name in wanted if name not in self._known]
        gone = [name for name in self._known if name not in wanted and not is_own_subscription(name)]
        if not (new or gone):
            return
        await self._remember({**dict.fromkeys(new, False), **self._known})
        await self._drop(connection, gone)
        refused = await self._subscribe_dynamic(connection, new)
        kept = {name: confirmed for name, confirmed in self._known.items() if name not in gone}
        await self._remember({**kept, **{name: name not in refused for name in new}})

    def _take_dynamic(self) -> None:
        """Who hears all hears nothing new by a filter that is: what is retained there came when it was nobody's."""
        before, self._taken = self._taken, frozenset(self._state.dynamic.filters)
        if self.hears_all and before is not None and self._taken - before:
            self._state.refetches.ask((ALL,))

    def covering(self, filters: Iterable[str]) -> set[str]:
        """Those that we are subscribed to and that bring what is retained under these."""
        wanted, found = self._wanted(), set()
        for one in filters:
            if one in wanted:
                found.add(one)
            elif not topic_filter_error(one):
                found.update(wide for wide in self.needed if overlap(one, wide))
        return found

    async def refetch(self, connection: Connection, names: Iterable[str]) -> None:
        """Have what is retained there come again. Raises ConnectError."""
        wanted = self._wanted()
        filters = [wanted[name] for name in names if name in wanted]
        await self._subscribe(connection, filters, retained=True)

    # ------------------------------------------------------------------------------------------ remembering

    async def _remember_or_drop(self, connection: Connection, filters: dict[str, bool]) -> None:
        try:
            await self._remember(filters)
        except DatabaseUnavailableError as error:
            connection.drop("database down")
            raise ConnectError(f"database down: {error}") from None
        except LeaseLostError:
            connection.drop(LEASE_LOST)
            raise ConnectError(LEASE_LOST) from None

    async def _remember(self, filters: dict[str, bool]) -> None:
        if filters != self._known:
            await self._lease.run(save_filters, self._options.broker, filters)
            self._known = filters
