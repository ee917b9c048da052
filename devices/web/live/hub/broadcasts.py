"""How the hub hears commits: one channel of the layer, in the groups of all shards. Survives the layer's outages."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from bridge import wire
from bridge.messages import Commit
from bridge.names import dashboard_group
from devices.web.live.hub import ended_sessions
from runtime.outages import Outage

_LIMIT_S: Final = 5.0  # for each call of the layer
_AGAIN_S: Final = 1.0
_FAILURES: Final = 2  # of probes in a row, then the channel is left
PROBE: Final = "hub.probe"

log = structlog.get_logger(__name__)


class BroadcastListener:
    """Receives commits and hands them over in the order in which they arrive; at most once, as the layer does.

    What waits in the channel is bounded by the layer (runtime.channel_layers.redis), and by :meth:`probe`: a hub that
    twice does not get its own message back in time leaves the channel with all that waits in it and takes a new one.

    Args:
        layer: the layer of groups.
        shards: how many there are.
        commit: takes each commit.
        joined: called whenever it has joined (again): what was broadcast before that may be lost.
        session_ended: takes the digest of a session that somebody has logged out of.
    """

    def __init__(
        self,
        layer: Any,
        shards: int,
        commit: Callable[[Commit], None],
        joined: Callable[[], None],
        session_ended: Callable[[str], None] = lambda _digest: None,
    ) -> None:
        self._layer = layer
        self._groups = [*(dashboard_group(shard) for shard in range(shards)), ended_sessions.GROUP]
        self._session_ended = session_ended
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
        if layer_message.get("type") == ended_sessions.ENDED:
            self._session_ended(str(layer_message.get("session")))
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


async def _limited(call: Coroutine[Any, Any, Any]) -> Any:
    async with asyncio.timeout(_LIMIT_S):
        return await call


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
