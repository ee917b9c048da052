"""Keeping a connection that nobody reads from for a while."""

import asyncio
from typing import Any


class PausedKeepalive:
    """Who does not read hears no PINGRESP, and paho would give the connection up: it is to ping again instead.

    Should the broker be gone, that shows after :meth:`end`.

    Args:
        paho: the client.
        keepalive_s: its keep-alive interval.
    """

    def __init__(self, paho: Any, keepalive_s: float) -> None:
        self._paho, self._every_s = paho, keepalive_s / 2
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return self._timer is not None

    def begin(self) -> None:
        """Nobody reads from now on. Safe to repeat."""
        if self._timer is None:
            self._forget_ping()

    def _forget_ping(self) -> None:
        self._paho._ping_t = 0
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._forget_ping)

    def end(self) -> None:
        """Somebody reads again, or it is over. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
