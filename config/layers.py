"""The layer of groups with a bound on what waits in this process: channels_redis 4.3 has none.

A process that stalls (swapped out, stopped, busy for a while) is sent on by Redis, up to Redis's own limit for
subscribers (``client-output-buffer-limit``, 32 MiB), and all of it would wait in a queue here. Beyond ``WAITING_BYTES``
the oldest go: a hub sees the hole in the commit numbers and reads the database.
"""

import asyncio
from typing import Any, Final

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close

WAITING_BYTES: Final = 16 * 1024 * 1024  # a channel; one message may be larger


class Waiting(asyncio.Queue[bytes]):
    """Messages of one channel, still encoded. Beyond ``WAITING_BYTES`` the oldest are dropped."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def _put(self, item: bytes) -> None:
        super()._put(item)
        self._bytes += len(item)
        while self._bytes > WAITING_BYTES and self.qsize() > 1:
            self._get()

    def _get(self) -> bytes:
        item = super()._get()
        self._bytes -= len(item)
        return item


class _LoopLayer(RedisPubSubLoopLayer):
    """Of one event loop. Besides the bound: no channel stays that nobody can receive from."""

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = Waiting()
        try:
            await self._get_shard(channel).subscribe(channel)
        except BaseException:
            self.channels.pop(channel, None)
            raise

    async def group_discard(self, group: str, channel: str) -> None:
        """Also forgets a channel that leaves its last group: the parent does so only when a receive is cancelled."""
        try:
            await super().group_discard(group, channel)
        finally:
            if not any(channel in members for members in self.groups.values()):
                self.channels.pop(channel, None)


class GroupLayer(RedisPubSubChannelLayer):
    """Redis publish and subscribe for groups, at most once. See the module."""

    def _get_layer(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)  # the parent's way to disconnect when the loop closes
        return self._layers[loop]
