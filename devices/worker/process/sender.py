"""Sending a round's results. Each send is limited in time; what is lost is repeated or repaired by its receivers."""

import asyncio
import time
from functools import partial
from itertools import chain
from typing import Any, Final

import structlog
from channels.exceptions import ChannelFull

from bridge import wire
from bridge.messages import Acks, Commit, LinkAck
from bridge.names import dashboard_group
from devices.worker.effects.results import RoundResults
from runtime.channel_layers.poster import Poster
from runtime.outages import Outage, SampledLog

log = structlog.get_logger(__name__)

_SEND_S: Final = 3


class Sender:
    """Sends on the two channel layers.

    Args:
        channels: the layer of channels.
        groups: the layer of groups.
        outage: of the layers; shared with those who listen, so that it is logged once.
        worker: the process's name for gateways.
    """

    def __init__(self, channels: Any, groups: Any, outage: Outage, worker: str = "") -> None:
        self._layer, self._outage, self._worker = channels, outage, worker
        self._channels, self._groups = Poster(channels), Poster(groups)
        self._queues: set[asyncio.Task[None]] = set()
        self._full = SampledLog(log, "channel full", time.monotonic)

    def send(self, results: RoundResults) -> None:
        """Send all, to browsers first, each channel's messages in order: on Redis in one write. Waits for nothing.

        What fails is let go.
        """
        asked_s = time.monotonic()
        for commit in results.commits:
            self._broadcast(commit, asked_s)
        by_channel: dict[str, list[wire.Message]] = {}
        acks = self._acks(results)
        for channel, message in chain[tuple[str, wire.Message]](
            acks, results.downlinks, results.prompts, results.settled
        ):
            by_channel.setdefault(channel, []).append(message)
        for channel, messages in by_channel.items():
            if len(messages) == 1:
                self._channels.send(channel, wire.pack(messages[0]), partial(self._told, channel, asked_s))
            else:
                self._queue(channel, messages)

    def _acks(self, results: RoundResults) -> list[tuple[str, Acks]]:
        """A message a channel."""
        by_channel: dict[str, list[LinkAck]] = {}
        for channel, ack in results.acks:
            by_channel.setdefault(channel, []).append(ack)
        cpu_us = int(1e6 * results.cpu_s / max(1, len(by_channel)))
        return [(channel, Acks(tuple(acks), self._worker, cpu_us)) for channel, acks in by_channel.items()]

    async def done(self) -> None:
        """Wait until all is sent, or let go."""
        if self._queues:
            await asyncio.wait(self._queues)
        await self._groups.done()
        await self._channels.done()

    def _broadcast(self, commit: Commit, asked_s: float) -> None:
        group = dashboard_group(commit.shard)
        self._groups.group_send(group, wire.pack(commit), partial(self._told, group, asked_s))

    def _queue(self, channel: str, messages: list[wire.Message]) -> None:
        task = asyncio.create_task(self._send_all(channel, messages))
        self._queues.add(task)
        task.add_done_callback(self._queues.discard)

    async def _send_all(self, channel: str, messages: list[wire.Message]) -> None:
        """One after the other; the rest is let go after a failure: nothing overtakes what was sent before it."""
        for message in messages:
            asked_s = time.monotonic()
            try:
                async with asyncio.timeout(_SEND_S):
                    await self._layer.send(channel, wire.pack(message))
            except Exception as error:  # noqa: BLE001  any layer raises what its driver does
                self._told(channel, asked_s, error)
                return
            self._told(channel, asked_s, None)

    def _told(self, channel: str, asked_s: float, error: Exception | None) -> None:
        if error is None:
            self._outage.ends(asked_s)
        elif isinstance(error, ChannelFull):
            self._full.add(channel, channel)
        else:
            self._outage.begins(str(error) or type(error).__name__, asked_s=asked_s)
