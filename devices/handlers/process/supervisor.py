"""Keeps the children: starts them, starts them anew when they end, kills those that take too long."""

import multiprocessing
import os
import random
import socket
import time
from collections.abc import Mapping
from typing import Final

import structlog
from django.conf import settings
from django.db import Error, connections

from devices.handlers.process.known import bring_up_to_date
from devices.handlers.process.start import TASKS, begin
from devices.handlers.process.watch import AtWork, SharedWatch
from devices.handlers.registry import HandlerSpec
from devices.handlers.shards.progress import killed
from runtime.backoff import backoff_s
from runtime.outages import Outage
from runtime.signal_event import SignalEvent

log = structlog.get_logger(__name__)

_LOOK_S: Final = 0.1
_FINISH_S: Final = 5.0  # for the transactions in hand, when told to stop
_UPDATE_S: Final = 1.0  # between looks whether a handler of another version can begin
_FIRST_S, _LONGEST_S = 0.2, 30.0  # before a child that ended is started anew
_PROVEN_S: Final = 60.0  # a child that has lived so long ends by chance
_NOTHING: Final = AtWork(0, 0, "", 0)


class Kept:
    """One child, over its restarts.

    Args:
        name: the handler's; TASKS.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._starts, self._failures, self._begun_s, self._next_s = 0, 0, 0.0, 0.0

    @property
    def told_as(self) -> str:
        """Its name for people."""
        return self.name or "tasks"

    def keep(self) -> None:
        """Start it if it does not run, after a while if it has just ended; kill it if it takes too long."""
        now_s = time.monotonic()
        if self._process is None:
            if now_s >= self._next_s:
                self._start(now_s)
        elif not self._process.is_alive():
            self._ended(now_s)
        elif (overdue := self._watch.overdue()) is not None:
            self._kill(overdue)

    def _start(self, now_s: float) -> None:
        self._starts += 1
        self._owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{self._starts}"
        self._watch = SharedWatch(self._context)
        arguments = (self.name, self._owner, self._watch, os.getpid())
        self._process = self._context.Process(target=begin, args=arguments, name=self.told_as, daemon=True)
        self._process.start()
        self._begun_s = now_s

    def _ended(self, now_s: float) -> None:
        """By itself, which it should not."""
        assert self._process is not None
        status, self._process = self._process.exitcode, None
        self._failures = 0 if now_s - self._begun_s >= _PROVEN_S else self._failures + 1
        self._next_s = now_s + backoff_s(self._failures, _FIRST_S, _LONGEST_S, random.random())
        log.error("a handler's process has ended", handler=self.told_as, status=status)
        self._take_down(self._watch.at_work() or _NOTHING, f"its process has died, with status {status}")

    def _kill(self, overdue: AtWork) -> None:
        """It hangs, or is slow. Its transaction ends with its connection."""
        assert self._process is not None
        self._process.kill()
        self._process.join()
        self._process = None
        log.error("a handler took too long: killed", handler=self.told_as, **_told(overdue))
        self._take_down(overdue, f"its process was killed: it took over {overdue.limit_s:g} s")

    def _take_down(self, at: AtWork, why: str) -> None:
        """What it was at has failed; its shards are free."""
        if self.name == TASKS:
            return  # they are due again after a while
        try:
            killed(self.name, self._owner, at.shard, at.items, at.key, why)
        except Error as error:
            connections.close_all()
            log.warning("that could not be stored", handler=self.name, error=str(error))

    def terminate(self) -> None:
        """Have it finish what is in hand."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def end(self, until_s: float) -> None:
        """Wait for that until then; no longer."""
        if self._process is None:
            return
        self._process.join(max(0.0, until_s - time.monotonic()))
        if self._process.is_alive():
            log.warning("stopping without waiting for a handler any longer", handler=self.told_as)
            self._process.kill()
            self._process.join()


def _told(overdue: AtWork) -> dict[str, object]:
    told: dict[str, object] = {"limit_s": overdue.limit_s, "shard": overdue.shard, "items": overdue.items}
    return told | ({"item": overdue.key} if overdue.items == 1 else {})


class Supervisor:
    """Runs handlers as child processes.

    Args:
        specs: the handlers, by name.
        parent: process id of ours without which we end; None: we stand by ourselves.
    """

    def __init__(self, specs: Mapping[str, HandlerSpec], parent: int | None = None) -> None:
        self._specs, self._parent = specs, parent
        self._kept: dict[str, Kept] = {}
        self._outage = Outage(log, "database", time.monotonic)

    def run(self, stop: SignalEvent) -> None:
        """Until told to stop; then end the children in order."""
        next_s = 0.0
        log.info("handlers started", handlers=sorted(self._specs))
        while not stop.is_set() and self._parent in (None, os.getppid()):
            if time.monotonic() >= next_s and len(self._kept) <= len(self._specs):
                self._add()
                next_s = time.monotonic() + _UPDATE_S
            for kept in self._kept.values():
                kept.keep()
            stop.wait(_LOOK_S)
        for kept in self._kept.values():
            kept.terminate()
        until_s = time.monotonic() + _FINISH_S
        for kept in self._kept.values():
            kept.end(until_s)
        log.info("handlers stopped")

    def _add(self) -> None:
        """Children of the handlers that can be run by now."""
        try:
            ready = bring_up_to_date(self._specs, settings.DEVICES.shards)
        except Error as error:
            connections.close_all()
            self._outage.begins(error)
            return
        self._outage.ends()
        for name in (*sorted(ready), TASKS):
            self._kept.setdefault(name, Kept(name))
