"""One per process and event loop: takes each commit's broadcast once and hands it to the sockets that want it.

    layer ──Listener──> commit() ──> feeds of the rooms ──flush──> sockets
    database ──Mender──> gaps of the feeds        database ──Watcher──> lost broadcasts, links, new devices, rights

It starts with the first socket and ends with the last.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.conf import settings

from bridge.messages import CommandStep, Commit
from devices.web.auth import Access
from devices.web.live.hub.broadcasts import Listener
from devices.web.live.hub.commit_gaps import Continuity, LatestSteps, command_id
from devices.web.live.hub.repair import Mender
from devices.web.live.hub.rooms import Receiver, Room, Rooms, Since
from devices.web.live.hub.survey_loop import Watcher
from devices.web.live.hub.write_turns import Turns
from devices.web.live.queries.authentication import Credential
from devices.web.live.queries.replay import Step
from devices.web.live.queries.survey import Link
from devices.web.live.stream.feed import Batch
from devices.web.live.stream.subscription import Subscription
from runtime.database import DatabaseReaders
from runtime.database_clock import unix_ms

# Between two flushes. What they cost is sending frames: at most about half of the time goes into it.
GATHER_MIN_S: Final = 0.002
GATHER_MAX_S: Final = 0.1
GATHER_S_A_FRAME: Final = 0.000_1
_RESTART_S: Final = 1.0
_LINK_S: Final = 3.0

log = structlog.get_logger(__name__)


class Socket(Receiver, Protocol):
    """A socket, as far as the hub goes."""

    credential: Credential

    def show_link(self, link: Link) -> None:
        """Send a ``link`` frame."""

    def renew(self, access: Access | None) -> None:
        """Its rights were looked at again; None: it may no longer be here."""

    def tick(self) -> None:
        """About every 2 s."""


class Hub:
    """See the module. Runs on one event loop; its queries on the threads of :class:`DatabaseReaders`."""

    def __init__(self) -> None:
        self.shards = shards = settings.DEVICES.shards
        self.database = DatabaseReaders("live-database")
        self.rooms = Rooms()
        self.sockets: dict[Socket, None] = {}
        self.continuity = Continuity()
        self.link: Link | None = None  # None: not known yet
        self._latest_steps = LatestSteps()
        self.mender = Mender(self, shards)
        self.listener = Listener(get_channel_layer("groups"), shards, self.commit, self.mender.doubt_all)
        self._loop = asyncio.get_running_loop()
        self._link_known = asyncio.Event()
        self._pending: dict[Room, None] = {}  # rooms whose feed has something to hand out
        self.turns = Turns(self._plan)
        self._not_before = 0.0  # for the next flush, in the loop's seconds
        self._timer: asyncio.TimerHandle | None = None
        parts = (self.listener.run, self.mender.run, Watcher(self).run)
        self._tasks = [asyncio.create_task(_supervised(run)) for run in parts]

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if self._timer:
            self._timer.cancel()
        self.database.close()

    # Sockets -----------------------------------------------------------------------------------------------------

    def join(self, sub: Subscription, socket: Socket) -> None:
        """Let a pending subscription of a socket take part."""
        self.rooms.enter(sub, socket)

    def leave(self, sub: Subscription) -> None:
        """Take a subscription out; it is pending then. Safe to repeat."""
        if sub.feed is not None:
            sub.pause()
        self._left(sub)

    def _left(self, sub: Subscription) -> None:
        room = self.rooms.left(sub)
        if room is not None:
            self._pending.pop(room, None)

    def update(self, sub: Subscription) -> None:
        """A subscription has listed its devices: the feed may have learnt of some."""
        room = self.rooms.of_subscription(sub)
        if room is not None and room.feed.following.wanting:
            self.mender.add(room)

    async def current_link(self) -> Link:
        """The state of the chain; waits for the first look at it, up to 3 s."""
        try:
            async with asyncio.timeout(_LINK_S):
                await self._link_known.wait()
        except TimeoutError:
            pass
        return self.link or Link("down", "down", unix_ms())

    def link_is(self, link: Link) -> None:
        """The state of the chain was looked at."""
        changed = link != self.link
        self.link = link
        self._link_known.set()
        for socket in list(self.sockets) if changed else ():
            socket.show_link(link)

    # In ----------------------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """A broadcast arrived."""
        late = self.continuity.is_late(commit.shard, commit.commit)
        if not self.continuity.heard(commit.shard, commit.commit):
            self.mender.doubt({commit.shard})
        touched: dict[Room, None] = {}
        for change in commit.changes:
            if isinstance(change, CommandStep):
                if not late:  # else newer steps may have been told, or are asked for
                    self._latest_steps.told(command_id(change.command), commit.commit)
                    self._show_command(change.device, change.command, (commit.shard, commit.commit - 1))
                continue
            for room in self.rooms.of(change.device):
                room.feed.take(change)
                touched[room] = None
        for room in touched:
            if room.feed.following:
                self.mender.add(room)
            self._pending[room] = None
        if touched:
            self._plan()

    def discover(self, device: str) -> None:
        """There is a new device; perhaps no broadcast told of it."""
        for room in self.rooms.of(device):
            room.feed.discover(device)
            if room.feed.following:
                self.mender.add(room)

    def show_step(self, step: Step, shard: int) -> None:
        """A step that the database was asked for: nothing if it, or a later one, was told meanwhile."""
        if self._latest_steps.of(step.id) < step.commit:
            self._latest_steps.told(step.id, step.commit)
            self._show_command(step.device, step.command, (shard, step.commit - 1))

    def is_outdated(self, step: Step) -> bool:
        """Whether a later step of the same command was told already."""
        return self._latest_steps.of(step.id) > step.commit

    def _show_command(self, device: str, command: bytes, since: Since) -> None:
        """To each socket that watches the device, once."""
        receivers = {receiver: None for room in self.rooms.of(device) for receiver in room.members.values()}
        for receiver in receivers:
            receiver.show_command(device, command, since)

    # Out ---------------------------------------------------------------------------------------------------------

    def wake(self, room: Room) -> None:
        """The room's feed may have something to hand out."""
        self._pending[room] = None
        self._plan()

    def _plan(self) -> None:
        """Flush now, or see to it that it is done in time. What was flushed last must be written first."""
        if self.turns.busy:
            return
        now = self._loop.time()
        if self._timer is not None and self._timer.when() <= max(now, self._not_before):
            return  # nothing can be due before that
        when = self._due(now)
        if when is None:
            return
        when = max(when, self._not_before)
        if when <= now:
            self._flush()
        elif self._timer is None or when < self._timer.when():
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._plan()

    def _due(self, now: float) -> float | None:
        first: float | None = None
        for room in list(self._pending):
            due = room.feed.due(now)
            if due is None:
                del self._pending[room]
            elif first is None or due < first:
                first = due
        return first

    def _flush(self) -> None:
        """One batch of each feed that is due. The more frames, the longer until the next time."""
        now = self._loop.time()
        frames = 0
        for room in list(self._pending):
            batch = room.feed.flush(now)
            if batch is None:
                continue
            for sub, receiver in list(room.members.items()):
                frames += self._deliver(sub, receiver, batch)
        self._not_before = now + min(GATHER_MAX_S, max(GATHER_MIN_S, frames * GATHER_S_A_FRAME))
        self._plan()

    def _deliver(self, sub: Subscription, receiver: Receiver, batch: Batch) -> int:
        try:
            sent = receiver.deliver(sub, batch)
        except Exception:
            log.exception("a batch could not be handed out; its socket is closed")
            receiver.abort()
            sent = None
        if sent is None:
            self._left(sub)
        return sent or 0


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

    def __init__(self) -> None:
        self.hub = Hub()
        self.users = 0


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


@asynccontextmanager
async def hub_of_this_loop() -> AsyncIterator[Hub]:
    """This event loop's hub, begun with its first user and ended with its last."""
    loop = asyncio.get_running_loop()
    shared = _hubs.get(loop)
    if shared is None:
        shared = _hubs[loop] = _Shared()
    shared.users += 1
    try:
        yield shared.hub
    finally:
        shared.users -= 1
        if shared.users == 0:
            del _hubs[loop]
            await shared.hub.close()
