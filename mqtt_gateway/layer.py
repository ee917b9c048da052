"""The channel layer with time limits, in bridge's messages; an outage is logged once at each end."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import structlog
from channels.exceptions import ChannelFull

from bridge import wire
from runtime.backoff import backoff_s
from runtime.channel_layers.poster import Poster
from runtime.outages import Outage

log = structlog.get_logger(__name__)

CHANNEL_FULL: Final = "channel full"
_SEND_S: Final = 2
_RECEIVE_S: Final = 20  # then a new receive: a connection that died without a word would be listened to for ever
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 2.0

M = TypeVar("M", bound=wire.Message)
Packed = dict[str, Any]
Handlers = Mapping[type[Any], Callable[[Any], Awaitable[None]]]
Listen = Callable[[str, Callable[[Packed], None], Callable[[], None]], Awaitable[None]]


class Layer:
    """Sending and listening for one process part.

    Args:
        backend: a Channels layer.
    """

    def __init__(self, backend: Any) -> None:
        self._backend, self._poster = backend, Poster(backend)
        self._listen: Listen | None = getattr(backend, "listen", None)  # without a task for each message
        self._outage = Outage(log, "channel layer", time.monotonic)

    async def new_channel(self) -> str:
        """The name of a channel of our own, for replies."""
        name: str = await self._backend.new_channel("gateway-reply")
        return name

    async def send(self, channel: str, message: wire.Message) -> str:
        """Send, at most once, within 2 s.

        Returns:
            "" or why it was not sent, in words; it is lost then.
        """
        asked_s = time.monotonic()
        try:
            async with asyncio.timeout(_SEND_S):
                await self._backend.send(channel, wire.pack(message))
        except ChannelFull:
            return CHANNEL_FULL
        except Exception as error:  # noqa: BLE001 - any layer raises what its driver does
            reason = str(error) or type(error).__name__
            self._outage.begins(reason, asked_s=asked_s)
            return reason
        self._outage.ends(asked_s)
        return ""

    def post(self, channel: str, message: wire.Message) -> None:
        """Send, at most once, behind all that was posted before. Whether it was sent is not asked: it comes again."""
        asked_s = time.monotonic()
        self._poster.send(channel, wire.pack(message), lambda error: self._posted(asked_s, error))

    def _posted(self, asked_s: float, error: Exception | None) -> None:
        if error is None:
            self._outage.ends(asked_s)
        elif not isinstance(error, ChannelFull):
            self._outage.begins(str(error) or type(error).__name__, asked_s=asked_s)

    async def listen(self, channel: str, kind: type[M], handle: Callable[[M], None]) -> NoReturn:
        """Hand every message on ``channel`` to ``handle`` for ever, whatever happens to the layer.

        Several may be under way from the layer at a time: for messages that come again, should we end.

        Args:
            channel: its name.
            kind: the class of its messages; others are logged, and let go.
            handle: called with each message; must not raise.
        """
        await self._for_ever(partial(self._take, channel, lambda packed: _pass_on(packed, kind, handle)))

    async def receive(self, channel: str, handlers: Handlers) -> NoReturn:
        """As :meth:`listen`, by the message's class, and one after the other: the next is asked for once it is done."""
        kinds = tuple(handlers)

        async def take(heard: Callable[[], None]) -> None:
            if (packed := await self._received(channel)) is not None:
                heard()
                if (message := _read(packed, kinds)) is not None:
                    await handlers[type(message)](message)

        await self._for_ever(take)

    async def _for_ever(self, take: Callable[[Callable[[], None]], Awaitable[None]]) -> NoReturn:
        """Take messages, again whenever that has ended or failed; ``take`` calls what it is given as it hears any."""
        failures, asked_s = 0, 0.0

        def heard() -> None:
            nonlocal failures, asked_s
            failures = 0
            self._outage.ends(asked_s)
            asked_s = time.monotonic()

        while True:
            asked_s = time.monotonic()
            try:
                await take(heard)
            except Exception as error:  # noqa: BLE001 - as above
                self._outage.begins(str(error) or type(error).__name__, asked_s=asked_s)
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, 1))
                failures += 1

    async def _take(self, channel: str, handle: Callable[[Packed], None], heard: Callable[[], None]) -> None:
        if self._listen is not None:
            await self._listen(channel, handle, heard)
        elif (packed := await self._received(channel)) is not None:
            heard()
            handle(packed)

    async def _received(self, channel: str) -> Packed | None:
        """The next message; None: there was none for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECEIVE_S):
                packed: Packed = await self._backend.receive(channel)
                return packed
        return None


def _pass_on(packed: Packed, kind: type[M], handle: Callable[[M], None]) -> None:
    if (message := _read(packed, kind)) is not None:
        try:
            handle(message)
        except Exception:
            log.exception("a message of the channel layer could not be handled: a bug")


def _read(packed: Packed, kind: type[M] | tuple[type[M], ...]) -> M | None:
    message = wire.unpack(packed)
    if isinstance(message, kind):
        return message
    if isinstance(message, wire.Unreadable):
        log.warning("unreadable message on the channel layer", reason=message.reason)
    else:
        log.warning("unexpected message on the channel layer", type=type(message).__name__)
    return None
