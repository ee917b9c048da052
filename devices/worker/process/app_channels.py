"""Consumers of apps on channels of their own, run beside the shards; each message goes to one of all workers."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

import structlog
from channels.routing import ChannelNameRouter

from devices.worker.process.instances import InstanceWorker
from runtime.backoff import backoff_s
from runtime.outages import Outage

Consumer = Callable[[Any, Any, Any], Awaitable[Any]]

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
log = structlog.get_logger(__name__)


class _Provided:
    """By whoever composes the process; a worker does not know where apps are."""

    consumers: Callable[[], Mapping[str, Consumer]] = dict


_provided: Final = _Provided()


def provide(consumers: Callable[[], Mapping[str, Consumer]]) -> None:
    """Say which consumers there are, by channel; asked when a worker starts."""
    _provided.consumers = staticmethod(consumers)


def provided() -> Mapping[str, Consumer]:
    """Those consumers."""
    return _provided.consumers()


class AppChannels(InstanceWorker):
    """Listens to the channels of apps. A layer that fails is waited for; a consumer that fails begins anew.

    Args:
        consumers: by channel.
        layer: the channel layer.
    """

    def __init__(self, consumers: Mapping[str, Consumer], layer: Any) -> None:
        super().__init__(ChannelNameRouter(dict(consumers)), list(consumers), layer)
        self._outage = Outage(log, "channel layer of the apps", time.monotonic)

    async def arun(self) -> None:
        """Listen until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.application_checker())
                for channel in self.channels:
                    group.create_task(self.listener(channel))
        finally:
            await self.end_instances()

    async def listener(self, channel: str) -> NoReturn:
        """Hand every message on the channel over, for ever."""
        failures = 0
        while True:
            asked_s = time.monotonic()
            try:
                message = await self.channel_layer.receive(channel)
            except Exception as error:  # noqa: BLE001  any layer raises what its driver does
                self._outage.begins(str(error) or type(error).__name__, asked_s=asked_s)
                await asyncio.sleep(backoff_s(failures, _FIRST_WAIT_S, _LONGEST_WAIT_S, random.random()))
                failures += 1
                continue
            failures = 0
            self._outage.ends(asked_s)
            await self.hand_over(channel, message)

    async def application_exception(self, exception: Exception, application_details: dict[str, Any]) -> None:
        """A consumer raised: what waited for it is lost, as Channels has it; the next message makes another."""
        channel = application_details["scope"]["channel"]
        log.error("an app's consumer failed; it begins anew", channel=channel, exc_info=exception)
