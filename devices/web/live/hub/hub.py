"""The hub of a process and event loop: composes the parts that bring each commit to the sockets that watch it.

    layer ──BroadcastListener──> Fanout ──> feeds of the rooms ──flush──> sockets
    database ──GapRepair──> gaps of the feeds
    database ──SurveyLoop──> lost broadcasts, links, new devices, rights
    layer <──AttendanceExchange──> people at the same place, in all web processes

It starts with the first socket and ends with the last.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog

from devices.web.live.attendance.exchange import AttendanceExchange
from devices.web.live.attendance.rules import messages as people
from devices.web.live.hub import ended_sessions
from devices.web.live.hub.broadcasts import Aside, BroadcastListener
from devices.web.live.hub.commit_gaps import CommitTracker
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.repair import GapRepair
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.sockets import Sockets
from devices.web.live.hub.survey_loop import Observation, SurveyLoop
from runtime.database import DatabaseReaders

_RESTART_S: Final = 1.0

log = structlog.get_logger(__name__)


class Hub:
    """Runs its parts on the present event loop from the moment it is made, until closed.

    Args:
        layer: the channel layer of groups.
        database: whose threads run the queries; closed with the hub.
        shards: how many there are.
    """

    def __init__(self, layer: Any, database: DatabaseReaders, shards: int) -> None:
        self.database = database
        self.shards = shards
        self.tracker = CommitTracker()
        self.sockets = Sockets()
        queue = RepairQueue(shards, self.tracker)
        self.fanout = Fanout(self.tracker, queue, self.sockets)
        self.attendance = AttendanceExchange(layer, secrets.token_hex(8))
        asides = (
            Aside(ended_sessions.GROUP, ended_sessions.ENDED, self.sockets.session_ended),
            Aside(people.GROUP, people.KIND, self.attendance.hear, self.attendance.joined),
        )
        listener = BroadcastListener(layer, shards, self.fanout.commit, queue.doubt_all, asides)
        observation = self._observation = Observation(database)
        parts = (
            listener,
            self.attendance,
            GapRepair(self.fanout, self.tracker, queue, database, shards),
            SurveyLoop(self.fanout, self.tracker, queue, self.sockets, listener, observation, shards),
        )
        self._tasks = [asyncio.create_task(_supervised(part.run)) for part in parts]

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self.fanout.close()
        await self.attendance.close()
        self._observation.close()
        self.database.close()


async def _supervised(run: Callable[[], Awaitable[None]]) -> None:
    """Run a part for ever: one that fails is a bug, is logged, and begins anew."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("a part of the hub failed; it begins anew", part=getattr(run, "__qualname__", ""))
        await asyncio.sleep(_RESTART_S)


class _Shared:
    """A hub and how many use it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.users = 0


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


@asynccontextmanager
async def hub_of_this_loop(make: Callable[[], Hub]) -> AsyncIterator[Hub]:
    """This event loop's hub, made for its first user and closed after its last.

    Args:
        make: makes a hub, on this event loop.
    """
    loop = asyncio.get_running_loop()
    shared = _hubs.get(loop)
    if shared is None:
        shared = _hubs[loop] = _Shared(make())
    shared.users += 1
    try:
        yield shared.hub
    finally:
        shared.users -= 1
        if shared.users == 0:
            del _hubs[loop]
            await shared.hub.close()
