"""Brings a socket's subscriptions to where their feeds are: lists, snapshots and replays by query, a page at a time."""

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final

from devices.web.live.credit import LIMIT_BYTES
from devices.web.live.database import DatabaseUnavailable
from devices.web.live.mending import BACKOFF_S
from devices.web.live.parts import answer_bytes
from devices.web.live.rendering import MAX_PAGE_DEVICES
from devices.web.live.replaying import commands_since, list_devices, read
from devices.web.live.subscription import Subscription

if TYPE_CHECKING:
    from devices.web.live.connection import Connection

MAX_PAGE_BYTES: Final = 384 * 1024
_MIN_PAGE_BYTES: Final = 16 * 1024
_CLOCKS_MS: Final = 5_000  # by which a gateway's clock may differ from ours


class CatchingUp:
    """Of one connection. Nothing is read that the client has no credit for; what does not fit is read again later.

    Args:
        connection: whose subscriptions.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._work = asyncio.Event()
        self._missed_ms: int | None = None  # Unix ms; commands since then may not have been sent

    def wake(self) -> None:
        """Look for work."""
        self._work.set()

    def missed_commands(self, now_ms: int) -> None:
        """From now on commands may be missed."""
        if self._missed_ms is None:
            self._missed_ms = now_ms

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = BACKOFF_S[0]
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while await self._round():
                    pause_s = BACKOFF_S[0]
            except DatabaseUnavailable:
                self._work.set()
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(BACKOFF_S[1], pause_s * 2)

    async def _round(self) -> bool:
        """One step of each subscription. False: there is nothing to do, or no credit to do it."""
        done = False
        for sub in list(self._connection.subs.values()):
            if sub.feed is None:
                done = await self._list(sub) or done
            elif sub.wanting:
                done = await self._page(sub) or done
        if not done and self._missed_ms is not None:
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
        except DatabaseUnavailable:
            if sub.life == life:
                connection.hub.leave(sub)
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
        """The newest state of commands that may have been missed."""
        connection, since_ms = self._connection, self._missed_ms
        if since_ms is None or not connection.credit.may_resume:
            return False
        self._missed_ms = None
        try:
            for target in {sub.target for sub in connection.subs.values()}:
                found = await connection.hub.database.run(commands_since, target, since_ms - _CLOCKS_MS)
                for device, command in found:
                    connection.show_command(device, command)
        except DatabaseUnavailable:
            self._missed_ms = since_ms
            raise
        return self._missed_ms is None
