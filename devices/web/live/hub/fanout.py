"""Hands each commit to the feeds of the rooms that watch its devices, and what the feeds hand out to the sockets.

Flushes are gathered: the more frames the last one made, the longer until the next, and none begins before the last
one's frames are written. Sockets write one after the other.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sized
from typing import Final, Protocol

import structlog

from bridge.messages import AlertStep, CommandStep, Commit
from devices.web.live.hub.commit_gaps import CommitTracker, LatestSteps, id_of
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.rooms import Receiver, Room, Rooms, Since
from devices.web.live.queries.replay import Step
from devices.web.live.stream.changes import StepKind
from devices.web.live.stream.feed import FlushBatch
from devices.web.live.stream.subscription import Subscription

# Between two flushes. What they cost is sending frames: at most about half of the time goes into it.
GATHER_MIN_S: Final = 0.002
GATHER_MAX_S: Final = 0.1
CROWD: Final = 1_000  # sockets of a process; for more of them
CROWDED_MAX_S: Final = 0.5
GATHER_S_A_FRAME: Final = 0.000_1
SLICE_S: Final = 0.005  # of writing; then whatever else the event loop has to do gets its turn

log = structlog.get_logger(__name__)


class Fanout:
    """From commits to receivers, on one event loop; asks nobody and waits for nobody.

    Args:
        tracker: counts the commits.
        repair: takes what the feeds and the tracker find missing.
        sockets: of this process; how many there are counts.
    """

    def __init__(self, tracker: CommitTracker, repair: RepairQueue, sockets: Sized) -> None:
        self.rooms = Rooms()
        self.write_queue = WriteQueue(self._plan)
        self._tracker = tracker
        self._repair = repair
        self._sockets = sockets
        self._latest_steps = LatestSteps()
        self._loop = asyncio.get_running_loop()
        self._pending: dict[Room, None] = {}  # rooms whose feed has something to hand out
        self._not_before = 0.0  # for the next flush, in the loop's seconds
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Flush no more."""
        if self._timer:
            self._timer.cancel()

    # Subscriptions -----------------------------------------------------------------------------------------------

    def join(self, sub: Subscription, receiver: Receiver) -> None:
        """Let a pending subscription of a receiver take part."""
        self.rooms.enter(sub, receiver)

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
        """A subscription has listed some of its devices: the feed may have learnt of them."""
        room = self.rooms.of_subscription(sub)
        if room is not None and room.feed.sequencer.has_queries:
            self._repair.add(room)

    # In ----------------------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Take a broadcast that arrived."""
        late = self._tracker.is_late(commit.shard, commit.commit)
        if not self._tracker.heard(commit.shard, commit.commit):
            self._repair.doubt({commit.shard})
        touched: dict[Room, None] = {}
        for change in commit.changes:
            if isinstance(change, CommandStep | AlertStep):
                if not late:  # else newer steps may have been shown, or are asked for
                    self._take_step(change, commit)
                continue
            for room in self.rooms.of(change.device):
                room.feed.take(change)
                touched[room] = None
        for room in touched:
            if room.feed.sequencer:
                self._repair.add(room)
            self._pending[room] = None
        if touched:
            self._plan()

    def _take_step(self, change: CommandStep | AlertStep, commit: Commit) -> None:
        kind: StepKind = "command" if isinstance(change, CommandStep) else "alert"
        whole = change.command if isinstance(change, CommandStep) else change.alert
        self._latest_steps.record(id_of(whole), commit.commit)
        self._show(change.device, kind, whole, (commit.shard, commit.commit - 1))

    def discover(self, device: str) -> None:
        """There is a new device, of which perhaps no broadcast was heard."""
        for room in self.rooms.of(device):
            room.feed.discover(device)
            if room.feed.sequencer:
                self._repair.add(room)

    def show_step(self, step: Step, shard: int) -> None:
        """A step that the database was asked for: nothing if it, or a later one, was shown meanwhile."""
        if self._latest_steps.of(step.id) < step.commit:
            self._latest_steps.record(step.id, step.commit)
            self._show(step.device, step.kind, step.whole, (shard, step.commit - 1))

    def is_outdated(self, step: Step) -> bool:
        """Whether a later step of the same command or alert was shown already."""
        return self._latest_steps.of(step.id) > step.commit

    def _show(self, device: str, kind: StepKind, whole: bytes, since: Since) -> None:
        """To each receiver that watches the device, once."""
        receivers = {receiver: None for room in self.rooms.of(device) for receiver in room.members.values()}
        for receiver in receivers:
            receiver.show_step(device, kind, whole, since)

    # Out ---------------------------------------------------------------------------------------------------------

    def wake(self, room: Room) -> None:
        """The room's feed may have something to hand out."""
        self._pending[room] = None
        self._plan()

    def _plan(self) -> None:
        """Flush now, or see to it that it is done in time. What was flushed last must be written first."""
        if self.write_queue.busy:
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
        """Hand out one batch of each feed that is due. The more frames, the longer until the next time."""
        now = self._loop.time()
        frames = 0
        for room in list(self._pending):
            batch = room.feed.flush(now)
            if batch is None:
                continue
            for sub, receiver in list(room.members.items()):
                frames += self._deliver(sub, receiver, batch)
        most_s = GATHER_MAX_S if len(self._sockets) <= CROWD else CROWDED_MAX_S
        self._not_before = now + min(most_s, max(GATHER_MIN_S, frames * GATHER_S_A_FRAME))
        self._plan()

    def _deliver(self, sub: Subscription, receiver: Receiver, batch: FlushBatch) -> int:
        try:
            sent = receiver.deliver(sub, batch)
        except Exception:
            log.exception("a batch could not be handed out; its socket is closed")
            receiver.abort()
            sent = None
        if sent is None:
            self._left(sub)
        return sent or 0


class Writer(Protocol):
    """A socket that has something to write."""

    def write_out(self) -> None:
        """Write it."""

    def abort(self) -> None:
        """It failed."""


class WriteQueue:
    """The sockets of one event loop that have something to write; first come, first served, each once.

    In slices: a flush to thousands must not hold the event loop until the last.

    Args:
        done: called whenever nobody waits any more.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Writer] = deque()  # each once: it asks only when it had nothing to write
        self.busy = False

    def ask(self, writer: Writer) -> None:
        """Call its ``write_out`` soon."""
        self._waiting.append(writer)
        if not self.busy:
            self.busy = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        ends = time.monotonic() + SLICE_S
        while self._waiting:
            self._write(self._waiting.popleft())
            if self._waiting and time.monotonic() >= ends:
                self._loop.call_soon(self._serve)
                return
        self.busy = False
        self._done()

    @staticmethod
    def _write(writer: Writer) -> None:
        try:
            writer.write_out()
        except Exception:
            log.exception("a socket could not be written to; it is closed")
            writer.abort()
