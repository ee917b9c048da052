"""Calls a handler, watched; tells its failures from the database's."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
from django.db import connection

from devices.handlers.calls.failures import CursorLostError, in_words, is_outage
from devices.handlers.calls.sizes import BatchSize
from devices.handlers.calls.transactions import Done, Step, carry_out, keeps_any, no_step
from devices.handlers.items import Item
from devices.handlers.registry import HandlerSpec

log = structlog.get_logger(__name__)

LOCKED_S: Final = 1.0  # so long a handler may hold SQLite's one lock for writing


class Watch(Protocol):
    """Is told what a process is at, so that it can be ended from outside."""

    def begin(self, shard: int, items: int, key: str, limit_s: float) -> None:
        """A handler is called; it may take ``limit_s``."""

    def end(self) -> None:
        """It has returned."""


class Unwatched:
    """A watch that nobody looks at."""

    def begin(self, shard: int, items: int, key: str, limit_s: float) -> None:
        """As of :class:`Watch`."""

    def end(self) -> None:
        """As of :class:`Watch`."""


class Call:
    """Calls one handler for one shard; knows how many items it takes at once.

    Args:
        spec: of the handler.
        limit: at most so many items at first; 0: as many as usual.
        watch: of the process.
        tell: is told what a committed transaction came to.
        clock: seconds of a monotonic clock.
        step: as of :func:`carry_out`.
    """

    def __init__(
        self,
        spec: HandlerSpec,
        limit: int = 0,
        watch: Watch | None = None,
        tell: Callable[[Done], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        step: Step = no_step,
    ) -> None:
        self._spec, self._watch, self._tell = spec, watch or Unwatched(), tell
        self._clock, self._step = clock, step
        self._has_kept: bool | None = None  # None: not asked yet
        has_one_writer = connection.vendor == "sqlite"
        self.size = BatchSize(has_one_writer, limit)
        self._limit_s = min(spec.timeout_s, LOCKED_S) if has_one_writer else spec.timeout_s

    def attempt(self, shard: int, items: Sequence[Item], settle: Callable[[], None], *, is_again: bool = False) -> str:
        """Carry it out. Empty: it is committed; else why the handler failed, and nothing has happened.

        Args:
            shard: its number.
            items: none: only ``settle`` is called.
            settle: as of :func:`carry_out`.
            is_again: items of a parked device: how that goes says nothing of what the others can do at once.

        Raises:
            CursorLostError: as ``settle`` does.
            django.db.Error: the database failed, not the handler.
        """
        begun_s = self._clock()

        def step(name: str) -> None:
            nonlocal begun_s
            if name == "begun":  # SQLite's lock is ours from here on
                begun_s = self._clock()
                self._watch.begin(shard, len(items), items[0].key if items else "", self._limit_s)
            self._step(name)

        try:
            done = carry_out(self._spec, items, settle, step, keeps=self._keeps())
        except (Exception, SystemExit) as error:
            if isinstance(error, CursorLostError) or is_outage(error):
                raise
            if not is_again:
                self.size.failed(len(items))
            self._log_failure(shard, items, error)
            return in_words(error)
        finally:
            self._watch.end()
        if not is_again:
            self.size.succeeded(len(items), self._clock() - begun_s)
        self._has_kept = self._has_kept or done.keeps
        if self._tell is not None:
            self._tell(done)
        return ""

    def _keeps(self) -> bool:
        """Nobody else writes what is kept of devices of a shard that is ours: what was not there comes by us only."""
        if self._has_kept is None:
            self._has_kept = keeps_any(self._spec.name)
        return self._has_kept

    def _log_failure(self, shard: int, items: Sequence[Item], error: BaseException) -> None:
        """With its traceback once it is clear which item it is."""
        told = {"handler": self._spec.name, "shard": shard, "items": len(items)}
        if len(items) == 1:
            log.warning("a handler failed", **told, item=items[0].key, exc_info=error)
        else:
            log.info("a handler failed; half as many items are tried", **told)
