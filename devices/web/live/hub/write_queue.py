"""Sockets write one after the other, in slices: a flush to thousands must not hold the event loop until the last."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import structlog

SLICE_S: Final = 0.005  # then whatever else the event loop has to do gets its turn

log = structlog.get_logger(__name__)


class Writer(Protocol):
    """A socket that has something to write."""

    def write_out(self) -> None:
        """Write it."""

    def abort(self) -> None:
        """It failed."""


class WriteQueue:
    """The sockets of one event loop that have something to write; first come, first served, each once.

    Args:
        done: called whenever nobody waits any more.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Writer] = deque()  # each once: it asks only when it had nothing to write
        self.busy = False

    def ask(self, writer: Writer) -> None:
        """Call its ``write_out`` soon."""
        self._waiting.append(writer)
        if not self.busy:
            self.busy = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        ends = time.monotonic() + SLICE_S
        while self._waiting:
            self._write(self._waiting.popleft())
            if self._waiting and time.monotonic() >= ends:
                self._loop.call_soon(self._serve)
                return
        self.busy = False
        self._done()

    @staticmethod
    def _write(writer: Writer) -> None:
        try:
            writer.write_out()
        except Exception:
            log.exception("a socket could not be written to; it is closed")
            writer.abort()
