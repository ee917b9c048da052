"""The channel layer with time limits, in bridge's messages; an outage is logged once at each end."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

import structlog
from channels.exceptions import ChannelFull

from bridge import wire
from runtime.backoff import backoff_s
from runtime.outages import Outage

log = structlog.get_logger(__name__)

CHANNEL_FULL: Final = "channel full"
_SEND_S: Final = 2
_RECEIVE_S: Final = 20  # then a new receive: a connection that died without a word would be listened to for ever
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 2.0

M = TypeVar("M", bound=wire.Message)


class Layer:
    """Sending and listening for one process part.

    Args:
        backend: a Channels layer.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
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
            self._outage.begins(reason)
            return reason
        self._outage.ends(asked_s)
        return ""

    async def listen(self, channel: str, kind: type[M], handle: Callable[[M], Any]) -> NoReturn:
        """Hand every message on ``channel`` to ``handle`` for ever, whatever happens to the layer.

        Args:
            channel: its name.
            kind: the class of its messages; others are logged, and let go.
            handle: called with each message; must not raise. What it returns is awaited when it can be.
        """
        failures = 0
        while True:
            asked_s = time.monotonic()
            try:
                async with asyncio.timeout(_RECEIVE_S):
                    packed = await self._backend.receive(channel)
            except TimeoutError:
                continue
            except Exception as error:  # noqa: BLE001 - as above
                self._outage.begins(str(error) or type(error).__name__)
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, 1))
                failures += 1
                continue
            failures = 0
            self._outage.ends(asked_s)
            await _pass_on(packed, kind, handle)


async def _pass_on(packed: dict[str, Any], kind: type[M], handle: Callable[[M], Any]) -> None:
    message = wire.unpack(packed)
    if isinstance(message, wire.Unreadable):
        log.warning("unreadable message on the channel layer", reason=message.reason)
        return
    if not isinstance(message, kind):
        log.warning("unexpected message on the channel layer", type=type(message).__name__)
        return
    result = handle(message)
    if asyncio.iscoroutine(result):
        await result
