"""How the hub hears commits: one channel of the layer, in the groups of all shards. Survives the layer's outages."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final

import structlog
from msgspec import Struct

from bridge import wire
from bridge.messages import Commit
from bridge.names import dashboard_group
from runtime.outages import Outage

_LIMIT_S: Final = 5.0  # for each call of the layer
_AGAIN_S: Final = 1.0
_FAILURES: Final = 2  # of probes in a row, then the channel is left
PROBE: Final = "hub.probe"

log = structlog.get_logger(__name__)


def _nothing() -> None:
    """Nobody minds."""


class Aside(Struct, frozen=True):
    """What web processes tell each other, beside the commits, on the same channel: a group, and a type of messages."""

    group: str
    kind: str
    take: Callable[[dict[str, Any]], None]
    joined: Callable[[], None] = _nothing  # called whenever we hear the group (again)


class BroadcastListener:
    """Receives commits and hands them over in the order in which they arrive; at most once, as the layer does.

    What waits in the channel is bounded by the layer (runtime.channel_layers.redis), and by :meth:`probe`: a hub that
    twice does not get its own message back in time leaves the channel with all that waits in it and takes a new one.

    Args:
        layer: the layer of groups.
        shards: how many there are.
        commit: takes each commit.
        joined: called whenever it has joined (again): what was broadcast before that may be lost.
        asides: what else is heard.
    """

    def __init__(
        self,
        layer: Any,
        shards: int,
        commit: Callable[[Commit], None],
        joined: Callable[[], None],
        asides: Iterable[Aside] = (),
    ) -> None:
        self._layer = layer
        self._asides = {one.kind: one for one in asides}
        self._groups = [*map(dashboard_group, range(shards)), *(one.group for one in self._asides.values())]
        self._commit = commit
        self._joined = joined
        self._channel = ""
        self._listening: asyncio.Task[None] | None = None
        self._probes: dict[int, asyncio.Event] = {}
        self._last_probe = 0
        self._failures = 0  # of probes, in a row
        self._outage = Outage(log, "channel layer of the dashboards", time.monotonic)

    @property
    def deaf(self) -> str:
        """Why no broadcast arrives; empty: they do."""
        return self._outage.reason

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._listening = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({self._listening})
            finally:
                await _ended(self._listening)
            await asyncio.sleep(_AGAIN_S)

    async def probe(self, limit_s: float) -> bool:
        """Send ourselves a message: when it is back, all that was sent before it has been handed over.

        False, when there is no channel now, or it does not come back in ``limit_s``.
        """
        channel = self._channel
        if not channel:
            return False
        self._last_probe += 1
        number, arrived = self._last_probe, asyncio.Event()
        self._probes[number] = arrived
        try:
            async with asyncio.timeout(limit_s):
                await self._layer.send(channel, {"type": PROBE, "v": number})
                await arrived.wait()
        except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down
            self._unanswered(channel, error)
            return False
        finally:
            del self._probes[number]
        self._failures = 0
        self._outage.ends()
        return True

    def _unanswered(self, channel: str, error: Exception) -> None:
        """A probe failed: the first time it may be a pause after which the layer goes on by itself."""
        self._failures += 1
        late = isinstance(error, TimeoutError)
        if self._failures >= _FAILURES or not late:
            self._outage.begins("our own messages do not arrive" if late else error)
        if self._failures >= _FAILURES and channel == self._channel and self._listening is not None:
            self._listening.cancel()

    async def _listen(self) -> None:
        channel = ""
        try:
            channel = await _limited(self._layer.new_channel("live."))
            for group in self._groups:
                await _limited(self._layer.group_add(group, channel))
            self._channel, self._failures = channel, 0
            self._outage.ends()
            self._joined()
            for aside in self._asides.values():
                _guarded(aside.kind, aside.joined)
            while True:
                self._take(await self._layer.receive(channel))
        except Exception as error:  # noqa: BLE001  as above
            self._outage.begins(error)
        finally:
            self._channel = ""
            if channel:
                await self._leave(channel)

    def _take(self, layer_message: dict[str, Any]) -> None:
        if layer_message.get("type") == PROBE:
            if arrived := self._probes.get(layer_message.get("v", 0)):
                arrived.set()
            return
        if aside := self._asides.get(layer_message.get("type", "")):
            _guarded(aside.kind, lambda: aside.take(layer_message))
            return
        message = wire.unpack(layer_message)
        if not isinstance(message, Commit):
            log.warning("not a commit", message=repr(message)[:200])
            return
        try:
            self._commit(message)
        except Exception:
            log.exception("a commit could not be handed over", shard=message.shard, commit=message.commit)

    async def _leave(self, channel: str) -> None:
        """A group that keeps a channel nobody reads would cost memory."""
        with suppress(Exception):
            async with asyncio.timeout(_LIMIT_S):  # all of them, whatever becomes of one
                await asyncio.gather(
                    *(self._layer.group_discard(group, channel) for group in self._groups), return_exceptions=True
                )


def _guarded(kind: str, call: Callable[[], None]) -> None:
    """What goes wrong beside the commits does not stop them."""
    try:
        call()
    except Exception:
        log.exception("a message of other web processes could not be handled", kind=kind)


async def _limited(call: Coroutine[Any, Any, Any]) -> Any:
    async with asyncio.timeout(_LIMIT_S):
        return await call


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
