"""Runs the parts of the bridge as tasks of Daphne's event loop, in order, and stops them in the opposite order."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog

log = structlog.get_logger(__name__)
Part = Callable[[asyncio.Event], Awaitable[None]]

STOP_WITHIN_S = 8


class Parts:
    """Named tasks. Each gets an event that tells it to stop; one that ends by itself ends the demo.

    Args:
        on_death: called with the name of a part that died.
    """

    def __init__(self, on_death: Callable[[str], None]) -> None:
        self._on_death = on_death
        self._running: list[tuple[str, asyncio.Task[None], asyncio.Event]] = []
        self.resources = AsyncExitStack()

    def start(self, name: str, part: Part) -> None:
        """Begin a part."""
        stop = asyncio.Event()
        task = asyncio.ensure_future(self._watched(name, part, stop))
        self._running.append((name, task, stop))

    async def _watched(self, name: str, part: Part, stop: asyncio.Event) -> None:
        try:
            await part(stop)
        except Exception:
            log.exception("a part of the demo died", part=name)
        if not stop.is_set():
            self._on_death(name)

    async def stop(self) -> None:
        """Stop the newest first; then close the resources they used."""
        while self._running:
            name, task, stop = self._running.pop()
            stop.set()
            try:
                await asyncio.wait_for(task, STOP_WITHIN_S)
            except TimeoutError:
                log.warning("a part of the demo did not stop in time", part=name, seconds=STOP_WITHIN_S)
        await self.resources.aclose()
