"""Retention: what is older than RETENTION_DAYS goes, in small steps between the rounds. Lives in the database thread.

Each step is a short transaction of its own, the only thing that a round ever waits for; after it comes a rest at least
as long. A task that may have more to remove is due again at once, so the more there is, the closer the steps follow,
up to half of the thread's time; with nothing to remove they cost next to nothing. Whatever stops a step half-way harms
nothing: what was not removed is found again.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from devices.options import DevicesOptions
from devices.worker.memory.shard import Shard
from devices.worker.ownership.fence import ShardLostError
from devices.worker.retention.scope import PurgeTask, Scope

MAX_ROWS: Final = 2_000  # of a step
_MIN_ROWS: Final = 50
_LONG_S, _SHORT_S = 0.05, 0.02  # a step that takes longer, or less, makes the task's next one smaller, or larger
_REST_MS: Final = 1_000  # while there is nothing to do it for, or it failed
_DAY_MS: Final = 86_400_000


class _Planned:
    """A task with its next time."""

    def __init__(self, task: PurgeTask) -> None:
        self.task = task
        self.due_ms = 0
        self._limit = MAX_ROWS // 4

    def step(self, scope: Scope) -> float:
        """The seconds that it took."""
        begun_s = time.monotonic()
        pause_s = self.task.step(scope, self._limit)
        took_s = time.monotonic() - begun_s
        if took_s > _LONG_S:
            self._limit = max(_MIN_ROWS, self._limit // 2)
        elif took_s < _SHORT_S:
            self._limit = min(MAX_ROWS, self._limit * 2)
        self.due_ms = scope.now_ms + round(1000 * pause_s)
        return took_s


class Retention:
    """Of one process.

    Args:
        options: of the installation.
        tasks: the kinds of rows.
    """

    def __init__(self, options: DevicesOptions, tasks: Iterable[PurgeTask]) -> None:
        self._options = options
        self._planned = [_Planned(task) for task in tasks]
        self._now_ms = 0  # of the latest step
        self._shards: set[int] = set()  # by then

    def step(self, shards: Sequence[Shard], now_ms: int) -> int:
        """Make the step that is due for longest, if one is.

        Args:
            shards: those that we own.
            now_ms: Unix ms.

        Returns:
            When the next one is due, Unix ms.

        Raises:
            django.db.Error: the database failed; the same step comes again.
        """
        self._begin_anew({shard.number for shard in shards})
        if not shards:
            return now_ms + _REST_MS
        if now_ms < self._now_ms:  # the clock was set back
            self._planned = [_Planned(one.task) for one in self._planned]
        self._now_ms, took_s = now_ms, 0.0
        planned = min(self._planned, key=lambda one: one.due_ms)
        if planned.due_ms <= now_ms:
            try:
                took_s = planned.step(self._scope(shards, now_ms))
            except ShardLostError:  # the next round finds out which
                return now_ms + _REST_MS
        rested_ms = now_ms + 1 + round(2000 * took_s)  # the step's own time, and as much again
        return max(rested_ms, min(one.due_ms for one in self._planned))

    def _begin_anew(self, shards: set[int]) -> None:
        """Where a shard has been taken, everything is looked at now: who had it before may have seen less."""
        if shards - self._shards:
            for one in self._planned:
                one.due_ms = 0
        self._shards = shards

    def _scope(self, shards: Sequence[Shard], now_ms: int) -> Scope:
        return Scope(
            shards,
            self._options.shards,
            now_ms,
            self._options.retention_days * _DAY_MS,
            self._options.quarantine_max_mb * 1024 * 1024,
        )
