"""The engine: one a process. Gathers what comes for its shards while the previous round runs, then runs the next.

::

    consumers ──offer──> intake ──round──> RoundRunner (database thread) ──results──> sender
                                   shards │ ↑ served, lost
    leases (their own thread) ──found──> possession

No waits are put in: a message that comes alone is carried out at once, and under load rounds grow by themselves.
"""

import asyncio
import contextlib
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from channels.layers import get_channel_layer

from bridge.messages import Published
from devices.extensions import features
from devices.options import DevicesOptions
from devices.worker.effects.results import RoundResults
from devices.worker.features import all_features
from devices.worker.ownership.fence import ReshardedError, ShardLostError, connection_name
from devices.worker.ownership.followed import Followed
from devices.worker.ownership.lease_loop import LeaseLoop
from devices.worker.ownership.leases import Leases
from devices.worker.ownership.shard_states import ShardStates
from devices.worker.process.sender import Sender
from devices.worker.round.intake import Incoming, Intake, incoming
from devices.worker.round.rounds import RoundRunner
from runtime.backoff import backoff_s
from runtime.database import DatabaseThread, DatabaseUnavailableError
from runtime.database_clock import clock as database_clock
from runtime.database_clock import unix_ms
from runtime.outages import Outage

log = structlog.get_logger(__name__)

_TICK_S: Final = 1.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_RELEASE_S: Final = 3
_LONG_S: Final = 2.5  # for a round: then it waits for the database, or for a lock in it
_TROUBLE_CHARS: Final = 200
_AFTER_FAILURE_MS: Final = 5_000
_CONFIRMED_S: Final = 0.05  # so long what the broker has confirmed waits for a transaction, before it gets its own


