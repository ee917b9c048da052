"""Tells workers of what handlers have stored for them. They would find it by themselves, a little later."""

import asyncio
import threading
from typing import Final

from devices.handlers.calls.transactions import Done
from devices.requests.nudges import nudge

_MOST: Final = 1_000  # nudges under way; beyond, the workers find what was stored by themselves
_STOP_S: Final = 2.0


class Nudger:
    """An event loop in a thread of its own; nobody waits for it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nudges", daemon=True)
        self._tasks: set[asyncio.Task[bool]] = set()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def tell(self, done: Done) -> None:
        """Have all that was stored be told."""
        if done.nudges:
            self._loop.call_soon_threadsafe(self._send, done)

    def stop(self) -> None:
        """Send no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_S)

    def _send(self, done: Done) -> None:
        for message in done.nudges[: max(0, _MOST - len(self._tasks))]:
            task = self._loop.create_task(nudge(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
