"""The demo's MQTT broker, inside the process: amqtt on loopback, MQTT 3.1.1, anonymous.

Never for production: it keeps no queue for clients that are away, and forgets everything at the end.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError

_STOP_S: Final = 3


class BrokerPortError(Exception):
    """The port could not be taken; ``str()`` says which and why."""


@contextlib.asynccontextmanager
async def embedded_broker(port: int) -> AsyncIterator[None]:
    """Run a broker on ``127.0.0.1:port`` while the context lasts.

    Raises:
        BrokerPortError: the port can't be used.
    """
    # Its log is about its own clients' every move; with errors on, a port scan prints tracebacks.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    broker = _Broker(_config(port))
    try:
        await broker.start()
    except BrokerError as error:
        cause = error.__cause__
        reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(error)
        raise BrokerPortError(f"port {port} of 127.0.0.1 can't be used: {reason}") from None
    try:
        yield
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await broker.shutdown()


class _Broker(Broker):
    """amqtt 0.12 with two of its errors mended.

    It publishes retained messages to every client that connects, for everybody's subscriptions; and while it does, a
    SUBSCRIBE of another client ends the connection.
    """

    def __init__(self, config: BrokerConfig) -> None:
        super().__init__(config)
        self._subscriptions = _SteadyDict()

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Any) -> None:
        if any(subscriber is session for subscriber, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class _SteadyDict(dict[str, Any]):
    """May change while it is iterated over."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))

    def items(self) -> Any:
        return dict(super().items()).items()


def _config(port: int) -> BrokerConfig:
    return BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
