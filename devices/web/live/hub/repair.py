"""Closes the gaps that lost broadcasts left: asks the database about the feeds' devices, and compares whole shards."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from bridge.shards import shard_of
from devices.web.live.hub.commit_gaps import CommitGap, CommitTracker
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.rooms import Room
from devices.web.live.queries.replay import list_devices, read, steps_between
from devices.web.live.stream.targets import Target
from runtime.backoff import backoff_s
from runtime.database import DatabaseReaders, DatabaseUnavailableError

DEVICES_A_READ: Final = 200
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
        found: dict[str, int] = {}
        try:
            for target in targets:
                found |= await self._database.run(list_devices, target)
            for shard in sorted(shards):
                await self._show_steps(shard, targets)
        except DatabaseUnavailableError:
            queue.doubted |= shards
            raise
        listed = _Listed(device for device in found.items() if shard_of(device[0], self._shards) in shards)
        for room in self._fanout.rooms:
            self._compare_room(room, listed, shards)
            await asyncio.sleep(0)

    async def _show_steps(self, shard: int, targets: Sequence[Target]) -> None:
        """Show the steps of commands in the shard's gap, as they are by now."""
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

    def _compare_room(self, room: Room, listed: "_Listed", shards: set[int]) -> None:
        feed = room.feed
        there = listed.of(feed.target)
        for device, rev in there.items():
            feed.compare(device, rev)
        for device in [device for device in feed.sent if device not in there]:
            if shard_of(device, self._shards) in shards:
                feed.compare(device, None)
        for sub, receiver in room.members.items():
            for device in list(sub.own):
                if shard_of(device, self._shards) in shards:
                    sub.compare(device, there.get(device))
            if sub.has_queries:
                receiver.wake()
        if feed.sequencer.has_queries:
            self._queue.add(room)


class _Listed:
    """Devices with their revs, found by target."""

    def __init__(self, devices: Iterable[tuple[str, int]]) -> None:
        self._all = dict(devices)
        self._by_site: dict[str, dict[str, int]] = {}
        for device, rev in self._all.items():
            self._by_site.setdefault(device.partition("/")[0], {})[device] = rev

    def of(self, target: Target) -> Mapping[str, int]:
        """Those that a target covers."""
        if target.devices is not None:
            return {device: self._all[device] for device in target.devices if device in self._all}
        if target.sites is None:
            return self._all
        found: dict[str, int] = {}
        for site in target.sites:
            found |= self._by_site.get(site, {})
        return found
