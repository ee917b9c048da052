"""Runs a handler on what happens in one shard, a batch at a time. In one thread; knows nothing of processes.

::

    log ─► matching ─► the next items ─┬─► the handler ───────────┐ one transaction, with the cursor
                                       └─► wait at parked devices ┘
    fails ─► half as many ─► … ─► one item: its device is parked
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec import Struct

from devices.handlers.calls.attempts import Call
from devices.handlers.filters import matching
from devices.handlers.items import Item
from devices.handlers.records.positions import Batch, TooFarError
from devices.handlers.registry import HandlerSpec
from devices.handlers.shards import parked
from devices.handlers.shards.parked import Parked
from devices.handlers.shards.progress import Cursor
from devices.handlers.shards.room import Room, tell

log = structlog.get_logger(__name__)

_MOST: Final = 1_000  # items that are read at once
_SKIPPED_S: Final = 1.0  # so seldom the cursor is moved past what the handler does not want
_LOOK_S: Final = 1.0  # between looks at which devices are parked: others may have them tried at once
_KILLED: Final = "its process had to be killed: it took too long"


class Chunk(Struct, frozen=True):
    """What the next transaction is about."""

    items: Sequence[Item]
    commit: int  # the cursor after it
    done: frozenset[str]


class ShardRunner:
    """A handler in a shard whose cursor is ours.

    Args:
        spec: of the handler.
        cursor: the shard's.
        call: calls the handler.
        read: reads the log of a shard: its number, after which position, about how many items.
        now_ms: Unix ms.
        clock: seconds of a monotonic clock.
        room: how much may wait for the handler; None: by the settings.
    """

    def __init__(
        self,
        spec: HandlerSpec,
        cursor: Cursor,
        call: Call,
        read: Callable[[int, int, int], Batch],
        now_ms: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        room: Room | None = None,
    ) -> None:
        self._spec, self._cursor, self._call = spec, cursor, call
        self._room = room or Room(spec.name, clock)
        self._read_log, self._now_ms, self._clock = read, now_ms, clock
        self._pending: list[Item] = []
        self._upto = cursor.commit  # all that was read is pending, or up to it
        self._written_s = self._looked_s = clock()
        self._parked = parked.parked_devices(spec.name, cursor.shard)

    @property
    def generation(self) -> int:
        """The cursor's, by which it is ours."""
        return self._cursor.generation

    @property
    def position(self) -> int:
        """All up to there is handled."""
        return self._cursor.commit

    def is_idle(self, head: int) -> bool:
        """Whether there is nothing to do, if the shard's last commit is this one: then nothing need be asked for.

        Not so now and then, as the database may say something else by then.
        """
        is_done = not self._pending and self._upto == head == self._cursor.commit
        return is_done and not self._parked and self._clock() - self._looked_s < _LOOK_S

    def run(self) -> int:
        """Handle what is next, if anything is; how many items that were, or were tried. 0: nothing is to be done.

        Raises:
            CursorLostError: the cursor is not ours any more.
            django.db.Error: the database failed, not the handler; nothing has happened.
        """
        retried = int(self._retry_first())
        if self._cursor.is_too_far or self._room.is_full() or not self._read():
            return retried
        chunk = self._next_chunk()
        self._handle(chunk)
        return retried + len(chunk.items)

    # ------------------------------------------------------------------------------------------- what is next

    def _read(self) -> bool:
        """Have something pending, if there is anything in the log; whether there is."""
        if self._pending:
            return True
        try:
            batch = self._read_log(self._cursor.shard, self._upto, _MOST)
        except TooFarError as error:
            self._cursor.too_far()
            log.error("a handler is too far behind the log", handler=self._spec.name, reason=str(error))  # noqa: TRY400
            tell(self._spec.name, "handler_too_far", f"shard {self._cursor.shard}: {error}")
            return False
        fresh = [item for item in batch.items if item.key not in self._cursor.done]
        self._pending, self._upto = matching(self._spec.wanted, fresh), batch.upto
        if self._pending:
            return True
        self._skip()
        return False

    def _skip(self) -> None:
        """Nothing up to there was for the handler: the row is to say so, now and then."""
        if self._upto > self._cursor.commit and self._clock() - self._written_s >= _SKIPPED_S:
            self._cursor.write(self._upto, (), 0)
            self._moved(self._upto, frozenset())

    def _next_chunk(self) -> Chunk:
        items = self._pending[: self._call.size.now]
        rest = self._pending[len(items) :]
        if not rest:
            return Chunk(items, self._upto, frozenset())
        first = rest[0].commit
        if first and first - 1 > self._cursor.commit:  # all of the commits before it are handled
            return Chunk(items, first - 1, frozenset(item.key for item in items if item.commit == first))
        return Chunk(items, self._cursor.commit, self._cursor.done | {item.key for item in items})

    # ------------------------------------------------------------------------------------- handling the next

    def _handle(self, chunk: Chunk) -> None:
        ours = [item for item in chunk.items if item.device not in self._parked]
        held = [item for item in chunk.items if item.device in self._parked]
        if ours and ours[0].key == self._cursor.suspect:
            self._park(ours[0], _KILLED)
            self._cursor.acquit()
            return

        waits, out = self._room.fitting(held, self._parked)

        def settle() -> None:
            parked.hold(self._spec.name, waits, self._now_ms())
            parked.leave_out(self._spec.name, out, self._now_ms())
            self._cursor.write(chunk.commit, chunk.done, len(ours))

        failure = self._call.attempt(self._cursor.shard, ours, settle)
        if not failure:
            self._pending = self._pending[len(chunk.items) :]
            self._moved(chunk.commit, chunk.done)
            self._added(waits, out)
            return
        self._cursor.failed(failure)
        if len(ours) == 1:
            self._park(ours[0], failure)

    def _moved(self, commit: int, done: frozenset[str]) -> None:
        self._cursor.moved(commit, done)
        self._written_s = self._clock()

    def _added(self, waits: Sequence[Item], out: Sequence[Item]) -> None:
        self._room.added(waits, out)
        for device in {item.device for item in out} & self._parked.keys():
            self._parked[device].left_out_ms = self._parked[device].left_out_ms or self._now_ms()

    def _park(self, item: Item, why: str) -> None:
        """It fails by itself: from now on its device waits. It is still next, and is held with the device's others."""
        self._parked[item.device] = parked.park(self._spec.name, item.device, why, self._now_ms())
        log.warning("a device is parked", handler=self._spec.name, device=item.device, item=item.key, why=why)

    # ------------------------------------------------------------------------------------- parked devices

    def _retry_first(self) -> bool:
        """Try the parked device whose turn it is; whether there was one."""
        if self._clock() - self._looked_s >= _LOOK_S:
            self._parked = parked.parked_devices(self._spec.name, self._cursor.shard)
            self._looked_s = self._clock()
        first = parked.due(self._parked.values(), self._now_ms())
        if first is None:
            return False
        self._retry(first)
        found = parked.still_parked(self._spec.name, first.device)
        if found is not None:
            self._parked[first.device] = found
        else:
            del self._parked[first.device]
            log.info("a device is parked no longer", handler=self._spec.name, device=first.device)
        return True

    def _retry(self, one: Parked) -> None:
        """The first of its items once more; after one has succeeded, the next ones together."""
        every = parked.waiting(self._spec.name, one.device)
        some = every[: 1 if one.attempts else self._call.size.now]
        if some and some[0].item.key == self._cursor.suspect:
            self._failed_again(one, some, _KILLED)
            self._cursor.acquit()
            return

        def settle() -> None:
            parked.remove(some)
            parked.go_on(self._spec.name, one.device)
            self._cursor.write(self._cursor.commit, self._cursor.done, len(some))

        items = [waiting.item for waiting in some]
        if failure := self._call.attempt(self._cursor.shard, items, settle, is_again=True):
            self._cursor.failed(failure)
            self._failed_again(one, some, failure)

    def _failed_again(self, one: Parked, some: Sequence[parked.Waiting], why: str) -> None:
        if len(some) > 1 or not parked.is_given_up(self._spec.on_failure, one):
            parked.failed_again(self._spec.name, one, why, self._now_ms())
            return

        def settle() -> None:
            parked.bury(some[0], why)
            parked.go_on(self._spec.name, one.device)
            self._cursor.write(self._cursor.commit, self._cursor.done, 0)

        self._call.attempt(self._cursor.shard, (), settle)
        log.error("an item is a dead letter", handler=self._spec.name, item=some[0].item.key, why=why)
