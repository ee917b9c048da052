"""The demo's MQTT broker, inside the process: amqtt, MQTT 3.1.1; anonymous on this machine, elsewhere with a password.

Never for production: it keeps no queue for clients that are away, and forgets everything at the end.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import structlog
from amqtt.adapters import StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError

from mqtt_gateway.demo.first_packet import SPOKEN, FirstPacket, ReadFrom, first_packet

log = structlog.get_logger(__name__)

LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  only with a password
_STOP_S: Final = 3
_FIRST_PACKET_S: Final = 10
_REFUSALS: Final = 100  # of which the log says each once


class BrokerPortError(Exception):
    """The port could not be taken; ``str()`` says which and why."""


@contextlib.asynccontextmanager
async def embedded_broker(port: int, host: str = LOOPBACK, password: str = "") -> AsyncIterator[None]:
    """Run a broker on ``127.0.0.1:port`` while the context lasts, and on ``host:port``.

    Args:
        port: of this machine.
        host: also listen on this address of it.
        password: what clients from elsewhere must show; without one none may connect.

    Raises:
        BrokerPortError: the port can't be used.
    """
    # Its log is about its own clients' every move; with errors on, a port scan prints tracebacks.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    broker = _Broker(_config(port, host, password))
    try:
        await broker.start()
    except BrokerError as error:
        cause = error.__cause__
        reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(error)
        raise BrokerPortError(f"port {port} of {host} can't be used: {reason}") from None
    try:
        yield
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await broker.shutdown()


class _Broker(Broker):
    """amqtt 0.12 with three of its errors mended.

    It publishes retained messages to every client that connects, for everybody's subscriptions; while it does, a
    SUBSCRIBE of another client ends the connection; and it reads a CONNECT of MQTT 5 as one of 3.1.1.
    """

    def __init__(self, config: BrokerConfig) -> None:
        super().__init__(config)
        self._subscriptions = _SteadyDict()
        self._refused: set[tuple[str, str]] = set()

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Let in who speaks MQTT 3.1.1, and tell anybody else so. What a client does never ends in a traceback."""
        try:
            async with asyncio.timeout(_FIRST_PACKET_S):
                first = await first_packet(reader)
            if first.level == SPOKEN:
                read = ReadFrom(first.head, reader)
                await self.external_connected(read, StreamWriterAdapter(writer), listener_name)
            else:
                await self._refuse(first, writer)
        except (OSError, EOFError):  # it has gone, or said nothing in time
            pass
        except Exception as error:  # noqa: BLE001  amqtt fails on what is malformed in many ways
            log.warning("the demo's broker could not understand a client", reason=repr(error))
        finally:
            writer.close()

    async def _refuse(self, first: FirstPacket, writer: asyncio.StreamWriter) -> None:
        """Say so to the client, and once to the log."""
        address = writer.get_extra_info("peername")[0]
        if (address, first.version) not in self._refused and len(self._refused) < _REFUSALS:
            self._refused.add((address, first.version))
            log.warning("a client was refused: this broker speaks MQTT 3.1.1", it_speaks=first.version, address=address)
        writer.write(first.refusal)
        await writer.drain()

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Any) -> None:
        if any(subscriber is session for subscriber, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class _SteadyDict(dict[str, Any]):
    """May change while it is iterated over."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))

    def items(self) -> Any:
        return dict(super().items()).items()


def _config(port: int, host: str, password: str) -> BrokerConfig:
    addresses = {"default": EVERYWHERE if host == EVERYWHERE else LOOPBACK, "outside": host}
    if host in (LOOPBACK, EVERYWHERE):
        del addresses["outside"]
    return BrokerConfig(
        listeners={name: ListenerConfig(bind=f"{address}:{port}") for name, address in addresses.items()},
        plugins={"mqtt_gateway.demo.password.PasswordFromElsewhere": {"password": password}},
    )
