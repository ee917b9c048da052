"""Who works under a gateway's name: one process at a time; others stand by, ready to take over.

The broker would let each of them throw the other off, for ever. So only the holder connects, and asks the database
before each attempt whether it still is. A lease lasts 3 s from the last beat, on the database's clock; while the
database is away, nobody takes anything, and for as long after it is back as the holder needs to say that it lives.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog

from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import storage
from mqtt_gateway.process.storage import Former, LeaseLostError
from runtime.database import DatabaseThread, DatabaseUnavailableError
from runtime.database_clock import clock, unix_ms
from runtime.leases import LEASE_S
from runtime.outages import Outage

log = structlog.get_logger(__name__)

LEASE_LOST: Final = "another gateway has the name"
P = ParamSpec("P")
T = TypeVar("T")
_LOOK_S: Final = 0.4
_SLOW_S: Final = 1.0  # a look that took so long: the holder could not renew either
_GRACE_S: Final = LEASE_S + 0.5  # for the holder to renew, once the database is back
_CONFIRMED_S: Final = 1.0  # so long a confirmation is good for
_CALL_S: Final = 5.0  # at most; a lease asked for longer ago is over anyhow


def database_thread() -> DatabaseThread:
    """The gateway's; it logs when the database is down."""
    outage = Outage(log, "database", time.monotonic)
    return DatabaseThread("gateway-database", outage=outage, limit_s=_CALL_S, connection_name="causeway gateway")


class Lease:
    """One process's claim to its gateway's name.

    Args:
        options: name, client id and filters.
        database: where the lease is kept.
    """

    def __init__(self, options: GatewayOptions, database: DatabaseThread) -> None:
        self._options, self._database = options, database
        self._key = ""  # of the row that we hold, or held
        self.instance = f"{socket.gethostname()}:{os.getpid()}:{unix_ms()}"
        self.lost = asyncio.Event()  # another process has it
        self._held = False
        self._confirmed_s = self._patient_until_s = float("-inf")
        self._leaps = clock.leaps

    # ---------------------------------------------------------------------------------------------- taking

    async def acquire(self, stop: asyncio.Event) -> Former | None:
        """Stand by until the name is ours.

        Returns:
            What the holder before us left; None: told to stop.

        Raises:
            FiltersOverlapError: another gateway, with another name, has the same topics.
        """
        standing_by = False
        while not stop.is_set():
            holder, former = await self._look()
            if former:
                if standing_by:
                    log.info("taking over", gateway=self._options.name)
                self._key, self._held, self._confirmed_s = former.key, True, time.monotonic()
                self.lost.clear()
                return former
            if holder and not standing_by:
                log.info("standing by: another gateway has the name", gateway=self._options.name, holder=holder)
                standing_by = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_S)
        return None

    async def _look(self) -> tuple[str, Former | None]:
        """Who has it, and what they left if it is ours now."""
        began_s = time.monotonic()
        try:
            held = await self._database.run(storage.holder, *self._wanted)
            if time.monotonic() - began_s > _SLOW_S or clock.leaps != self._leaps:  # no beat is by the new time yet
                self._patient_until_s = time.monotonic() + _GRACE_S
                self._leaps = clock.leaps
            self._alive()
            if held.living or (held.instance and time.monotonic() < self._patient_until_s):
                return held.instance, None
            claim = (*self._wanted, self.instance, self._options.broker, self._options.filters)
            return held.instance, await self._database.run(storage.take, *claim)
        except DatabaseUnavailableError:
            self._patient_until_s = time.monotonic() + _GRACE_S
            return "", None

    @property
    def _wanted(self) -> tuple[str, str | None]:
        return self._options.name, self._options.client_id

    def _alive(self) -> None:
        """Health checks from outside: a gateway that stands by is well."""
        if self._options.heartbeat_file:
            with contextlib.suppress(OSError):  # then the health check says what it has to
                Path(self._options.heartbeat_file).touch()

    # --------------------------------------------------------------------------------------------- holding

    async def run(self, function: Callable[Concatenate[str, str, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function(key, instance, …)``, which does nothing unless we hold the lease; within 5 s.

        Raises:
            DatabaseUnavailableError: as from DatabaseThread.run.
            LeaseLostError: we don't; :attr:`lost` is set.
        """
        try:
            result = await self._database.run(function, self._key, self.instance, *args, **kwargs)
        except LeaseLostError:
            self._held = False
            self.lost.set()
            raise
        self._confirmed_s = time.monotonic()
        return result

    async def renew(self, **fields: Any) -> None:
        """Write the row's ``fields`` with a new beat. Raises like :meth:`run`."""
        await self.run(storage.save_beat, **fields)
        self._alive()

    async def confirm(self) -> None:
        """Return once the database has said within the last second that we hold it; never, if we don't."""
        while time.monotonic() - self._confirmed_s > _CONFIRMED_S:
            try:
                await self.renew()
            except LeaseLostError:
                await asyncio.Event().wait()  # until we are cancelled
            except DatabaseUnavailableError:
                await asyncio.sleep(_LOOK_S)

    async def release(self, **fields: Any) -> None:
        """Give it up, with a last word. Safe to repeat. Raises like :meth:`run`; then it ends by itself."""
        if self._held:
            self._held = False
            await self.run(storage.save_beat, beat_ms=0, **fields)
