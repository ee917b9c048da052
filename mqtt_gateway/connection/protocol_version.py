"""Speaking the MQTT version that the broker speaks.

MQTT 5 is tried first, unless told otherwise. A broker that answers it with "unsupported protocol version" (0x84, or
0x01 in the words of MQTT 3.1.1) has no session of MQTT 5 under our client id, so nothing is left behind there when we
go on with 3.1.1. One that hangs up without such an answer proves nothing: the log only says what could be set.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from mqtt_gateway.client.broker import ConnectError, Connection, Listener, Outgoing
from mqtt_gateway.connection.careful import Connect
from mqtt_gateway.options import GatewayOptions, MqttVersion
from mqtt_gateway.rules.packet_reader import Copies

_FALLS_BACK: Final = "it speaks no MQTT 5, so 3.1.1 is spoken from now on (set MQTT_VERSION=3.1.1 to begin with that)"
_NEITHER: Final = "it speaks neither MQTT 5 nor 3.1.1"
_SET_5: Final = "it speaks no MQTT 3.1.1: set MQTT_VERSION=5"


def understood(connect: Connect, tell: Callable[[str], None]) -> Connect:
    """Connections that go on with MQTT 3.1.1 once the broker has said that it speaks no MQTT 5.

    Args:
        connect: makes them.
        tell: told when that happens.
    """
    return _Spoken(connect, tell).connect


class _Spoken:
    def __init__(self, connect: Connect, tell: Callable[[str], None]) -> None:
        self._connect, self._tell = connect, tell
        self._version: MqttVersion | None = None  # None: as the options say

    def connect(self, options: GatewayOptions, will: Outgoing) -> Connection:
        """An unopened connection of the version that the broker understands, as far as is known."""
        spoken = replace(options, version=self._version or options.version)
        connection = self._connect(spoken, will)
        connection.open = partial(self._open, connection.open, spoken.version)  # type: ignore[method-assign]
        return connection

    async def _open(
        self,
        opened: Callable[[Listener, Copies | None], Awaitable[None]],
        version: MqttVersion,
        listener: Listener,
        copies: Copies | None = None,
    ) -> None:
        """See mqtt_gateway.client.broker.Connection."""
        try:
            await opened(listener, copies)
        except ConnectError as error:
            if not error.other_version:
                raise
            raise ConnectError(f"{error}: {self._next(version)}", refused=True) from None

    def _next(self, refused: MqttVersion) -> str:
        """Choose the version of the next connection; in words."""
        if refused == "5":
            self._version = "3.1.1"
            self._tell("MQTT 3.1.1")
            return _FALLS_BACK
        if self._version is None:
            return _SET_5
        self._version = None
        return _NEITHER