class Engine:
    """Runs the shards of this process: those that it is told to, or its share of all.

    Args:
        options: of the installation.
        pinned: the shards to have; none: an even share.
        clock: gives Unix ms.
    """

    def __init__(self, options: DevicesOptions, pinned: Iterable[int] = (), clock: Callable[[], int] = unix_ms) -> None:
        self._clock = clock
        self.layer_outage = Outage(log, "channel layer", time.monotonic)
        self._token = secrets.token_hex(4)
        self._owner = f"{socket.gethostname()[:80]}:{os.getpid()}:{self._token}"
        followed = Followed()
        its_features = all_features(options, features.all().values(), followed)
        self._runner = RoundRunner(options, its_features, self._owner, clock)
        self._pinned = frozenset(pinned)
        self._leases = Leases(self._owner, options, self._pinned)
        self._shard_states = ShardStates()
        self._lease_loop = LeaseLoop(self._leases, self._shard_states, self, followed)
        self._intake = Intake()
        self._wake = asyncio.Event()
        self._confirmed: asyncio.TimerHandle | None = None  # wakes us for what the broker has confirmed
        self._stopping = asyncio.Event()
        self._database: DatabaseThread | None = None
        self._database_outage = Outage(log, "database", time.monotonic)
        self._round_since_s: float | None = None
        self._next_ms: int | None = None
        self._purge_ms = 0  # Unix ms; when the next step of retention is due
        self._failures = 0
        self._listening_since_ms: int | None = clock()
        self._leaps = database_clock.leaps

    # ------------------------------------------------------------------------------- called in the event loop

    @property
    def pinned(self) -> frozenset[int]:
        """The shards that it is told to have; none: an even share."""
        return self._pinned

    @property
    def shards(self) -> frozenset[int]:
        """Those that it serves: they are ours, and loaded."""
        return self._shard_states.served

    def pin(self, shard: int) -> None:
        """Have this shard, too, as soon as it is free."""
        self._pinned |= {shard}
        self._leases.pin(shard)

    def take(self, message: dict[str, Any]) -> None:
        """:meth:`offer` what a message of the channel layer brings."""
        for one in incoming(message):
            self.offer(one)

    def offer(self, message: Incoming) -> None:
        """Something came for one of our shards. Never waits, never raises; may be dropped: it comes again."""
        if not (message.shard in self._shard_states.served and self._intake.offer(message)):
            return
        if self._intake.is_urgent:
            self._wake.set()
        if self._confirmed is None and isinstance(message, Published) and message.ok:
            self._confirmed = asyncio.get_running_loop().call_later(_CONFIRMED_S, self._confirmed_is_due)

    def _confirmed_is_due(self) -> None:
        self._confirmed = None
        self._wake.set()

    def listening(self, *, works: bool) -> None:
        """The channel layer brings messages (again), or it does not."""
        if not works:
            self._listening_since_ms = None
        elif self._listening_since_ms is None:
            self._listening_since_ms = self._clock()

    async def shards_but(self, known: frozenset[int]) -> frozenset[int]:
        """Wait until it serves others than these; which."""
        return await self._shard_states.served_but(known)

    async def ready(self) -> None:
        """Wait until it serves all that it is to have by now."""
        await self._shard_states.complete()

    def stop(self) -> None:
        """Have :meth:`run` finish the round that runs, and return."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Run until :meth:`stop`; then give up the shards.

        A database or layer that is down is waited for. So is the end of a bug of ours in a round: it is logged each
        time, and nothing is acknowledged.

        Raises:
            ReshardedError: there is another number of shards by now.
        """
        self._database = DatabaseThread(
            "ingest-database", outage=self._database_outage, connection_name=connection_name(self._owner)
        )
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self._lease_loop.run(self._stopping), name="ingest-leases")
                await self._rounds(self._database)
        except ExceptionGroup as group:
            if resharded := group.subgroup(ReshardedError):
                raise resharded.exceptions[0] from None
            raise
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._lease_loop.leave(), _RELEASE_S)
            self._lease_loop.close()
            self._database.close()

    # ------------------------------------------------------------------------------------ for those who hold leases

    def wake(self) -> None:
        """Run a round now."""
        self._intake.drop_all_but(self._shard_states.served)
        self._wake.set()

    @property
    def fails(self) -> bool:
        """Whether the last call to the database failed, or takes very long."""
        return self._database_outage.lasts

    @property
    def lasts_s(self) -> float:
        """How long the present round has lasted."""
        return 0.0 if self._round_since_s is None else time.monotonic() - self._round_since_s

    @property
    def trouble(self) -> str:
        """Why nothing is committed; empty: it is, or nothing is to be."""
        if self.lasts_s >= _LONG_S:
            return f"no answer within {_LONG_S:g} s"
        return self._database_outage.reason[:_TROUBLE_CHARS]

    # ------------------------------------------------------------------------------------------------ inside

    async def _rounds(self, database: DatabaseThread) -> None:
        sender = Sender(get_channel_layer(), get_channel_layer("groups"), self.layer_outage, self._token)
        try:
            while await self._until_due():
                results = await self._round(database)
                if results is None:
                    continue
                await sender.done()  # broadcasts leave in order; one round's sends overlap with the next round's commit
                sender.send(results)
                await self._purge(database)
        finally:
            await sender.done()

    async def _until_due(self) -> bool:
        """Wait for work, or until something is due; False when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await self._wake.wait()
        return not self._stopping.is_set()

    def _wait_s(self) -> float:
        next_ms = min(self._purge_ms, self._next_ms or self._purge_ms)
        return max(0.0, min(_TICK_S, (next_ms - self._clock()) / 1000))

    async def _round(self, database: DatabaseThread) -> RoundResults | None:
        """Carry out what waits; None when it failed and is to be tried again."""
        self._wake.clear()
        if database_clock.leaps != self._leaps:
            self._clock_set()
        shards, leaving = self._shard_states.next_round, self._shard_states.leaving
        round_ = self._intake.take(self._listening_since_ms, patient=self._confirmed is not None)
        if self._confirmed is not None and round_.published:
            self._confirmed.cancel()
            self._confirmed = None
        self._round_since_s, cpu_s = time.monotonic(), time.process_time()
        try:
            results = await database.run(self._runner.work, round_, shards, leaving)
        except ShardLostError as lost:
            self._lease_loop.lost(lost.shards)
            self._give_back()
            return None
        except Exception as error:
            if not isinstance(error, DatabaseUnavailableError):
                log.exception("a round failed: a bug")
            await self._back_off()
            self._give_back()
            return None
        finally:
            self._round_since_s = None
        self._intake.done()
        self._failures, self._next_ms = 0, results.next_ms
        results.cpu_s = time.process_time() - cpu_s
        self._shard_states.round_done(shards, leaving)
        if self._intake.is_urgent or self._shard_states.owned != self._shard_states.served:
            self._wake.set()
        return results

    def _clock_set(self) -> None:
        """No time from before means anything."""
        self._leaps = database_clock.leaps
        self._purge_ms, self._next_ms = 0, None
        if self._listening_since_ms is not None:
            self._listening_since_ms = self._clock()

    def _give_back(self) -> None:
        self._intake.give_back()
        self.wake()

    async def _purge(self, database: DatabaseThread) -> None:
        """A step of retention, while what the round came to is sent. One that fails is made again."""
        if self._clock() < self._purge_ms:
            return
        if not database_clock.is_steady:  # what is removed stays so, should the clock be set back
            self._purge_ms = self._clock() + _AFTER_FAILURE_MS
            return
        self._round_since_s = time.monotonic()
        try:
            self._purge_ms = await database.run(self._runner.purge)
        except Exception as error:
            self._purge_ms = self._clock() + _AFTER_FAILURE_MS
            if not isinstance(error, DatabaseUnavailableError):
                log.exception("a step of retention failed: a bug")
        finally:
            self._round_since_s = None

    async def _back_off(self) -> None:
        wait_s = backoff_s(self._failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, random.random())
        self._failures += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
