"""Mends what the layer lost: asks the database about the feeds' gaps, and compares whole shards with it."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from bridge.shards import shard_of
from devices.web.live.hub.commit_gaps import Hole
from devices.web.live.hub.rooms import Room
from devices.web.live.queries.replay import list_devices, read, steps_between
from devices.web.live.stream.targets import Target
from runtime.backoff import backoff_s
from runtime.database import DatabaseUnavailableError

if TYPE_CHECKING:
    from devices.web.live.hub.hub import Hub

DEVICES_A_READ: Final = 200
READ_BYTES: Final = 512 * 1024
_FULL_BYTES: Final = 1024 * 1024  # pending in a feed: it hands out first
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0  # while the database is down

log = structlog.get_logger(__name__)


class Mender:
    """One read at a time; while the database is down, what is to be done waits (it is little: names of devices).

    Args:
        hub: whose rooms.
        shards: how many there are.
    """

    def __init__(self, hub: "Hub", shards: int) -> None:
        self._hub = hub
        self._shards = shards
        self._gaps: dict[Room, None] = {}
        self._doubted: set[int] = set()
        self._work = asyncio.Event()

    def add(self, room: Room) -> None:
        """The room's feed wants to know something."""
        self._gaps[room] = None
        self._work.set()

    def doubt(self, shards: set[int]) -> None:
        """Broadcasts of these shards may be lost. Safe to repeat."""
        if shards:
            self._doubted |= shards
            self._work.set()

    def doubt_all(self) -> None:
        """Broadcasts of any shard may be lost."""
        shards = set(range(self._shards))
        self._hub.continuity.doubt(shards)
        self.doubt(shards)

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._mend_all()
                failures = 0
            except DatabaseUnavailableError:
                self._work.set()
                await asyncio.sleep(backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S, random.random()))
                failures += 1

    async def _mend_all(self) -> None:
        if self._doubted:
            await self._compare()
        while self._gaps:
            if self._doubted:  # however long the gaps take
                await self._compare()
            room = next(iter(self._gaps))
            del self._gaps[room]
            if room.members:
                await self._mend(room)
            if room.members and room.feed.following.wanting:
                self._gaps[room] = None  # at the end

    async def _mend(self, room: Room) -> None:
        feed = room.feed
        if not feed.following.wanting:
            return
        if feed.pending_bytes > _FULL_BYTES:
            await asyncio.sleep(0.02)
            return
        wants = feed.following.wants(DEVICES_A_READ)
        log.debug("asking the database for a feed", devices=len(wants), first=wants[0].device, since=wants[0].since)
        latest = feed.manner.readings == "latest"
        try:
            answers = await self._hub.database.run(read, wants, latest=latest, budget_bytes=READ_BYTES)
        except DatabaseUnavailableError:
            self._gaps[room] = None
            raise
        for answer in answers:
            feed.following.settle(answer)
        self._hub.wake(room)

    async def _compare(self) -> None:
        """List what is watched in the doubted shards; whoever stands elsewhere asks."""
        shards, self._doubted = self._doubted, set()
        targets = self._hub.rooms.targets()
        if not targets:
            self._hub.continuity.forget(shards)
            return
        log.info("comparing what is watched with the database", shards=sorted(shards))
        found: dict[str, int] = {}
        try:
            for target in targets:
                found |= await self._hub.database.run(list_devices, target)
            for shard in sorted(shards):
                await self._tell_steps(shard, targets)
        except DatabaseUnavailableError:
            self._doubted |= shards
            raise
        listed = _Listed(device for device in found.items() if shard_of(device[0], self._shards) in shards)
        for room in self._hub.rooms:
            self._compare_room(room, listed, shards)
            await asyncio.sleep(0)

    async def _tell_steps(self, shard: int, targets: Sequence[Target]) -> None:
        """Tell the steps of commands in the shard's hole, as they are by now."""
        continuity = self._hub.continuity
        hole = continuity.ask(shard)
        try:
            while hole is not None:
                steps = await self._hub.database.run(steps_between, targets, shard, self._shards, hole.low, hole.high)
                for step in steps.found:
                    self._hub.show_step(step, shard)
                hole = Hole(steps.upto, steps.high) if steps.upto < steps.high else None
                continuity.told_upto(shard, hole)
        finally:
            continuity.give_back(shard)

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
            if sub.wanting:
                receiver.wake()
        if feed.following.wanting:
            self.add(room)


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
