"""The receiving end of publish and subscribe: channels_redis's, woken by what comes and not ten times a second."""

import asyncio
from typing import Any, Final, NoReturn

import structlog
from channels_redis.pubsub import RedisSingleShardConnection

log = structlog.get_logger(__name__)

_WAIT_S: Final = 5.0  # for a message; then it is looked at whether the connection is still good
_AGAIN_S: Final = 1.0


class Subscriber(RedisSingleShardConnection):
    """Of one Redis and one event loop."""

    def __init__(self, host: dict[str, Any], layer: Any) -> None:
        super().__init__(host, layer)
        self._listens = asyncio.Event()

    async def subscribe(self, channel: str) -> None:
        """Subscribe; safe to repeat."""
        await super().subscribe(channel)
        self._listens.set()

    async def _do_receiving(self) -> NoReturn:
        while True:
            try:
                await self._receive_one()
            except Exception as error:  # noqa: BLE001  whatever the client's connection raises
                log.debug("receiving from Redis failed", error=repr(error))
                await asyncio.sleep(_AGAIN_S)

    async def _receive_one(self) -> None:
        if self._pubsub and self._pubsub.subscribed:
            message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=_WAIT_S)
            self._receive_message(message)
        else:
            self._listens.clear()
            await self._listens.wait()
