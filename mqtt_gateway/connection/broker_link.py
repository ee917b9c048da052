"""Keeps one connection to the broker alive: connects, opens the epoch, subscribes, waits, starts over.

::

    lease is ours?
       │
    connect ──CONNACK──> deliveries are held ──epoch from the database──> deliveries flow ──subscribed──> up
       ^                                                                                                  │
       └───────── jittered exponential wait, 0.5 s … 10 s <───────────── lost, refused, no answer ────────┘

A session that has our subscriptions already is up with its first deliveries: the SUBACK may sit behind a long backlog.
Once subscribed, markers are sent (draining.py).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

import structlog

from mqtt_gateway.client.broker import SESSION_TAKEN_OVER, ConnectError, Connection, Outgoing
from mqtt_gateway.connection.filter_keeper import FilterKeeper
from mqtt_gateway.connection.marker_publisher import MarkerPublisher
from mqtt_gateway.connection.subscriptions import Subscriptions
from mqtt_gateway.options import GatewayOptions, is_own_subscription
from mqtt_gateway.process.lease import LEASE_LOST, Lease
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import (
    LeaseLostError,
    OpenedSession,
    forget_session,
    open_session,
    session_filters,
)
from mqtt_gateway.rules.incident_reports import Report
from mqtt_gateway.rules.packet_reader import Delivered
from mqtt_gateway.uplink.uplink import Uplink
from runtime.backoff import backoff_s
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms
from runtime.outages import Outage

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
_STABLE_S: Final = 10  # a connection that held so long starts the waits anew
_DATABASE_WAIT_S: Final = 1
_STATUS_S: Final = 2
_TAKEN_FIRST_WAIT_S, _TAKEN_LONGEST_WAIT_S = 5.0, 60.0  # two that throw each other off do so less and less often


class Watcher(Protocol):
    """Whom the link tells about itself."""

    def broker(self, *, up: bool) -> None:
        """The link came up or went down; also called when nothing changed."""


class _Copies:
    """Which deliveries are only copies of others, and what becomes of those."""

    def __init__(self, uplink: Uplink, state: State) -> None:
        self.owners, self.is_copy, self.copied = state.owners, state.owners.is_copy, uplink.copied

    @property
    def needed(self) -> bool:
        """See the protocol."""
        return self.owners.needed


class BrokerLink:
    """The gateway's link to its broker.

    Args:
        options: name, filters.
        connect: makes an unopened connection, given the will.
        uplink: takes the deliveries.
        draining: sends markers.
        lease: asked before each connection; for epochs and filters.
        state: told when the link was last known to be up.
        watcher: told when the link goes up or down.
    """

    def __init__(
        self,
        options: GatewayOptions,
        connect: Callable[[GatewayOptions, Outgoing], Connection],
        uplink: Uplink,
        draining: MarkerPublisher,
        lease: Lease,
        state: State,
        watcher: Watcher,
    ) -> None:
        self._options, self._connect, self._uplink, self._marker_publisher = options, connect, uplink, draining
        self._lease, self._state, self._watcher = lease, state, watcher
        self.delivered: Delivered = uplink.delivered  # Listener
        self._session_present = False
        self._new_session = False  # the broker has begun one that the database has not heard of
        self._broker = options.broker
        self._subscriptions = Subscriptions(options, lease, state, draining.refused)
        self.keeper = FilterKeeper(options, self._subscriptions, lease, state, self._sort)
        self._connecting: Connection | None = None
        self._settled: list[str] = []  # what the broker's session is subscribed to, if there is one
        self._copies = _Copies(uplink, state) if options.sorts_copies else None
        self._outage = Outage(log, "broker link", time.monotonic, broker=self._broker)
        self._refused = False  # the reason that was logged last is the broker's "no"
        self.connection: Connection | None = None  # only while it is up

    # ---------------------------------------------------------------------------------------------- for ever

    async def run(self) -> NoReturn:
        """Keep the link up, for ever. Cancelled, it says goodbye and disconnects cleanly; within about 3 s."""
        attempt = 0
        while True:
            await self._lease.confirm()  # else we would throw the holder off the broker
            began_s, thefts = time.monotonic(), self._state.thefts
            await self._once()
            attempt = 0 if time.monotonic() - began_s >= _STABLE_S else attempt
            waits_s = (_FIRST_WAIT_S, _LONGEST_WAIT_S)
            if self._state.thefts > thefts:
                waits_s = (_TAKEN_FIRST_WAIT_S, _TAKEN_LONGEST_WAIT_S)
            await asyncio.sleep(backoff_s(attempt, *waits_s, random.random()))
            attempt += 1

    async def _once(self) -> None:
        """One connection from beginning to end."""
        if not await self._remind():
            return
        self._connecting = connection = self._connect(self._options, self._status("offline"))
        self._uplink.connecting(connection)
        self.delivered = self._uplink.own_markers.listener(self._uplink.delivered)
        try:
            await connection.open(self, self._copies)
            trusting = await self._prepare(connection)
            if self.connection is None:
                self._works(connection)
            await self._announce(connection, "online")
            keeping = asyncio.ensure_future(self.keeper.run(connection))
            try:
                if not await self._marker_publisher.run(connection, trusting=trusting):
                    await self._resubscribe(connection)
            finally:
                keeping.cancel()
            self._fails(connection.lost.result())
        except ConnectError as error:
            self._fails(str(error), refused=error.refused)
        finally:
            if self.connection is not None:
                self._state.alive_ms = unix_ms()
            self.connection = None
            self._watcher.broker(up=False)
            await self._leave(connection)
            self._uplink.disconnected()
        if connection.lost.result() == SESSION_TAKEN_OVER:
            await self._taken_over()

    async def _remind(self) -> bool:
        """Know what comes before the first of it does; False: the database is away, or the lease another's."""
        try:
            await self.keeper.read()
            if self._copies is not None:
                known = await self._lease.run(session_filters, self._broker)
                self._settled = [name for name, sure in known.items() if sure and not is_own_subscription(name)]
        except (DatabaseUnavailableError, LeaseLostError) as error:
            self._fails(f"database: {error}")
            return False
        return True

    def _sort(self) -> None:
        self._uplink.sort(self._state.dynamic, hears_all=self._subscriptions.hears_all)

    async def _taken_over(self) -> None:
        """By a process of our own that has the lease now, or by a stranger."""
        with contextlib.suppress(DatabaseUnavailableError):  # then nobody could take the lease either
            try:
                await self._lease.renew()
            except LeaseLostError:
                return
        now_ms = unix_ms()
        self._state.session_taken(self._state.sure_until_ms(now_ms), now_ms, "another client used our MQTT client id")

    async def _leave(self, connection: Connection) -> None:
        if not connection.lost.done():
            connection.resume()  # to hear the answer
            await self._announce(connection, "offline")
        await connection.close()

    # ------------------------------------------------------------------------------------- one connection

    def opened(self, *, session_present: bool) -> None:
        """CONNACK (:class:`mqtt_gateway.client.broker.Listener`)."""
        self._session_present = session_present
        self._new_session |= not session_present  # until it is stored, whatever happens to the connection
        if self._connecting is not None:
            self._subscriptions.opened(self._connecting, () if self._new_session else self._settled)
        if self._subscriptions.sorts:
            self._sort()
        if not session_present:
            self._uplink.own_markers.session_is_new()

    async def _prepare(self, connection: Connection) -> bool:
        """Open the epoch, subscribe; whether nothing had to be subscribed to."""
        session = await self._open_session(connection)
        self._new_session = False
        self._uplink.begin(session.epoch, session.session)
        if session.forgotten and self._options.broker_keeps_sessions:
            log.warning("the broker has lost our session: messages may be missing", broker=self._broker)
        if all(session.known.get(name) for name in self._subscriptions.needed) and not self._refused:
            self._works(connection)
        return await self._subscriptions.make(connection, session.known)

    async def _open_session(self, connection: Connection) -> OpenedSession:
        """The epoch; waits for the database as long as the connection lives."""
        while True:
            try:
                return await self._lease.run(
                    open_session,
                    self._broker,
                    self._options.filters,
                    session_present=not self._new_session,
                    lost=self._session_lost() if self._options.broker_keeps_sessions else None,
                )
            except DatabaseUnavailableError:
                await asyncio.wait((connection.lost,), timeout=_DATABASE_WAIT_S)
            except LeaseLostError:
                connection.drop(LEASE_LOST)
            if connection.lost.done():
                raise ConnectError(connection.lost.result())

    def _session_lost(self) -> Report:
        return self._state.session_lost(unix_ms(), self._broker)

    async def _resubscribe(self, connection: Connection) -> None:
        """The session is not what we believed it to be: a crash came between its beginning and our note of it."""
        log.warning("the broker's session lacks our subscriptions: starting it anew", broker=self._broker)
        with contextlib.suppress(DatabaseUnavailableError, LeaseLostError):  # then we find out again
            await self._lease.run(forget_session, self._broker, self._session_lost())
        connection.drop("the session lacks our subscriptions")

    async def _announce(self, connection: Connection, status: str) -> None:
        """Birth and goodbye, retained; for people who look at the broker, so a refusal is only logged."""
        published = connection.publish(self._status(status))
        await asyncio.wait((published, connection.lost), timeout=_STATUS_S, return_when=asyncio.FIRST_COMPLETED)
        if not published.done() or published.result():
            reason = published.result() if published.done() else "no answer"
            log.warning("could not publish the gateway's status", topic=self._options.status_topic, reason=reason)

    def _status(self, status: str) -> Outgoing:
        return Outgoing(self._options.status_topic, status.encode(), retain=True)

    # ------------------------------------------------------------------------------------------------- log

    def _fails(self, reason: str, *, refused: bool = False) -> None:
        """Log the outage once; a broker that is back and says no is news again."""
        if self._outage.begins(reason, is_news=refused):
            self._refused = refused

    def _works(self, connection: Connection) -> None:
        self.connection = connection
        self._watcher.broker(up=True)
        self._refused, down_s = False, self._outage.clear()
        log.info("broker link up", broker=self._broker, session_present=self._session_present, was_down_s=down_s)
