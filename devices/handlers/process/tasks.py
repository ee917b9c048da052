"""The child process that does what handlers want done later: at least once each, several at a time, in no order."""

import os
import random
import signal
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from inspect import iscoroutinefunction
from typing import Final

import structlog
from asgiref.sync import async_to_sync
from django.db import Error, connections
from django.db.models import F

from devices.handlers.calls.failures import in_words
from devices.handlers.calls.tx import find_task
from devices.handlers.process.purge import Purge
from devices.handlers.process.watch import SharedWatch
from devices.handlers.registry import discover
from devices.models import HandlerTask
from runtime.backoff import backoff_s
from runtime.database_clock import ask_the_time, unix_ms
from runtime.outages import Outage
from runtime.signal_event import SignalEvent

log = structlog.get_logger(__name__)

LIMIT_S: Final = 60.0  # that a task may take; then the process is killed
_THREADS: Final = 8
_CLAIMED_MS: Final = 10_000  # then whoever claimed it is gone; who is at work on it renews that
_RENEW_S: Final = 3.0
_GIVEN_UP_MS: Final = 3 * 86_400_000
_FIRST_S, _LONGEST_S = 1.0, 3600.0
_LOOK_S: Final = 0.2
_FAILED_S: Final = 1.0


def claim(most: int) -> list[HandlerTask]:
    """Tasks that are due, and now ours for a while."""
    now_ms = unix_ms()
    rows = HandlerTask.objects.filter(dead=False, due_ms__lte=now_ms).order_by("due_ms")[:most]
    return [row for row in rows if _is_claimed(row, now_ms)]


def _is_claimed(row: HandlerTask, now_ms: int) -> bool:
    same = HandlerTask.objects.filter(pk=row.pk, due_ms=row.due_ms, dead=False)
    return bool(same.update(due_ms=now_ms + _CLAIMED_MS, attempts=F("attempts") + 1))


def renew(rows: Collection[int]) -> None:
    """These are still being done, by us."""
    if rows:
        HandlerTask.objects.filter(pk__in=list(rows), dead=False).update(due_ms=unix_ms() + _CLAIMED_MS)


def perform(row: HandlerTask) -> None:
    """Call it. Done: its row goes; failed: later again, until it is given up."""
    try:
        _call(row)
    except Exception as error:
        _failed(row, in_words(error))
        log.warning("a task failed", handler=row.handler_id, task=row.task, attempt=row.attempts + 1, exc_info=True)
    else:
        HandlerTask.objects.filter(pk=row.pk).delete()


def _call(row: HandlerTask) -> None:
    task = find_task(row.task)
    if task is None:
        raise LookupError(f"there is no {row.task}")
    (async_to_sync(task) if iscoroutinefunction(task) else task)(*row.args)


def _failed(row: HandlerTask, why: str) -> None:
    now_ms = unix_ms()
    pause_ms = round(backoff_s(row.attempts, _FIRST_S, _LONGEST_S, random.random()) * 1000)
    is_dead = now_ms - row.made_ms >= _GIVEN_UP_MS
    HandlerTask.objects.filter(pk=row.pk).update(due_ms=now_ms + pause_ms, why=why, dead=is_dead)


class Tasks:
    """Performs tasks in some threads, each with a connection of its own.

    Args:
        watch: of this process.
        parent: the supervisor's process id: without it, we end.
    """

    def __init__(self, watch: SharedWatch, parent: int) -> None:
        self._watch, self._parent = watch, parent
        self._stop, self._is_room = SignalEvent(), SignalEvent()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, str]] = {}  # by id: since when (monotonic), what
        self._outage = Outage(log, "database", time.monotonic, handler="tasks")
        self._purge = Purge()
        self._renewed_s = time.monotonic()

    def stop(self, *_signal: object) -> None:
        """End; what is not done by then is done by another process."""
        self._stop.set()
        self._is_room.set()

    def run(self) -> None:
        """Until told to stop."""
        with ThreadPoolExecutor(_THREADS, "task") as pool:
            while not self._stop.is_set():
                self._is_room.clear()
                try:
                    found = self._look()
                    self._outage.ends()
                except Error as error:
                    connections.close_all()
                    self._outage.begins(error)
                    self._stop.wait(_FAILED_S)
                    continue
                for row in found:
                    self._begins(row)
                    pool.submit(self._perform, row)
                self._is_room.wait(_LOOK_S)
                if os.getppid() != self._parent:
                    os.kill(os.getpid(), signal.SIGKILL)

    def _look(self) -> list[HandlerTask]:
        """What is to be begun now."""
        ask_the_time()
        self._purge.run()
        with self._lock:
            running = set(self._running)
        if time.monotonic() - self._renewed_s >= _RENEW_S:
            renew(running)
            self._renewed_s = time.monotonic()
        return claim(_THREADS - len(running))

    def _perform(self, row: HandlerTask) -> None:
        try:
            perform(row)
        except Error as error:  # its row says it is ours for a while; then it is done again
            log.warning("a task's end could not be stored", task=row.task, error=str(error))
        finally:
            connections.close_all()
            self._ended(row)

    def _begins(self, row: HandlerTask) -> None:
        with self._lock:
            self._running[row.pk] = (time.monotonic(), row.task)
            self._tell()

    def _ended(self, row: HandlerTask) -> None:
        with self._lock:
            self._running.pop(row.pk, None)
            self._tell()
        self._is_room.set()

    def _tell(self) -> None:
        """The one that has been running longest may take as long as is left to it."""
        if not self._running:
            self._watch.end()
            return
        since_s, task = min(self._running.values())
        self._watch.begin(0, len(self._running), task, max(0.0, since_s + LIMIT_S - time.monotonic()))


def run(watch: SharedWatch, parent: int) -> None:
    """What the child process does, with Django set up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    discover()
    tasks = Tasks(watch, parent)
    signal.signal(signal.SIGTERM, tasks.stop)
    tasks.run()
