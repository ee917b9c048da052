"""One subscription: an iterator of changes that survives outages and gaps.

    asked ──ok──> taken ──connection lost──> away ──connected──> asked
      └──error of a passing kind: asked again after a while; of another kind: ended

Frames wait here, not acknowledged, until the program comes for them; only then they are applied. So what waits is
bounded by what the server sends unacknowledged (1 MiB), and what the stream knows is what the program was told.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Self

from .changes import Change, Complete, Delta, Frame, Gone, Outage, Refused, Resumed, Snapshot
from .errors import ClientError, RequestError, StreamBrokenError
from .line import Line
from .requests import refusal
from .stream import Stream

RETRY_S: Final = 2.0  # after the server refused for a passing reason
ANSWER_S: Final = 30.0  # the server promises one in 12
GAPS_UNTIL_SNAPSHOT: Final = 3  # a device with so many in a row is asked for anew, not from its rev
_PASSING: Final = ("rate_limited", "unavailable")

log = logging.getLogger(__name__)


class Following:
    """Iterate over it with ``async for``; leave it with :meth:`close`, or use it as a context manager.

    It keeps its connection's acknowledgements back while it is neither iterated nor closed.

    Args:
        line: its client's connection.
        target: the fields of the subscribe request; ``devices`` is a list here.
        stream: what is known from before.
        strict: raise StreamBrokenError where the stream would be mended.
        leave: called with this one when it is closed.
    """

    def __init__(
        self, line: Line, target: Frame, stream: Stream, *, strict: bool, leave: Callable[["Following"], None]
    ) -> None:
        self.stream = stream
        self.sub: str | None = None  # the server's name for its current life
        self._line, self._target, self._strict, self._leave = line, target, strict, leave
        self._named = list(target.get("devices", ()))
        self._untold: set[str] | None = set(self._named) - stream.devices.keys() if "devices" in target else None
        self._is_complete = False
        self._queue: deque[tuple[Frame | Change, Callable[[], None]]] = deque()
        self._handled: Callable[[], None] = _nothing  # of the frame that the program is busy with
        self._ready: deque[Change] = deque()
        self._arrived = asyncio.Event()
        self._lost_at: float | None = None
        self._told_away = False
        self._gaps: Counter[str] = Counter()
        self._mended_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._failure: ClientError | None = None
        self._ended = False

    # For the program -------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """The next change.

        Raises:
            TurnedAwayError: the server does not let this user in (any more).
            RequestError: the server refused the subscription for good.
            StreamBrokenError: with ``strict`` only.
        """
        while not self._ready:
            changes = await self.batch()
            if not changes:
                raise StopAsyncIteration
            self._ready.extend(changes)
        return self._ready.popleft()

    async def batch(self) -> list[Change]:
        """The changes of the next frame that makes any, of which the one before is thereby handled; none: closed.

        Raises:
            ClientError: as :meth:`__anext__`.
        """
        while True:
            self._settle()
            while not self._queue:
                if self._ended:
                    return self._ending()
                self._arrived.clear()
                await self._arrived.wait()
            item, self._handled = self._queue.popleft()
            if changes := self._apply(item):
                return changes

    def close(self) -> None:
        """Stop following; whoever iterates comes to an end."""
        if not self._ended and self.sub is not None:
            self._unsubscribe()
        self.end(None)
        self._drop()
        self._ready.clear()
        self._settle()
        self._leave(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    def _settle(self) -> None:
        handled, self._handled = self._handled, _nothing
        handled()

    def _ending(self) -> list[Change]:
        if self._failure is not None:
            raise self._failure
        return []

    # Frames to changes -----------------------------------------------------------------------------------------------

    def _apply(self, item: Frame | Change) -> list[Change]:
        if not isinstance(item, dict):
            return self._tell(item)
        if item.get("sub", self.sub) != self.sub:  # of a life that ended with a gap
            return []
        try:
            changes = self.stream.apply(item)
        except StreamBrokenError as broken:
            self._broken(broken)
            return []
        return changes + self._noted(changes)

    def _tell(self, change: Change) -> list[Change]:
        """A change that no frame makes."""
        if not isinstance(change, Refused):
            self._told_away = isinstance(change, Outage)
            return [change]
        told = self.stream.forget(change.devices)
        if self._untold is not None:
            unheard = tuple(device for device in change.devices if Gone(device) not in told and device in self._untold)
            told += [Refused(unheard)] if unheard else []
            self._untold.difference_update(change.devices)
        return told + self._noted([])

    def _noted(self, changes: list[Change]) -> list[Change]:
        """Look at what was told; what there is to add."""
        if self._gaps:
            for change in changes:
                if isinstance(change, Snapshot | Delta):
                    self._gaps.pop(change.device, None)
        if self._is_complete:
            return []
        if self._untold:
            self._untold.difference_update(change.device for change in changes if isinstance(change, Snapshot | Gone))
        self._is_complete = self.stream.complete if self._untold is None else not self._untold
        return [Complete()] if self._is_complete else []

    def _broken(self, broken: StreamBrokenError) -> None:
        """Take the stream up again from where it was whole. Twice within a second: not at once."""
        if self._strict:
            self.end(broken)
            raise broken
        log.warning("the stream is broken and is taken up again: %s", broken)
        if broken.device is None:
            self._line.reconnect(str(broken))
            return
        self._gaps[broken.device] += 1
        if self._gaps[broken.device] >= GAPS_UNTIL_SNAPSHOT:
            self.stream.ask_anew(broken.device)
        self._unsubscribe()
        loop = asyncio.get_running_loop()
        delay_s = max(0.0, self._mended_at + 1 - loop.time())
        self._mended_at = loop.time() + delay_s
        self._after(delay_s, self.take)

    # For the client --------------------------------------------------------------------------------------------------

    def take(self) -> None:
        """Ask the server for it, from where the program is. There is a connection."""
        if self._ended:
            return
        self.sub = self._line.next_id()
        known = self.stream.resume()
        devices = {device: known.get(device) for device in self._named} if "devices" in self._target else known
        try:
            self._line.send({"type": "subscribe", "id": self.sub, **self._target, "devices": devices})
        except RequestError as error:  # of so many devices that no frame holds their names
            self.end(error)
            return
        self._after(ANSWER_S, lambda: self._line.reconnect("a subscription was not answered"))

    def replied(self, reply: Frame) -> None:
        """The server took the subscription up, or did not."""
        self._after(None)
        if reply["type"] == "ok":
            self._taken(reply)
        elif reply.get("code") in _PASSING:
            log.info("a subscription has to wait: %s", reply.get("message"))
            self._after(RETRY_S, self.take)
        else:
            self.end(refusal(reply))

    def _taken(self, reply: Frame) -> None:
        if self._lost_at is not None:
            away_s = asyncio.get_running_loop().time() - self._lost_at
            self._lost_at = None
            self.put(Resumed(away_s))
        refused = tuple(reply.get("refused", ()))
        if refused or not self._is_complete:
            self.put(Refused(refused))

    def put(self, item: Frame | Change, handled: Callable[[], None] | None = None) -> None:
        """Something for the program; ``handled`` is called when it has finished with it."""
        self._queue.append((item, handled or _nothing))
        self._arrived.set()

    def lost(self, why: str) -> None:
        """The connection is gone, or another attempt to connect failed. What waits will be sent again."""
        self.sub = None
        self._after(None)
        self._drop()
        if self._lost_at is None:
            self._lost_at = asyncio.get_running_loop().time()
        if not self._told_away:
            self.put(Outage(why))

    def end(self, failure: ClientError | None) -> None:
        """Nothing comes any more; ``failure`` is raised once what waits is told."""
        if self._ended:
            return
        self._ended, self._failure = True, failure
        self._after(None)
        self._arrived.set()

    def _unsubscribe(self) -> None:
        self._line.send({"type": "unsubscribe", "id": self._line.next_id(), "sub": self.sub})
        self.sub = None

    def _drop(self) -> None:
        while self._queue:
            self._queue.popleft()[1]()

    def _after(self, delay_s: float | None, then: Callable[[], None] = lambda: None) -> None:
        """Do something later, instead of what was to be done later."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if delay_s is None else asyncio.get_running_loop().call_later(delay_s, then)


def _nothing() -> None:
    """Nobody waits for it to be handled."""
