"""The two channel layers on Redis: channels_redis's, with fewer round trips, and with a bound on what waits here.

``ChannelLayer`` sends in one round trip and receives in one (docs/decisions/0015-one-round-trip-a-message.md).

``GroupLayer`` bounds what waits in this process: a process that stalls (swapped out, stopped, busy for a while) is sent
on by Redis, up to Redis's own limit for subscribers (``client-output-buffer-limit``, 32 MiB), and all of it would wait
in a queue here. Beyond ``WAITING_BYTES`` the oldest go: a hub sees the hole in the commit numbers and reads the
database.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, Final

from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer, RedisLoopLayer
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import _consistent_hash, _wrap_close, decode_hosts
from redis.exceptions import RedisError

from runtime.channel_layers.mailbox import Mailbox, Unclaimed
from runtime.channel_layers.pipeline import Command, Told
from runtime.channel_layers.redis_commands import RedisCommands, Script, commands_to, leave_sentinels
from runtime.channel_layers.subscriber import Subscriber
from runtime.database_clock import clock

WAITING_BYTES: Final = 16 * 1024 * 1024  # a channel; one message may be larger
_LATE_S: Final = 5  # for Redis's answer after a blocking command's own time; then the connection counts as dead

Message = dict[str, Any]

# Key; expired up to, capacity, now, message, seconds that the key is kept → 1, or 0: full.
# ZADD is its first write: a Redis that is full refuses only that, and nothing of a script that has written before.
_SEND: Final = Script("""\
if redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf') >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
""")


class _ChannelLoop(RedisLoopLayer):
    """Of one event loop."""

    def __init__(self, channel_layer: "ChannelLayer") -> None:
        super().__init__(channel_layer)
        self.commands = [commands_to(host) for host in channel_layer.hosts]
        self.mailboxes: dict[str, Mailbox] = {}

    async def flush(self) -> None:
        """Close all connections."""
        for mailbox in self.mailboxes.values():
            mailbox.close()
        self.mailboxes.clear()
        for commands in self.commands:
            await commands.close()
        await super().flush()


class ChannelLayer(RedisChannelLayer):
    """Redis sorted sets for channels, at most once. Its parent's form in Redis, capacities, expiry and groups.

    Unlike its parent it keeps no copy of a message while it is handed over: one that Redis gives to a receiver that
    dies, or is cancelled, at that moment is lost. And of several hosts each channel has its own, so its order is kept.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unclaimed = Unclaimed(self.capacity)  # of this process's own channels, whichever event loop reads

    async def send(self, channel: str, message: Message) -> None:
        """Send, in one round trip.

        Raises:
            ChannelFull: the channel is at its capacity.
            redis.exceptions.RedisError, OSError: nobody knows whether it was sent.
        """
        commands, command, unknown = self._sending(channel, message)
        if not await commands.call(*command, unknown=unknown):
            raise ChannelFull

    def post(self, channel: str, message: Message, told: Told) -> None:
        """Send, behind all that was posted before, without being waited for: the same as :meth:`send`.

        Args:
            channel: its name.
            message: as Channels has it.
            told: called with None when it is sent, or with the exception that :meth:`send` would raise.
        """
        commands, command, unknown = self._sending(channel, message)
        commands.post(command, lambda answer: told(_sent(answer)), unknown)

    def _sending(self, channel: str, message: Message) -> tuple[RedisCommands, Command, Command]:
        self.require_valid_channel_name(channel)
        if "!" in channel:
            message = {**message, "__asgi_channel__": channel}
        name, now_s = self.non_local_name(channel), clock.now_s()
        key, kept_s = self.prefix + name, int(self.expiry)
        what = (1, key, repr(now_s - kept_s), self.get_capacity(channel), repr(now_s), self.serialize(message), kept_s)
        return self._commands(name), ("EVALSHA", _SEND.sha, *what), ("EVAL", _SEND.text, *what)

    async def listen(self, channel: str, handle: Callable[[Message], None], heard: Callable[[], None]) -> None:
        """Hand every message to ``handle``, until cancelled.

        Several are under way from Redis at a time: whoever ends listening loses them.

        Args:
            channel: its name.
            handle: called with each message, in order; what it raises ends the listening.
            heard: called when it listens, and whenever Redis has answered: with a message, or that there is none.

        Raises:
            redis.exceptions.RedisError, OSError: the connection failed, or Redis does not answer.
        """
        self.require_valid_channel_name(channel)
        name = self.non_local_name(channel)
        with self._mailbox(name).handing(channel, handle) if "!" in channel else nullcontext() as hand_out:

            def came(answer: Any) -> None:
                heard()
                if answer is not None:
                    channels, message = self._unpacked(name, answer)
                    hand_out(channels, message) if hand_out else handle(message)

            command = ("BZPOPMIN", self.prefix + name, self.brpop_timeout)
            await self._commands(name).listen(command, self.brpop_timeout + _LATE_S, came, heard)

    async def receive(self, channel: str) -> Message:
        """The next message; waits for it.

        Raises:
            TimeoutError: Redis does not answer (not even that there is nothing); the connection is closed.
            redis.exceptions.RedisError, OSError: the connection failed.
        """
        self.require_valid_channel_name(channel)
        if "!" in channel:
            return await self._mailbox(self.non_local_name(channel)).receive(channel)
        while (received := await self._pop(channel)) is None:
            pass
        return received[1]

    async def _pop(self, name: str) -> tuple[list[str], Message] | None:
        """One message and the channels that it is for; None when none came within ``brpop_timeout`` seconds."""
        async with asyncio.timeout(self.brpop_timeout + _LATE_S):
            answer = await self._commands(name).wait("BZPOPMIN", self.prefix + name, self.brpop_timeout)
        return None if answer is None else self._unpacked(name, answer)

    def _unpacked(self, name: str, answer: list[Any]) -> tuple[list[str], Message]:
        message: Message = self.deserialize(answer[1])
        channels = message.pop("__asgi_channel__", name)
        return (channels if isinstance(channels, list) else [channels]), message

    def _mailbox(self, name: str) -> Mailbox:
        if not name.endswith(f"{self.client_prefix}!"):
            raise ValueError(f"{name} is another process's")
        mailboxes = self._loop.mailboxes
        if name not in mailboxes:
            mailboxes[name] = Mailbox(lambda: self._pop(name), self._unclaimed)
        return mailboxes[name]

    def _commands(self, name: str) -> RedisCommands:
        commands: RedisCommands = self._loop.commands[self.consistent_hash(name)]
        return commands

    @property
    def _loop(self) -> _ChannelLoop:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _ChannelLoop(self)
            _wrap_close(self, loop)  # the parent's way to disconnect when the loop closes
        layer: _ChannelLoop = self._layers[loop]
        return layer

    def connection(self, index: int) -> Any:
        """The parent's client, for groups and :meth:`flush`."""
        return self._loop.get_connection(index)


