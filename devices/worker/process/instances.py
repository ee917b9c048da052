"""Channels' worker as a base: what comes on a channel goes to its application instance, and never too much at once."""

import asyncio
from typing import Any, Final

from channels.worker import Worker

_QUEUE: Final = 100  # messages for one consumer; a full one holds its listener back, nothing is dropped
_HELD_BACK_S: Final = 0.05


class InstanceWorker(Worker):
    """Keeps an application instance a channel."""

    async def hand_over(self, channel: str, message: dict[str, Any]) -> None:
        """To the channel's application instance, made if need be."""
        queue = self._queue(channel)
        while queue.qsize() >= _QUEUE:
            await asyncio.sleep(_HELD_BACK_S)
            queue = self._queue(channel)
        queue.put_nowait(message)

    def _queue(self, channel: str) -> "asyncio.Queue[dict[str, Any]]":
        scope = {"type": "channel", "channel": channel}
        queue: asyncio.Queue[dict[str, Any]] = self.get_or_create_application_instance(channel, scope)
        return queue

    async def end_instances(self) -> None:
        """End them all."""
        futures = [details["future"] for details in self.application_instances.values()]
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
        self.application_instances.clear()
