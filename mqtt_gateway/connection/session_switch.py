"""From the session under a former client id to the one under the present id: nothing lost, nothing twice.

::

    broker   … a b c ──────────── M ── d e f …            M: a marker that both sessions get
    former session: a b c ─ M ┄┄ (end)                     counts what comes before M, confirms nothing from M on
    successor:      (b c) ─ M ─ d e f …                    begins before M is published; takes nothing before it

One after the other: first the former session is worked off up to M, with the broker keeping what the successor gets;
then, in one transaction, the successor takes the former's place; at last the former is ended at the broker. A crash at
any point leaves either session with M still in it: M is confirmed only once it is stored what it has brought about.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import structlog

from bridge.dialects.dialect import Filter
from mqtt_gateway.client.broker import PLAIN, ConnectError, Connection, Outgoing, RefusedFiltersError
from mqtt_gateway.connection.subscribing import subscribe
from mqtt_gateway.connection.subscriptions import ALL
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.identity import Session
from mqtt_gateway.process.lease import Lease
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import LeaseLostError, begin_switch, end_switch, forget_ended, retire
from mqtt_gateway.uplink.uplink import Uplink
from runtime.backoff import backoff_s
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_LOOK_S: Final = 0.5
_CONFIRM_S: Final = 10.0


class _Nobody:
    """A listener that takes nothing and confirms nothing: all stays in the session."""

    def opened(self, *, session_present: bool) -> None:
        """See Listener."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """See Listener."""


class SessionSwitch:
    """What one gateway process does about former sessions, beside its own link.

    Args:
        options: with the present row's client id.
        connect: makes an unopened connection, given the will.
        uplink: of the present row's link.
        lease: on that row.
        state: whether markers come back.
    """

    def __init__(
        self,
        options: GatewayOptions,
        connect: Callable[[GatewayOptions, Outgoing], Connection],
        uplink: Uplink,
        lease: Lease,
        state: State,
    ) -> None:
        self._options, self._connect, self._uplink, self._lease, self._state = options, connect, uplink, lease, state
        self._markers = uplink.own_markers

    # ----------------------------------------------------------------------------------- the former session

    async def to(self, successor: Session) -> None:
        """Drain this session, and give its place to the successor's: then the lease on this row is lost."""
        failures = 0
        while not self._markers.ended.is_set():
            await self._until_a_marker_came()
            try:
                published_ms = await self._begin(successor)
            except (ConnectError, DatabaseUnavailableError) as error:
                log.warning("could not begin a session under the gateway's own client id", reason=str(error))
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, random.random()))
                failures += 1
            else:
                await self._until_ended(published_ms)
        await self._store(retire, successor.key)
        log.info("the former client id's session is drained", gateway=self._options.name)
        self._lease.lost.set()

    async def _until_a_marker_came(self) -> None:
        """This connection is up, and the session has the marker's subscription."""
        while self._state.markers.late or not self._state.markers.proven:  # noqa: ASYNC110 - pure rules: no event
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, successor: Session) -> int:
        """The successor's session subscribes, then the marker goes to both; when (Unix ms).

        Raises:
            ConnectError: something was refused or lost; all of it can be done again.
        """
        options = replace(self._options, client_id=successor.client_id)
        await self._end_at_broker(options)
        topic, switch = options.marker_topic, f"switch {secrets.token_hex(12)}"
        async with self._connection(options) as connection:
            filters = await self._subscribe(connection)
            await connection.subscribe([topic], PLAIN)
            await self._store(begin_switch, options.broker, successor.key, (*filters, topic), switch)
            self._markers.end_at = switch.encode()
            published = connection.publish(Outgoing(topic, switch.encode()))
            await asyncio.wait((published,), timeout=_CONFIRM_S)
            if reason := published.result() if published.done() else "no answer":
                raise ConnectError(reason)
        return unix_ms()

    async def _subscribe(self, connection: Connection) -> list[str]:
        """As the former session is; the filters."""
        identified = self._options.sorts_copies and connection.identifies
        if self._options.sorts_copies and not identified:
            filters = [Filter(ALL)]
        else:
            static = {one.topic_filter: one for one in self._options.subscriptions}
            filters = list({**self._state.dynamic.filters, **static}.values())
        if refused := await subscribe(connection, filters, identified=identified):
            raise RefusedFiltersError(refused)
        return [one.topic_filter for one in filters]

    async def _until_ended(self, published_ms: int) -> None:
        """All before the marker is committed; or markers behind it were, so that it is lost and another is needed."""
        while self._state.markers.drained_ms <= published_ms or self._markers.ended.is_set():
            if self._markers.ended.is_set() and not self._uplink.in_flight and not len(self._uplink.order):
                return
            await asyncio.sleep(_LOOK_S / 10)

    # ------------------------------------------------------------------------------------------ the successor

    async def store_beginning(self) -> None:
        """Each time that the marker has come: store it, then it may be confirmed."""
        while True:
            await self._markers.began.wait()
            self._markers.began.clear()
            await self._store(end_switch)
            self._uplink.switched()

    async def end(self, sessions: Iterable[Session]) -> None:
        """End drained sessions at the broker; it kept messages for them."""
        for one in sessions:
            await self._end(one)

    async def _end(self, session: Session) -> None:
        failures = 0
        while True:
            await self._lease.confirm()
            try:
                await self._end_at_broker(replace(self._options, client_id=session.client_id))
            except ConnectError as error:
                if failures == 0:
                    log.warning("could not end the former client id's session at the broker", reason=str(error))
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, random.random()))
                failures += 1
            else:
                await self._store(forget_ended, self._options.broker, session.key)
                return

    # -------------------------------------------------------------------------------------------- the outside

    async def _end_at_broker(self, options: GatewayOptions) -> None:
        """A clean session takes the place of the one that is there, and ends (MQTT 5.0 3.1.2.4, 3.1.1 3.1.2.4)."""
        async with self._connection(replace(options, clean=True)):
            pass

    @contextlib.asynccontextmanager
    async def _connection(self, options: GatewayOptions) -> Any:
        connection = self._connect(options, Outgoing(options.marker_topic, b""))  # a will that means nothing
        try:
            await connection.open(_Nobody())
            yield connection
        finally:
            await connection.close()

    async def _store(self, function: Callable[..., Any], *args: Any) -> None:
        """Call it under the lease until the database has taken it; never returns once the lease is lost."""
        while True:
            try:
                await self._lease.run(function, *args)
            except DatabaseUnavailableError:
                await asyncio.sleep(_LOOK_S)
            except LeaseLostError:
                await asyncio.Event().wait()  # until we are cancelled
            else:
                return
