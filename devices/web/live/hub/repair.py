"""Closes the gaps that lost broadcasts left: asks the database about the feeds' devices, and compares whole shards."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import structlog

from devices.web.live.hub.commit_gaps import CommitGap, CommitTracker
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.rooms import Room
from devices.web.live.queries.replay import Listed, list_watched, read, steps_between
from devices.web.live.stream.targets import Target
from runtime.backoff import backoff_s
from runtime.database import DatabaseReaders, DatabaseUnavailableError

DEVICES_A_READ: Final = 200
COMPARED_AT_ONCE: Final = 1_000  # devices: about 1 ms of the event loop's time
READ_BYTES: Final = 512 * 1024
_FULL_BYTES: Final = 1024 * 1024  # pending in a feed: it hands out first
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0  # while the database is down

log = structlog.get_logger(__name__)


class GapRepair:
    """Makes one read at a time; while the database is down, the queue waits (it is little: names of devices).

    Args:
        fanout: whose rooms.
        tracker: of the shards' commits, and the gaps in them.
        queue: what is to be asked about.
        database: what is asked.
        shards: how many there are.
    """

    def __init__(
        self, fanout: Fanout, tracker: CommitTracker, queue: RepairQueue, database: DatabaseReaders, shards: int
    ) -> None:
        self._fanout = fanout
        self._tracker = tracker
        self._queue = queue
        self._database = database
        self._shards = shards

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._queue.work.wait()
            self._queue.work.clear()
            try:
                await self._repair_all()
                failures = 0
            except DatabaseUnavailableError:
                self._queue.work.set()
                await asyncio.sleep(backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S, random.random()))
                failures += 1

    async def _repair_all(self) -> None:
        queue = self._queue
        if queue.doubted:
            await self._compare()
        while queue.rooms:
            if queue.doubted:  # however long the rooms take
                await self._compare()
            room = next(iter(queue.rooms))
            del queue.rooms[room]
            if room.members:
                await self._repair(room)
            if room.members and room.feed.sequencer.has_queries:
                queue.rooms[room] = None  # at the end

    async def _repair(self, room: Room) -> None:
        """Ask some of the questions of a room's feed."""
        feed = room.feed
        if not feed.sequencer.has_queries:
            return
        if feed.pending_bytes > _FULL_BYTES:
            await asyncio.sleep(0.02)
            return
        queries = feed.sequencer.queries(DEVICES_A_READ)
        first = queries[0]
        log.debug("asking the database for a feed", devices=len(queries), first=first.device, since=first.since)
        latest = feed.options.readings == "latest"
        try:
            answers = await self._database.run(read, queries, latest=latest, budget_bytes=READ_BYTES)
        except DatabaseUnavailableError:
            self._queue.rooms[room] = None
            raise
        for answer in answers:
            feed.sequencer.settle(answer)
        self._fanout.wake(room)

    async def _compare(self) -> None:
        """List what is watched in the doubted shards; whoever stands elsewhere asks."""
        queue = self._queue
        shards, queue.doubted = queue.doubted, set()
        targets = self._fanout.rooms.targets()
        if not targets:
            self._tracker.forget(shards)
            return
        log.info("comparing what is watched with the database", shards=sorted(shards))
        try:
            listed = await self._database.run(list_watched, targets, shards, self._shards)
            for shard in sorted(shards):
                await self._show_steps(shard, targets)
        except DatabaseUnavailableError:
            queue.doubted |= shards
            raise
        for room in self._fanout.rooms:
            await self._compare_room(room, listed)

    async def _show_steps(self, shard: int, targets: Sequence[Target]) -> None:
        """Show the steps of commands and alerts in the shard's gap, as they are by now."""
        gap = self._tracker.take_gap(shard)
        try:
            while gap is not None:
                steps = await self._database.run(steps_between, targets, shard, self._shards, gap.low, gap.high)
                for step in steps.found:
                    self._fanout.show_step(step, shard)
                gap = CommitGap(steps.upto, steps.high) if steps.upto < steps.high else None
                self._tracker.settle(shard, steps.upto, gap)
        finally:
            self._tracker.give_back(shard)

    async def _compare_room(self, room: Room, listed: Listed) -> None:
        """In slices. What changes in between is asked about once too often at most."""
        feed, there = room.feed, listed.of(room.feed.target)
        async for device in _in_slices(there):
            feed.compare(device, there[device])
        async for device in _in_slices(feed.sent):
            if device not in there and listed.covers(device):
                feed.compare(device, None)
        for sub, receiver in list(room.members.items()):
            async for device in _in_slices(sub.own):
                if listed.covers(device):
                    sub.compare(device, there.get(device))
            if sub.has_queries:
                receiver.wake()
        if feed.sequencer.has_queries:
            self._queue.add(room)


async def _in_slices(devices: Iterable[str]) -> AsyncIterator[str]:
    """The devices of this moment; now and then the event loop does something else."""
    for count, device in enumerate(list(devices), 1):
        yield device
        if count % COMPARED_AT_ONCE == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
