"""Nudges: telling a shard's worker at once what it would find by itself a little later."""

import asyncio
from typing import Final

import structlog
from channels.layers import get_channel_layer

from bridge import wire
from bridge.messages import CommandStored, ListenAsked, RequestStored
from bridge.names import devices_channel

NUDGE_TIMEOUT_S: Final = 1.0

log = structlog.get_logger(__name__)


async def nudge(message: CommandStored | RequestStored) -> bool:
    """Send to the worker of the message's shard. Never raises; False when the layer did not take it in time."""
    return await nudge_channel(devices_channel(message.shard), message)


async def nudge_channel(channel: str, message: CommandStored | RequestStored | ListenAsked) -> bool:
    """Send to a channel. As :func:`nudge`."""
    try:
        async with asyncio.timeout(NUDGE_TIMEOUT_S):
            await get_channel_layer().send(channel, wire.pack(message))
    except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down or full
        log.debug("nudge not sent", channel=channel, error=repr(error))
        return False
    return True
