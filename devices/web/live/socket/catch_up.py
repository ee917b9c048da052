"""Brings a socket's subscriptions to where their feeds are: lists, snapshots and replays by query, a page at a time."""

import asyncio
import random
import time
from typing import Final

from devices.web.live.hub.hub import Hub
from devices.web.live.hub.repair import FIRST_WAIT_S, LONGEST_WAIT_S
from devices.web.live.queries.replay import list_some, read, steps_between
from devices.web.live.socket.frame_writer import LIMIT_BYTES, FrameWriter
from devices.web.live.socket.subscriptions import SocketSubscriptions
from devices.web.live.stream.rendering import MAX_PAGE_DEVICES, answer_bytes
from devices.web.live.stream.subscription import Subscription
from runtime.backoff import backoff_s
from runtime.database import DatabaseUnavailableError

MAX_PAGE_BYTES: Final = 384 * 1024
_MIN_PAGE_BYTES: Final = 16 * 1024
LISTED_AT_ONCE: Final = 500  # devices: about 2 ms of the event loop's time


class CatchUp:
    """Asks the database for one socket. Nothing is read that the client has no credit for.

    What was read and does not fit is read again later.

    Args:
        writer: takes the frames; its credit is the limit.
        subscriptions: the socket's.
        hub: whose fanout they join, and whose database is asked.
    """

    def __init__(self, writer: FrameWriter, subscriptions: SocketSubscriptions, hub: Hub) -> None:
        self._writer = writer
        self._credit = writer.credit
        self._subscriptions = subscriptions
        self._fanout = hub.fanout
        self._tracker = hub.tracker
        self._database = hub.database
        self._shards = hub.shards
        self._shown: set[tuple[str, int]] = set()  # steps (command, commit) shown already of those that are asked for

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        work = self._subscriptions.work
        while True:
            await work.wait()
            work.clear()
            try:
                while await self._round():
                    failures = 0
            except DatabaseUnavailableError:
                work.set()
                await asyncio.sleep(backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S, random.random()))
                failures += 1

    async def _round(self) -> bool:
        """One step of each subscription. False: there is nothing to do, or no credit to do it."""
        done = False
        for sub in list(self._subscriptions.by_id.values()):
            if sub.feed is None or (sub.is_listing and sub.waiting < MAX_PAGE_DEVICES):
                done = await self._list(sub) or done
            elif sub.has_queries:
                done = await self._page(sub) or done
        if not done and self._subscriptions.has_missed_steps:
            done = await self._commands()
        return done

    async def _list(self, sub: Subscription) -> bool:
        """List some of the target's devices: the first are shown while the others are still to be listed."""
        if not self._credit.may_resume:
            self._credit.block(time.monotonic())
            return False
        if sub.feed is None:
            self._fanout.join(sub, self._subscriptions)
        life = sub.life
        try:
            devices, upto = await self._database.run_once(list_some, sub.target, sub.listed_upto, LISTED_AT_ONCE)
        except DatabaseUnavailableError:
            if sub.life == life:
                self._fanout.leave(sub)
                self._subscriptions.miss_steps(self._tracker.notified_up_to)
            raise
        if sub.life == life:
            self._writer.push_bodies(sub, sub.listed(devices, upto))
            self._fanout.update(sub)
        return True

    async def _page(self, sub: Subscription) -> bool:
        credit, life = self._credit, sub.life
        budget = min(MAX_PAGE_BYTES, max(_MIN_PAGE_BYTES, (credit.room_bytes - sub.aside_bytes) // 2))
        if credit.unacknowledged_bytes >= LIMIT_BYTES:
            credit.block(time.monotonic())
            return False
        queries = tuple(sub.queries(MAX_PAGE_DEVICES))
        latest = sub.options.readings == "latest"
        answers = await self._database.run_once(read, queries, latest=latest, budget_bytes=budget)
        if sub.life != life:
            return True
        if not credit.fits(sum(map(answer_bytes, answers)) + sub.aside_bytes):
            credit.block(time.monotonic())
            return False
        self._writer.push_bodies(sub, sub.settle(answers))
        return True

    async def _commands(self) -> bool:
        """Show the latest steps of commands that may have been missed, as they are by now."""
        if not self._credit.may_resume:
            return False
        missed = self._subscriptions.take_missed_steps()
        while missed and not self._subscriptions.has_missed_steps:
            shard, low = next(iter(missed.items()))
            try:
                missed[shard] = await self._steps(shard, low)
            except DatabaseUnavailableError:
                self._subscriptions.miss_steps(missed)
                raise
            if missed[shard] >= self._tracker.last(shard):
                del missed[shard]
        self._subscriptions.miss_steps(missed)
        return not self._subscriptions.has_missed_steps

    async def _steps(self, shard: int, low: int) -> int:
        """Show some of those after commit ``low``; up to which commit they are shown."""
        high = self._tracker.last(shard)
        targets = tuple({sub.target for sub in self._subscriptions.by_id.values()})
        if high <= low or not targets:
            return max(high, low)
        steps = await self._database.run(steps_between, targets, shard, self._shards, low, high)
        for step in steps.found:
            if self._fanout.is_outdated(step) or (step.id, step.commit) in self._shown:
                continue
            if not self._credit.fits(len(step.whole)):
                self._subscriptions.miss_steps({shard: step.commit - 1})
                return step.commit - 1
            self._subscriptions.show_found(step, shard)
            self._shown.add((step.id, step.commit))
        self._shown.clear()
        return steps.upto
