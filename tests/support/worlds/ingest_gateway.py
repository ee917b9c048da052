"""A gateway for tests of the shard workers: keeps the link's rules over a real or in-memory layer, and listens in."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

from bridge import wire
from bridge.link import Window
from bridge.messages import Acks, Commit, Delivery, LinkAck, Publish
from bridge.names import dashboard_group, devices_channel, gateway_channel
from bridge.shards import shard_of
from tests.support.waiting import eventually_async
from tests.support.worlds.deliveries import GATEWAY, items
from tests.support.worlds.downlinks import answer

_RESEND_S = 0.5
_PER_BATCH = 200


class Gateway:
    """Sends deliveries at most two batches a shard at a time, again until they are acknowledged.

    Args:
        channels: the layer of channels.
        groups: the layer of groups.
        epoch: of its connection.
        session: the epoch that began the broker's session; 0: this one.
    """

    def __init__(self, channels: Any, groups: Any, epoch: int = 1, shards: int = 4, session: int = 0) -> None:
        self._channels, self._groups, self._epoch, self._shards = channels, groups, epoch, shards
        self._session, self._position = session or epoch, 0
        self._windows: dict[int, Window] = {}
        # With each delivery's position among the new ones of the connection.
        self._queues: dict[int, deque[tuple[Delivery, int]]] = {shard: deque() for shard in range(shards)}
        self._sent_s: dict[int, float] = {}
        self._wake = asyncio.Event()
        self.acks: list[LinkAck] = []
        self.orders: list[Publish] = []
        self.commits: list[Commit] = []
        self.confirms = True  # whether orders are answered as the broker's PUBACK

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Gateway"]:
        """While the context lasts."""
        reply_to = await self._channels.new_channel("test-reply")
        for shard in range(self._shards):
            self._windows[shard] = Window(shard, GATEWAY, self._epoch, reply_to, session=self._session)
            self._windows[shard].push(())
        parts = [
            self._send_all(),
            self._listen(reply_to, self._acknowledged),
            self._listen(gateway_channel(GATEWAY), self._ordered),
            self._overhear(),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(outcome, asyncio.CancelledError), outcome

    # ---- what tests do and see

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        """The broker delivers these."""
        for one in deliveries:
            self._position += one.qos == 1 and not one.dup
            self._queues[shard_of(one.source, self._shards)].append((one, self._position))
        self._wake.set()

    @property
    def in_flight(self) -> int:
        """How many deliveries are not known to be committed."""
        sent = sum(len(batch.deliveries) for window in self._windows.values() for batch in window.under_way)
        return sent + sum(map(len, self._queues.values()))

    async def at_most_in_flight(self, left: int) -> None:
        """Wait until no more than ``left`` are in flight."""
        await eventually_async(lambda: self.in_flight <= left, 30, what=f"{left} are left")

    async def told(self, commits: int) -> None:
        """Wait until there were so many broadcasts."""
        await eventually_async(lambda: len(self.commits) >= commits, pause_s=0.0005, what=f"{commits} commits")

    async def all_committed(self, timeout_s: float = 30) -> None:
        """Wait until everything is acknowledged, the introductions too."""
        await eventually_async(
            lambda: not self.in_flight and not any(window.under_way for window in self._windows.values()),
            timeout_s,
            what="everything is acknowledged",
        )

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What browsers would see."""
        return items(self.commits)

    # ---- its parts

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            for shard, window in self._windows.items():
                await self._send(shard, window)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RESEND_S / 2):
                    await self._wake.wait()

    async def _send(self, shard: int, window: Window) -> None:
        overdue = time.monotonic() - self._sent_s.get(shard, 0) > _RESEND_S
        due = list(window.under_way) if overdue else []
        queue = self._queues[shard]
        while queue and window.open:
            entries = [queue.popleft() for _ in range(min(_PER_BATCH, len(queue)))]
            due.append(window.push(tuple(delivery for delivery, _ in entries), entries[-1][1]))
        for batch in due:
            self._sent_s[shard] = time.monotonic()
            with contextlib.suppress(Exception):  # the layer is down: it will be sent again
                await asyncio.wait_for(self._channels.send(devices_channel(shard), wire.pack(batch)), 1)

    async def _listen(self, channel: str, handle: Any) -> None:
        while True:
            try:
                message = wire.unpack(await self._channels.receive(channel))
            except Exception:  # noqa: BLE001  the layer is down
                await asyncio.sleep(0.1)
            else:
                await handle(message)

    async def _acknowledged(self, together: Acks) -> None:
        for ack in together.acks:
            self.acks.append(ack)
            self._windows[ack.shard].acknowledge(ack)
        self._wake.set()

    async def _ordered(self, order: Publish) -> None:
        self.orders.append(order)
        if not self.confirms:
            return
        with contextlib.suppress(Exception):
            await self._channels.send(devices_channel(order.shard), wire.pack(answer(order)))

    async def _overhear(self) -> None:
        mine = await self._groups.new_channel()
        for shard in range(self._shards):
            await self._groups.group_add(dashboard_group(shard), mine)
        while True:
            commit = wire.unpack(await self._groups.receive(mine))
            assert isinstance(commit, Commit)
            self.commits.append(commit)
