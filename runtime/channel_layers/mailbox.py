"""A process's own channels (``prefix.<process>!<channel>``): all come in one stream, and one task receives for all.

(channels_redis has each receiver compete for a lock, with two tasks a message: 200 µs.)

A process may have several event loops, one after the other or side by side, each with a mailbox on the same stream.
What comes for a channel that nobody waits for here is kept for whoever asks next, in whichever of them.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final
from weakref import WeakSet

Message = dict[str, Any]
Received = tuple[list[str], Message]  # the channels that a message is for, and the message

HandOut = Callable[[list[str], Message], None]

_UNCLAIMED: Final = 1_000  # channels with messages that nobody waits for; beyond, the oldest channel's are dropped


class Unclaimed:
    """What nobody waits for yet, by channel, shared by the mailboxes of one stream. Safe to use from any thread.

    Args:
        capacity: messages of one channel; beyond, the oldest is dropped.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.mailboxes: WeakSet[Mailbox] = WeakSet()
        self._kept: dict[str, deque[Message]] = {}

    def keep(self, channel: str, message: Message) -> None:
        """Until somebody asks."""
        self._kept.setdefault(channel, deque(maxlen=self.capacity)).append(message)
        if len(self._kept) > _UNCLAIMED:
            with contextlib.suppress(StopIteration, KeyError, RuntimeError):  # another thread was first
                del self._kept[next(iter(self._kept))]

    def take(self, channel: str) -> Message | None:
        """The oldest, if there is one."""
        kept = self._kept.get(channel)
        try:
            return kept.popleft() if kept else None
        except IndexError:  # another thread was first
            return None
        finally:
            if not kept:
                self._kept.pop(channel, None)


class Mailbox:
    """Hands messages to those who wait for their channels. It reads only as long as somebody waits.

    Args:
        read: the next message, or None when none has come for a while; raises what the layer raises.
        unclaimed: shared with the other mailboxes of the same stream; each lives in an event loop of its own.
    """

    def __init__(self, read: Callable[[], Awaitable[Received | None]], unclaimed: Unclaimed) -> None:
        self._read, self._unclaimed = read, unclaimed
        self._loop = asyncio.get_running_loop()
        self._arrived: dict[str, asyncio.Queue[Message | Exception]] = {}  # of channels that are waited for
        self._waiting: Counter[str] = Counter()  # how many receive, by channel
        self._handlers: dict[str, Callable[[Message], None]] = {}  # of channels that are listened to
        self._reader: asyncio.Task[None] | None = None
        unclaimed.mailboxes.add(self)

    async def receive(self, channel: str) -> Message:
        """The next message for ``channel``.

        Raises:
            Exception: reading failed; whoever receives next tries again.
        """
        self._waiting[channel] += 1
        queue = self._arrived.setdefault(channel, asyncio.Queue())  # bounded: _deliver
        if queue.empty() and (kept := self._unclaimed.take(channel)) is not None:
            self._leave(channel, queue)
            return kept
        if self._lacks(channel) and (self._reader is None or self._reader.done()):
            self._reader = asyncio.create_task(self._serve(), name="channel-layer-mailbox")
        try:
            got = await queue.get()
        finally:
            self._leave(channel, queue)
        if isinstance(got, Exception):
            raise got
        return got

    @contextlib.contextmanager
    def handing(
        self, channel: str, handle: Callable[[Message], None]
    ) -> Iterator[Callable[[list[str], Message], None]]:
        """Hand what comes for a channel to a function, instead of keeping it for who receives.

        Yields:
            What to call with each message of the stream that is read for it elsewhere: the channels, the message.
        """
        while (kept := self._unclaimed.take(channel)) is not None:
            handle(kept)
        self._handlers[channel] = handle
        try:
            yield self._hand_out
        finally:
            del self._handlers[channel]

    def close(self) -> None:
        """Read no more."""
        self._unclaimed.mailboxes.discard(self)
        if self._reader is not None:
            self._reader.cancel()

    def waits(self, channel: str) -> bool:
        """Whether anybody waits for this channel. From any thread."""
        return (channel in self._waiting or channel in self._handlers) and not self._loop.is_closed()

    def _leave(self, channel: str, queue: "asyncio.Queue[Message | Exception]") -> None:
        self._waiting[channel] -= 1
        if self._waiting[channel]:
            return
        del self._waiting[channel]
        self._arrived.pop(channel, None)
        while not queue.empty():
            if not isinstance(left := queue.get_nowait(), Exception):
                self._unclaimed.keep(channel, left)

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
            if channel in self._waiting or channel in self._handlers:
                self._deliver(channel, message)
            else:
                self._pass_on(channel, message)

    def give(self, channel: str, message: Message) -> None:
        """From another event loop's thread.

        Raises:
            RuntimeError: this mailbox's event loop has ended.
        """
        self._loop.call_soon_threadsafe(self._deliver, channel, message)

    def _deliver(self, channel: str, message: Message) -> None:
        """In our event loop. Whoever waited may have left."""
        if (handle := self._handlers.get(channel)) is not None:
            handle(message)
            return
        if (queue := self._arrived.get(channel)) is None:
            self._unclaimed.keep(channel, message)
            return
        if queue.qsize() >= self._unclaimed.capacity:
            queue.get_nowait()
        queue.put_nowait(message)

    def _pass_on(self, channel: str, message: Message) -> None:
        """To the event loop where it is waited for, or to whoever asks next."""
        for other in list(self._unclaimed.mailboxes):
            if other is not self and other.waits(channel):
                with contextlib.suppress(RuntimeError):  # that loop has just ended
                    other.give(channel, message)
                    return
        self._unclaimed.keep(channel, message)
