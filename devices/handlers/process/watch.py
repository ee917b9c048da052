"""What a child is at, for the process that may have to kill it: in memory that both have."""

import time
from multiprocessing.context import SpawnContext
from typing import Any

from msgspec import Struct

_KEY_BYTES = 200


class AtWork(Struct, frozen=True):
    """What a child is at."""

    shard: int
    items: int  # that the handler was handed
    key: str  # of the first of them
    limit_s: float


class SharedWatch:
    """Both ends of it. The clock is the machine's monotonic one, which is the same in all its processes.

    Args:
        context: by which the child is started; its argument list takes the watch along.
    """

    def __init__(self, context: SpawnContext) -> None:
        self._deadline: Any = context.RawValue("d", 0.0)  # s; 0: nothing is being done
        self._limit: Any = context.RawValue("d", 0.0)
        self._shard: Any = context.RawValue("i", 0)
        self._items: Any = context.RawValue("i", 0)
        self._key: Any = context.RawArray("c", _KEY_BYTES)

    def begin(self, shard: int, items: int, key: str, limit_s: float) -> None:
        """In the child: something begins that may take so long."""
        self._shard.value, self._items.value, self._limit.value = shard, items, limit_s
        self._key.value = key.encode()[: _KEY_BYTES - 1]
        self._deadline.value = time.monotonic() + limit_s

    def end(self) -> None:
        """In the child: it has ended."""
        self._deadline.value = 0.0

    def overdue(self) -> AtWork | None:
        """In the other process: what takes too long; None: nothing does."""
        deadline_s = self._deadline.value
        return self.at_work() if deadline_s and time.monotonic() >= deadline_s else None

    def at_work(self) -> AtWork | None:
        """In the other process: what is being done, or was when the child died; None: nothing."""
        if not self._deadline.value:
            return None
        key = self._key.value.decode(errors="ignore")
        return AtWork(self._shard.value, self._items.value, key, self._limit.value)