def _sent(answer: Any) -> Exception | None:
    """What became of a message, by Redis's answer to the script."""
    if isinstance(answer, Exception):
        return answer
    return None if answer else ChannelFull()


class BoundedInbox(asyncio.Queue[bytes]):
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


async def _leave(shard: RedisSingleShardConnection) -> None:
    """Hear a Redis no longer that is a replica by now: the subscriber connects anew, with all its subscriptions."""
    connection = shard._pubsub.connection if shard._pubsub else None
    if connection is not None:
        with contextlib.suppress(OSError, RedisError):
            await connection.disconnect(nowait=True)


class _GroupLoop(RedisPubSubLoopLayer):
    """Of one event loop. Besides the bound: no channel stays that nobody can receive from."""

    def __init__(self, hosts: Any = None, **options: Any) -> None:
        super().__init__(hosts, **options)
        self._shards = [Subscriber(host, self) for host in decode_hosts(hosts)]
        self._commands = [commands_to(host) for host in decode_hosts(hosts)]
        for commands, shard in zip(self._commands, self._shards, strict=True):
            commands.when_demoted.append(partial(_leave, shard))

    async def send(self, channel: str, message: Message) -> None:
        """Publish, at most once."""
        await self._publish(channel, message)

    async def group_send(self, group: str, message: Message) -> None:
        """Publish to all who are in the group by then, at most once."""
        await self._publish(self._get_group_channel_name(group), message)

    async def _publish(self, name: str, message: Message) -> None:
        await self._of(name).call("PUBLISH", name, self.channel_layer.serialize(message))

    def group_post(self, group: str, message: Message, told: Told) -> None:
        """Publish to a group as :meth:`group_send` does, without being waited for; ``told`` as ChannelLayer.post's."""
        name = self._get_group_channel_name(group)
        command = ("PUBLISH", name, self.channel_layer.serialize(message))
        self._of(name).post(command, lambda answer: told(answer if isinstance(answer, Exception) else None))

    def _of(self, name: str) -> RedisCommands:
        commands: RedisCommands = self._commands[_consistent_hash(name, len(self._commands))]
        return commands

    async def flush(self) -> None:
        """Close all connections."""
        for commands in self._commands:
            await commands.close()
        pools = [shard._redis.connection_pool for shard in self._shards if shard._redis]
        await super().flush()
        for pool in pools:
            await leave_sentinels(pool)

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = BoundedInbox()
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

    def group_post(self, group: str, message: Message, told: Told) -> None:
        """See the loop's."""
        self._get_layer().group_post(group, message, told)

    def _get_layer(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _GroupLoop(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)  # the parent's way to disconnect when the loop closes
        return self._layers[loop]
