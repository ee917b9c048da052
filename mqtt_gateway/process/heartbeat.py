"""The process's row: written every second, at each change of the broker link, when drained_ms is waited for."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

import structlog

from mqtt_gateway.process.lease import Lease
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import LeaseLostError
from mqtt_gateway.rules.incident_reports import Kind, Report
from runtime.clock_watch import ClockWatch
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import clock, unix_ms

log = structlog.get_logger(__name__)

BEAT_S: Final = 1


class Heartbeat:
    """What this process says about itself; and so it keeps its lease.

    Args:
        lease: writes it.
        state: counters, and incidents to be told.
        figures: gives what else belongs into the row's ``counters``.
        changed: set it to have the row written at once.
        canary_stored: told which ``canary`` of the figures the row has now.
        clock_set: called when the database's clock was set: what was measured by it before means nothing.
    """

    def __init__(
        self,
        lease: Lease,
        state: State,
        figures: Callable[[], dict[str, Any]],
        changed: asyncio.Event,
        canary_stored: Callable[[list[str]], None],
        clock_set: Callable[[], None],
    ) -> None:
        self._lease, self._state, self._figures, self._changed = lease, state, figures, changed
        self._canary_stored, self._clock_set = canary_stored, clock_set
        self._clocks, self._leaps = ClockWatch(clock, log), clock.leaps
        self._broker_up, self._since_ms = False, unix_ms()

    def broker(self, *, up: bool) -> None:
        """The broker link came up or went down; written at once when that is news."""
        if up != self._broker_up:
            self._broker_up, self._since_ms = up, unix_ms()
            self._changed.set()

    async def run(self) -> NoReturn:
        """Write for ever. A database that is down is tried again with the next beat."""
        while True:
            self._changed.clear()
            await self._write(self._lease.renew)
            self._look_at_clocks()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._changed.wait()

    def _look_at_clocks(self) -> None:
        for one in self._clocks.look():
            kind = cast("Kind", one.kind)
            self._state.reports.add(Report(kind, one.since_ms, one.until_ms, one.count, one.detail))
        if clock.leaps != self._leaps:
            self._leaps = clock.leaps
            self._clock_set()

    async def end(self) -> None:
        """The last one: gives the lease up."""
        await self._write(self._lease.release)

    async def _write(self, write: Callable[..., Any]) -> None:
        """Once; the database thread logs when it can't, and a lost lease tells the gateway itself."""
        state, reports, rejected = self._state, self._state.reports.take(), self._state.rejections.take()
        counted, figures = state.counters.copy(), self._figures()
        try:
            await write(
                reports=reports,
                rejected=rejected,
                broker_up=self._broker_up,
                since_ms=self._since_ms,
                drained_ms=state.markers.drained_ms,
                counters={**counted.dump(), "broker": state.broker_statistics.dump(), **figures},
            )
        except (DatabaseUnavailableError, LeaseLostError):
            for report in reports:
                state.reports.add(report)
            for one in rejected:
                state.rejections.put(one)
        else:
            state.written = counted
            self._canary_stored(figures["canary"])
