"""A process's own channels (``prefix.<process>!<channel>``): all come in one stream, and one task receives for all.

(channels_redis has each receiver compete for a lock, with two tasks a message: 200 µs.)
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

Message = dict[str, Any]
Received = tuple[list[str], Message]  # the channels that a message is for, and the message

_UNCLAIMED: Final = 1_000  # channels with messages that nobody waits for; beyond, the oldest channel's are dropped


class Mailbox:
    """Hands messages to those who wait for their channels. It reads only as long as somebody waits.

    Args:
        read: the next message, or None when none has come for a while; raises what the layer raises.
        capacity: messages that wait for one channel; beyond, the oldest is dropped.
    """

    def __init__(self, read: Callable[[], Awaitable[Received | None]], capacity: int) -> None:
        self._read, self._capacity = read, capacity
        self._arrived: dict[str, asyncio.Queue[Message | Exception]] = {}
        self._waiting: Counter[str] = Counter()  # how many receive, by channel
        self._reader: asyncio.Task[None] | None = None

    async def receive(self, channel: str) -> Message:
        """The next message for ``channel``.

        Raises:
            Exception: reading failed; whoever receives next tries again.
        """
        self._waiting[channel] += 1
        queue = self._queue(channel)
        if self._lacks(channel) and (self._reader is None or self._reader.done()):
            self._reader = asyncio.create_task(self._serve(), name="channel-layer-mailbox")
        try:
            got = await queue.get()
        finally:
            self._leave(channel, queue)
        if isinstance(got, Exception):
            raise got
        return got

    def close(self) -> None:
        """Read no more."""
        if self._reader is not None:
            self._reader.cancel()

    def _queue(self, channel: str) -> "asyncio.Queue[Message | Exception]":
        return self._arrived.setdefault(channel, asyncio.Queue())

    def _leave(self, channel: str, queue: "asyncio.Queue[Message | Exception]") -> None:
        self._waiting[channel] -= 1
        if not self._waiting[channel]:
            del self._waiting[channel]
            if queue.empty():
                self._arrived.pop(channel, None)

    def _lacks(self, channel: str) -> bool:
        """Whether fewer messages are there than are waited for."""
        return self._arrived[channel].qsize() < self._waiting[channel]

    async def _serve(self) -> None:
        """Read until nobody lacks a message."""
        try:
            while any(map(self._lacks, self._waiting)):
                if received := await self._read():
                    self._hand_out(*received)
        except Exception as error:  # noqa: BLE001  those who wait raise it
            for channel in self._waiting.elements():
                self._arrived[channel].put_nowait(error)

    def _hand_out(self, channels: list[str], message: Message) -> None:
        for channel in channels:
            queue = self._queue(channel)
            if queue.qsize() >= self._capacity:
                queue.get_nowait()
            queue.put_nowait(message)
        if len(self._arrived) - len(self._waiting) > _UNCLAIMED:
            del self._arrived[next(channel for channel in self._arrived if channel not in self._waiting)]
