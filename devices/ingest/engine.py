"""The engine: one a process. Gathers what comes for its shards while the previous round runs, then runs the next.

::

    consumers ──offer──> intake ──round──> keeper (database thread) ──results──> sender

No waits are put in: a message that comes alone is carried out at once, and under load rounds grow by themselves.
"""

import asyncio
import contextlib
import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from typing import Final

import structlog
from channels.layers import get_channel_layer
from django.db import Error

from bridge.notices import Outage
from devices.ingest.database import DatabaseThread
from devices.ingest.intake import Incoming, Intake, Round
from devices.ingest.keeper import Keeper
from devices.ingest.layers import Sender
from devices.ingest.ownership import ShardLost
from devices.ingest.results import Results
from devices.options import DevicesOptions

log = structlog.get_logger(__name__)

_TICK_S: Final = 1.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_RELEASE_S: Final = 3


def now_ms() -> int:
    """Unix ms."""
    return time.time_ns() // 1_000_000


class Engine:
    """Runs the shards of this process.

    Args:
        options: of the installation.
        clock: gives Unix ms.
    """

    def __init__(self, options: DevicesOptions, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self.layer_outage = Outage(log, "channel layer", time.monotonic)
        self._shards: set[int] = set()
        owner = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._keeper = Keeper(options, owner, clock)
        self._intake = Intake()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._next_ms: int | None = None
        self._failures = 0
        self._listening_since_ms: int | None = clock()

    # ------------------------------------------------------------------------------- called in the event loop

    @property
    def shards(self) -> frozenset[int]:
        """Those that are, or are to be, ours."""
        return frozenset(self._shards)

    def own(self, shard: int) -> None:
        """Take a shard as soon as possible."""
        self._shards.add(shard)
        self._ready.clear()
        self._wake.set()

    def offer(self, message: Incoming) -> None:
        """Something came for one of our shards. Never waits, never raises; may be dropped: it comes again."""
        if message.shard in self._shards and self._intake.offer(message):
            self._wake.set()

    def listening(self, *, works: bool) -> None:
        """The channel layer brings messages (again), or it does not."""
        if not works:
            self._listening_since_ms = None
        elif self._listening_since_ms is None:
            self._listening_since_ms = self._clock()

    async def ready(self) -> None:
        """Wait until all shards are taken and loaded."""
        await self._ready.wait()

    def stop(self) -> None:
        """Have :meth:`run` finish the round that runs, and return."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Run until :meth:`stop`; then give up the shards.

        A database or layer that is down is waited for. So is the end of a bug of ours in a round: it is logged each
        time, and nothing is acknowledged.

        Raises:
            ShardLost: another worker has taken a shard. The others are given up.
        """
        database = DatabaseThread()
        sender = Sender(get_channel_layer(), get_channel_layer("groups"), self.layer_outage)
        sending: asyncio.Task[None] | None = None
        try:
            while await self._until_due():
                results = await self._round(database)
                if results is None:
                    continue
                if sending:  # broadcasts leave in order; one round's sends overlap with the next round's commit
                    await sending
                sending = asyncio.create_task(sender.send(results), name="ingest-send")
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._end(database, sending), _RELEASE_S)
            database.close()

    # ------------------------------------------------------------------------------------------------ inside

    async def _until_due(self) -> bool:
        """Wait for work, or until something is due; False when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await self._wake.wait()
        return not self._stopping.is_set()

    def _wait_s(self) -> float:
        if self._next_ms is None:
            return _TICK_S
        return max(0.0, min(_TICK_S, (self._next_ms - self._clock()) / 1000))

    async def _round(self, database: DatabaseThread) -> Results | None:
        """Carry out what waits; None when it failed and is to be tried again."""
        self._wake.clear()
        round_ = self._intake.take(self._shards, self._listening_since_ms)
        try:
            results = await database.run(self._keeper.work, round_)
        except ShardLost:
            raise
        except Exception as error:
            if not isinstance(error, Error):
                log.exception("a round failed: a bug")
            self._intake.give_back()
            await self._back_off()
            return None
        self._intake.done()
        self._carried_out(round_, results)
        return results

    def _carried_out(self, round_: Round, results: Results) -> None:
        self._failures, self._next_ms = 0, results.next_ms
        if round_.shards == self._shards:
            self._ready.set()
        if self._intake:
            self._wake.set()

    async def _back_off(self) -> None:
        wait_s = min(_FIRST_WAIT_S * 2**self._failures, _LONGEST_WAIT_S) * random.uniform(0.5, 1)
        self._failures = min(self._failures + 1, 10)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        self._wake.set()

    async def _end(self, database: DatabaseThread, sending: "asyncio.Task[None] | None") -> None:
        if sending:
            await sending
        await database.run(self._keeper.release)
