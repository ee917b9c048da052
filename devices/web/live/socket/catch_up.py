"""Brings a socket's subscriptions to where their feeds are: lists, snapshots and replays by query, a page at a time."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from devices.web.live.hub.repair import FIRST_WAIT_S, LONGEST_WAIT_S
from devices.web.live.queries.replay import list_devices, read, steps_between
from devices.web.live.socket.credit import LIMIT_BYTES
from devices.web.live.stream.changes import answer_bytes
from devices.web.live.stream.rendering import MAX_PAGE_DEVICES
from devices.web.live.stream.subscription import Subscription
from runtime.backoff import backoff_s
from runtime.database import DatabaseUnavailableError

if TYPE_CHECKING:
    from devices.web.live.socket.connection import Connection

MAX_PAGE_BYTES: Final = 384 * 1024
_MIN_PAGE_BYTES: Final = 16 * 1024


class CatchingUp:
    """Of one connection. Nothing is read that the client has no credit for; what does not fit is read again later.

    Args:
        connection: whose subscriptions.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._work = asyncio.Event()
        self._missed: dict[int, int] = {}  # shard → the commit since which steps of commands may not have been told
        self._shown: set[tuple[str, int]] = set()  # steps (command, commit) told already of those that are asked for

    def wake(self) -> None:
        """Look for work."""
        self._work.set()

    def missed_steps(self, since: Mapping[int, int]) -> None:
        """Steps of commands told by later commits than these, by shard, may have been missed."""
        for shard, commit in since.items():
            self._missed[shard] = min(commit, self._missed.get(shard, commit))

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while await self._round():
                    failures = 0
            except DatabaseUnavailableError:
                self._work.set()
                await asyncio.sleep(backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S, random.random()))
                failures += 1

    async def _round(self) -> bool:
        """One step of each subscription. False: there is nothing to do, or no credit to do it."""
        done = False
        for sub in list(self._connection.subs.values()):
            if sub.feed is None:
                done = await self._list(sub) or done
            elif sub.wanting:
                done = await self._page(sub) or done
        if not done and self._missed:
            done = await self._commands()
        return done

    async def _list(self, sub: Subscription) -> bool:
        connection = self._connection
        if not connection.credit.may_resume:
            connection.credit.block(time.monotonic())
            return False
        connection.hub.join(sub, connection)
        life = sub.life
        try:
            devices = await connection.hub.database.run_once(list_devices, sub.target)
        except DatabaseUnavailableError:
            if sub.life == life:
                connection.hub.leave(sub)
                self.missed_steps(connection.hub.continuity.told)
            raise
        if sub.life == life:
            connection.push_bodies(sub, sub.listed(devices))
            connection.hub.update(sub)
        return True

    async def _page(self, sub: Subscription) -> bool:
        connection, credit, life = self._connection, self._connection.credit, sub.life
        budget = min(MAX_PAGE_BYTES, max(_MIN_PAGE_BYTES, (credit.room_bytes - sub.aside_bytes) // 2))
        if credit.unacknowledged_bytes >= LIMIT_BYTES:
            credit.block(time.monotonic())
            return False
        wants = tuple(sub.wants(MAX_PAGE_DEVICES))
        latest = sub.manner.readings == "latest"
        answers = await connection.hub.database.run_once(read, wants, latest=latest, budget_bytes=budget)
        if sub.life != life:
            return True
        if not credit.fits(sum(map(answer_bytes, answers)) + sub.aside_bytes):
            credit.block(time.monotonic())
            return False
        connection.push_bodies(sub, sub.settle(answers))
        return True

    async def _commands(self) -> bool:
        """The latest steps of commands that may have been missed, as they are by now."""
        if not self._connection.credit.may_resume:
            return False
        missed, self._missed = self._missed, {}
        while missed and not self._missed:
            shard, low = next(iter(missed.items()))
            try:
                missed[shard] = await self._steps(shard, low)
            except DatabaseUnavailableError:
                self.missed_steps(missed)
                raise
            if missed[shard] >= self._connection.hub.continuity.last(shard):
                del missed[shard]
        self.missed_steps(missed)
        return not self._missed

    async def _steps(self, shard: int, low: int) -> int:
        """Some of those after commit ``low``. Up to which they are told."""
        connection, hub = self._connection, self._connection.hub
        high = hub.continuity.last(shard)
        targets = tuple({sub.target for sub in connection.subs.values()})
        if high <= low or not targets:
            return max(high, low)
        steps = await hub.database.run(steps_between, targets, shard, hub.shards, low, high)
        for step in steps.found:
            if hub.is_outdated(step) or (step.id, step.commit) in self._shown:
                continue
            if not connection.credit.fits(len(step.command)):
                self.missed_steps({shard: step.commit - 1})
                return step.commit - 1
            connection.show_step(step, shard)
            self._shown.add((step.id, step.commit))
        self._shown.clear()
        return steps.upto
