"""A flag that a signal handler may set while the main thread waits for it.

``threading.Event`` may not be: its lock is no reentrant one, so a signal that comes while ``wait`` holds it would wait
for itself, for ever. ``queue.SimpleQueue.put`` is made to be called there (Python's documentation of ``queue``).
"""

from contextlib import suppress
from queue import Empty, SimpleQueue


class SignalEvent:
    """As ``threading.Event``, for any threads and for signal handlers."""

    def __init__(self) -> None:
        self._is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether it is."""
        return self._is_set

    def set(self) -> None:
        """Whoever waits, or comes to wait, goes on."""
        self._is_set = True
        self._news.put(None)

    def clear(self) -> None:
        """It is not set any more. For one thread, that is the only one to wait."""
        self._is_set = False
        with suppress(Empty):
            while True:
                self._news.get_nowait()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is set, so long at most; whether it is."""
        if not self.is_set():
            with suppress(Empty):
                self._news.get(timeout=max(0.0, timeout_s))
            if self.is_set():
                self._news.put(None)  # for others that wait
        return self._is_set
