"""Sending a round's results. Each send is limited in time; what is lost is repeated or repaired by its receivers."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from itertools import chain
from typing import Any, Final

import structlog
from channels.exceptions import ChannelFull

from bridge import wire
from bridge.messages import Acks, Commit, LinkAck
from bridge.names import dashboard_group
from devices.worker.effects.results import RoundResults
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
        self._channels, self._groups, self._outage, self._worker = channels, groups, outage, worker
        self._full = SampledLog(log, "channel full", time.monotonic)

    async def send(self, results: RoundResults) -> None:
        """Send all, to browsers first; each channel's messages in order, the channels side by side.

        What fails is let go.
        """
        by_channel: dict[str, list[wire.Message]] = {}
        acks = self._acks(results)
        for channel, message in chain[tuple[str, wire.Message]](acks, results.downlinks, results.settled):
            by_channel.setdefault(channel, []).append(message)
        jobs = [self._broadcast(commit) for commit in results.commits]
        jobs += [self._send_all(channel, messages) for channel, messages in by_channel.items()]
        if len(jobs) == 1:
            await jobs[0]
        elif jobs:
            await asyncio.gather(*jobs)

    def _acks(self, results: RoundResults) -> list[tuple[str, Acks]]:
        """A message a channel."""
        by_channel: dict[str, list[LinkAck]] = {}
        for channel, ack in results.acks:
            by_channel.setdefault(channel, []).append(ack)
        cpu_us = int(1e6 * results.cpu_s / max(1, len(by_channel)))
        return [(channel, Acks(tuple(acks), self._worker, cpu_us)) for channel, acks in by_channel.items()]

    async def _send_all(self, channel: str, messages: Iterable[wire.Message]) -> bool:
        """Send in order; the rest is let go after a failure, rather than waiting for each."""
        for message in messages:
            if not await self._try(self._channels.send(channel, wire.pack(message)), channel):
                return False
        return True

    async def _broadcast(self, commit: Commit) -> bool:
        group = dashboard_group(commit.shard)
        return await self._try(self._groups.group_send(group, wire.pack(commit)), group)

    async def _try(self, sending: Coroutine[Any, Any, None], channel: str) -> bool:
        asked_s = time.monotonic()
        try:
            async with asyncio.timeout(_SEND_S):
                await sending
        except ChannelFull:
            self._full.add(channel, channel)
            return False
        except Exception as error:  # noqa: BLE001  any layer raises what its driver does
            self._outage.begins(str(error) or type(error).__name__)
            return False
        self._outage.ends(asked_s)
        return True
