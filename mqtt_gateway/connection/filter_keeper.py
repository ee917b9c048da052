"""Keeps subscriptions as sources and mappings want them while a connection is up; has what is retained come again.

Workers say in the table SourceFilter which filters a source wants, people in Mapping how foreign topics are read; a
nudge says that one has changed. They are read before each connection, at a nudge, and every 30 s, for nudges may be
lost.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from bridge.dialects.mapping.patterns import topic_filter as filter_of
from bridge.dialects.mapping.rules import Rule
from bridge.messages import FiltersChanged, Refetch
from bridge.topic_filters import matches, overlap
from mqtt_gateway.client.broker import ConnectError, Connection
from mqtt_gateway.connection.subscriptions import Subscriptions
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import wanted
from mqtt_gateway.process.lease import Lease
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import LeaseLostError
from mqtt_gateway.rules.dynamic_filters import DynamicFilters, Guard
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_LOOK_S: Final = 30.0
_APART_S: Final = 1.0  # between two looks at the table, and two rounds of anything
_AT_ONCE: Final = 500  # filters fetched again in one round
_SETTLED_S: Final = 10.0  # without markers: then what the broker had before a SUBSCRIBE is taken to be here


class FilterKeeper:
    """Of one gateway process.

    Args:
        options: dialects, and what of them is ours.
        subscriptions: of the broker's session.
        lease: for the database.
        state: takes the dynamic filters.
        sort: called whenever topics have to be sorted anew.
    """

    def __init__(
        self,
        options: GatewayOptions,
        subscriptions: Subscriptions,
        lease: Lease,
        state: State,
        sort: Callable[[], None],
    ) -> None:
        self._options, self._subscriptions, self._lease, self._state = options, subscriptions, lease, state
        self._sort = sort
        self._dialects = options.dialects
        self._guard = Guard(self._dialects, options.topic_root)
        self._stamp: wanted.Stamp | None = None  # of the tables as they were read last
        self._stale = self._changed = False
        self._read_s = float("-inf")
        self._wake = asyncio.Event()

    # ------------------------------------------------------------------------------------- what workers say

    async def refetch(self, message: Refetch) -> None:
        """A source needs what is retained under these filters."""
        self._state.refetches.ask(self._subscriptions.covering(message.filters))
        self._wake.set()

    async def changed(self, _message: FiltersChanged) -> None:
        """A source wants other filters than before."""
        self._stale = True
        self._wake.set()

    # --------------------------------------------------------------------------------------------- the table

    async def read(self) -> None:
        """Read the tables, if they have changed. Raises as Lease.run does."""
        self._stale, self._read_s = False, time.monotonic()
        read = await self._lease.run(self._judged)
        if read is not None:
            self._stamp, dynamic = read
            self._changed = True
            self._tell_refused(dynamic)
            self._state.dynamic = dynamic
            self._sort()

    def _judged(self, _key: str, _instance: str) -> tuple[wanted.Stamp, DynamicFilters] | None:
        """On the database's thread: judging thousands takes some 100 ms. None: nothing has changed."""
        stamp = wanted.provider.stamp()
        if stamp == self._stamp:
            return None
        mine = (one for one in wanted.provider.filters() if self._serves(one.dialect, one.source))
        rules = [one for one in wanted.provider.mappings() if self._maps(one)]
        return stamp, self._guard.with_mappings(self._guard.judge(mine), rules)

    def _maps(self, rule: Rule) -> bool:
        """Whether a mapping's topics are ours: of those that GATEWAY_TOPIC_FILTERS narrows us to, if it does."""
        narrowed = self._options.topic_filters
        return not narrowed or any(overlap(one, filter_of(rule.pattern)) for one in narrowed)

    def _serves(self, dialect: str, source: str) -> bool:
        if not self._options.topic_filters:
            return True
        example = self._dialects.example(dialect, source)
        return example is not None and any(matches(one, example) for one in self._options.topic_filters)

    def _tell_refused(self, dynamic: DynamicFilters) -> None:
        for one, reason in dynamic.refused.items():
            if one not in self._state.dynamic.refused:
                self._state.rejections.add(one.filter.topic_filter, f"filter_{reason}", b"", unix_ms(), one.source)
        if dynamic.refused and dynamic.refused != self._state.dynamic.refused:
            log.warning("some filters that sources want are refused", count=len(dynamic.refused))

    # ------------------------------------------------------------------------------------ while the link is up

    async def run(self, connection: Connection) -> None:
        """Work until the connection is lost."""
        self._changed = False  # the subscriptions were made with what was read before
        while not connection.lost.done():
            self._wake.clear()
            try:
                await self._round(connection)
            except (ConnectError, DatabaseUnavailableError, LeaseLostError) as error:
                log.info("could not bring subscriptions up to date: another try follows", reason=str(error))
            except Exception:
                log.exception("could not bring subscriptions up to date: a bug")
            await self._wait(connection)

    async def _round(self, connection: Connection) -> None:
        now_s = time.monotonic()
        if not self._state.markers.coming:
            self._state.owners.settle(now_s - _SETTLED_S)
        if self._stale or now_s >= self._read_s + _LOOK_S:
            await self.read()
        if self._changed:
            await self._subscriptions.change(connection)
            self._changed = False
        if due := self._state.refetches.due(time.monotonic(), _AT_ONCE):
            self._state.refetches.done(due, time.monotonic())
            await self._subscriptions.refetch(connection, due)
            log.info("what is retained comes again", filters=due[:20], count=len(due))

    async def _wait(self, connection: Connection) -> None:
        """Until something is asked for, or due; at least a while, so that many nudges are one look."""
        await asyncio.wait((connection.lost,), timeout=_APART_S)
        until_s = min(self._read_s + _LOOK_S, self._state.refetches.next_s())
        if connection.lost.done() or self._wake.is_set() or until_s <= time.monotonic():
            return
        woken = asyncio.ensure_future(self._wake.wait())
        wait_s = None if until_s == float("inf") else until_s - time.monotonic()
        await asyncio.wait((connection.lost, woken), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
