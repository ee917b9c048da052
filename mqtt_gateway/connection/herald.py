"""Says that a Sparkplug host application is there, for edge nodes that wait for one before they speak.

The specification has the host's own connection say so by its will, without a session: so it is one beside the
gateway's, whose will is another, and it lasts no longer than that one does (Sparkplug 3, 5.14).
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn

import structlog

from mqtt_gateway.client.broker import ConnectError, Connection, Manner, Outgoing
from mqtt_gateway.connection.careful import Connect
from mqtt_gateway.options import GatewayOptions
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_LOOK_S: Final = 0.5
_AGAIN_S: Final = 5.0  # after a connection that did not come about, or ended
_CONFIRMED_S: Final = 3.0
_MANNER: Final = Manner(1, "never", own=True)


class Herald:
    """Of one gateway process that is a host application.

    Args:
        options: which broker, as whom; the host's id.
        connect: makes an unopened connection.
        is_up: whether the gateway's own connection is.
    """

    def __init__(self, options: GatewayOptions, connect: Connect, is_up: Callable[[], bool]) -> None:
        self._options, self._connect, self._is_up = options, connect, is_up
        self._topic = f"spBv1.0/STATE/{options.sparkplug_host}"

    async def run(self) -> NoReturn:
        """Be there whenever the gateway is, for ever."""
        while True:
            if self._is_up():
                try:
                    await self._stay()
                except (ConnectError, TimeoutError) as error:
                    log.warning(
                        "can't say that the Sparkplug host is there",
                        topic=self._topic,
                        reason=str(error) or "no answer",
                    )
                await asyncio.sleep(_AGAIN_S)
            else:
                await asyncio.sleep(_LOOK_S)

    async def _stay(self) -> None:
        """One connection, from its will to its end."""
        began_ms = unix_ms()
        own = replace(self._options, client_id=f"causeway-host-{secrets.token_hex(8)}", clean=True)
        connection = self._connect(own, self._state(began_ms, online=False))
        try:
            await connection.open(self)
            await connection.subscribe([self._topic], _MANNER)
            await self._say(connection, began_ms, online=True)
            while self._is_up() and not connection.lost.done():
                await asyncio.wait((connection.lost,), timeout=_LOOK_S)
        finally:
            with contextlib.suppress(ConnectError, TimeoutError):
                if not connection.lost.done():
                    await self._say(connection, began_ms, online=False)
            await connection.close()

    async def _say(self, connection: Connection, began_ms: int, *, online: bool) -> None:
        async with asyncio.timeout(_CONFIRMED_S):
            if reason := await connection.publish(self._state(began_ms, online=online)):
                raise ConnectError(reason)

    def _state(self, began_ms: int, *, online: bool) -> Outgoing:
        """Birth and will have the same time: nodes tell by it which will is whose."""
        return Outgoing(self._topic, json.dumps({"online": online, "timestamp": began_ms}).encode(), retain=True)

    def opened(self, *, session_present: bool) -> None:
        """See Listener."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """See Listener. That is our own; nothing follows from it."""
