"""Sending on a channel layer without a task for each message: whoever sends is told later what became of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

Told = Callable[[Exception | None], None]
"""Called once: with None, if it was sent, else with the reason why nobody knows that it was; must not raise."""

LIMIT_S: Final = 3.0  # for layers that have no limit of their own


class Poster:
    """Posts on one layer: by its own ``post`` and ``group_post``, if it has them (redis.py), else in tasks.

    Args:
        layer: any of Channels.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._post: Callable[[str, dict[str, Any], Told], None] = getattr(layer, "post", self._post_in_task)
        self._group_post: Callable[[str, dict[str, Any], Told], None] = getattr(
            layer, "group_post", self._group_post_in_task
        )
        self._tasks: set[asyncio.Task[None]] = set()  # as many as messages are under way
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    def send(self, channel: str, message: dict[str, Any], told: Told) -> None:
        """Send to a channel, behind all that was posted before."""
        self._post(channel, message, self._counted(told))

    def group_send(self, group: str, message: dict[str, Any], told: Told) -> None:
        """Send to a group, behind all that was posted before."""
        self._group_post(group, message, self._counted(told))

    async def done(self) -> None:
        """Wait until of all that was posted it is told what became of it."""
        if self._under_way:
            await self._none.wait()

    def _counted(self, told: Told) -> Told:
        self._under_way += 1
        self._none.clear()

        def count(error: Exception | None) -> None:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()
            told(error)

        return count

    def _post_in_task(self, channel: str, message: dict[str, Any], told: Told) -> None:
        self._begin(self._layer.send(channel, message), told)

    def _group_post_in_task(self, group: str, message: dict[str, Any], told: Told) -> None:
        self._begin(self._layer.group_send(group, message), told)

    def _begin(self, sending: Coroutine[Any, Any, None], told: Told) -> None:
        task = asyncio.create_task(_outcome(sending, told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _outcome(sending: Coroutine[Any, Any, None], told: Told) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            await sending
    except Exception as error:  # noqa: BLE001  any layer raises what its driver does
        told(error)
    else:
        told(None)
