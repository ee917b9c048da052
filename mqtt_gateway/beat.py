"""The process's row: written every second, at each change of the broker link, when drained_ms is waited for."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from mqtt_gateway.database import DatabaseDownError, DatabaseThread
from mqtt_gateway.storage import save_beat

BEAT_S: Final = 1


class Beat:
    """What this process says about itself.

    Args:
        client_id: MQTT client id: the row's key.
        database: where to write.
        fields: gives the row's ``counters`` and ``drained_ms``.
        changed: set it to have the row written at once.
        heartbeat_file: touched when the row is written; "" for none.
    """

    def __init__(
        self,
        client_id: str,
        database: DatabaseThread,
        fields: Callable[[], dict[str, Any]],
        changed: asyncio.Event,
        heartbeat_file: str = "",
    ) -> None:
        self._client_id, self._database, self._fields = client_id, database, fields
        self._heartbeat_file = heartbeat_file
        self._instance = f"{socket.gethostname()}:{os.getpid()}:{_now_ms()}"
        self._broker_up, self._since_ms = False, _now_ms()
        self._changed = changed

    def broker(self, *, up: bool) -> None:
        """The broker link came up or went down; written at once when that is news."""
        if up != self._broker_up:
            self._broker_up, self._since_ms = up, _now_ms()
            self._changed.set()

    async def run(self) -> NoReturn:
        """Write for ever. A database that is down is tried again with the next beat."""
        while True:
            self._changed.clear()
            await self.write()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._changed.wait()

    async def write(self) -> None:
        """Write once; the database thread logs when it can't."""
        with contextlib.suppress(DatabaseDownError):
            await self._database.run(
                self._save,
                instance=self._instance,
                broker_up=self._broker_up,
                since_ms=self._since_ms,
                beat_ms=_now_ms(),
                **self._fields(),
            )

    def _save(self, **fields: Any) -> None:
        save_beat(self._client_id, **fields)
        if self._heartbeat_file:
            with contextlib.suppress(OSError):  # then the health check says what it has to
                Path(self._heartbeat_file).touch()


def _now_ms() -> int:
    return int(time.time() * 1000)
