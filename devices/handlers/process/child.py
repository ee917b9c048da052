"""A child process: one handler, in all shards that are ours, one after the other."""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Final

import structlog
from django.conf import settings
from django.db import Error, connection, connections

from devices.handlers.calls.attempts import Call
from devices.handlers.calls.failures import CursorLostError
from devices.handlers.items import Reading
from devices.handlers.log import Documents, heads, read
from devices.handlers.process.leases import BEAT_S, Held, Leases
from devices.handlers.process.nudger import Nudger
from devices.handlers.process.watch import SharedWatch
from devices.handlers.records.positions import Batch
from devices.handlers.registry import HandlerSpec, discover
from devices.handlers.shards import begins
from devices.handlers.shards.progress import cursor_of
from devices.handlers.shards.room import Room
from devices.handlers.shards.runner import ShardRunner
from devices.models import HandlerCursor
from runtime.database_clock import ask_the_time, unix_ms
from runtime.databases.limits import PATIENT_S
from runtime.databases.own_connection import connect_for_life
from runtime.outages import Outage
from runtime.signal_event import SignalEvent

log = structlog.get_logger(__name__)

_SHORTEST_S: Final = 0.01  # between looks for something new; it grows while there is nothing
_LONGEST_S: Final = 0.25
_MANY: Final = 200  # items of a turn; after fewer there is a pause
_FAILED_S: Final = 1.0
_TELL_S: Final = 1.0


class Child:
    """Owns the two threads of a child.

    Args:
        spec: of the handler.
        owner: our name.
        watch: of this process.
        parent: the supervisor's process id: without it, we end.
    """

    def __init__(self, spec: HandlerSpec, owner: str, watch: SharedWatch, parent: int) -> None:
        self._spec, self._watch, self._parent = spec, watch, parent
        self._leases = Leases(spec.name, owner, settings.DEVICES.shards)
        self._held = Held({}, is_paused=True)
        self._stop = SignalEvent()
        self._runners: dict[int, ShardRunner] = {}
        self._outage = Outage(log, "database", time.monotonic, handler=spec.name)
        self._nudger = Nudger()
        self._room = Room(spec.name)
        self._told_s = time.monotonic()

    def stop(self, *_signal: object) -> None:
        """End after the transaction in hand."""
        self._stop.set()

    def run(self) -> None:
        """Until told to stop."""
        connect_for_life(f"causeway handler {self._spec.name}"[:63], {}, PATIENT_S)
        beating = threading.Thread(target=self._keep_leases, name="leases", daemon=True)
        beating.start()
        self._nudger.start()
        pause_s = _SHORTEST_S
        while not self._stop.is_set():
            begun_s = time.monotonic()
            if done := self._turn():
                pause_s = _SHORTEST_S
                if connection.vendor == "sqlite":  # as long as we have kept others from writing, they may
                    self._stop.wait(time.monotonic() - begun_s)
                elif done < _MANY:  # more gathers meanwhile: a transaction costs much more than an item
                    self._stop.wait(_SHORTEST_S)
            else:
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_S)
        self._nudger.stop()
        beating.join(BEAT_S)
        connections.close_all()

    def _turn(self) -> int:
        """Each shard that is ours once, if it has anything new; how many items were handled, or tried."""
        try:
            ours = self._ours()
            latest = heads() if ours else {}
            done = [self._run(runner) for shard, runner in ours.items() if not runner.is_idle(latest.get(shard, -1))]
            self._keep_log()
        except Error as error:
            connections.close_all()
            self._outage.begins(error)
            self._runners.clear()  # what was committed last is not known
            self._stop.wait(_FAILED_S)
            return 0
        if latest:
            self._outage.ends()
        return sum(done)

    def _run(self, runner: ShardRunner) -> int:
        if self._stop.is_set():
            return 0
        try:
            return runner.run()
        except CursorLostError:
            self._runners = {shard: one for shard, one in self._runners.items() if one is not runner}
            return 0

    def _ours(self) -> dict[int, ShardRunner]:
        """Runners of the shards that are ours; new ones of those that we have just taken."""
        held = self._held
        if held.is_paused:
            return {}
        for shard, row in held.cursors.items():
            known = self._runners.get(shard)
            is_known = known is not None and known.generation >= row.generation
            if not is_known and (fresh := self._runner(row)) is not None:
                self._runners[shard] = fresh
        self._runners = {shard: one for shard, one in self._runners.items() if shard in held.cursors}
        return self._runners

    def _runner(self, taken: HandlerCursor) -> ShardRunner | None:
        row = HandlerCursor.objects.filter(pk=taken.pk, generation=taken.generation).first()
        kind = self._spec.wanted.kind
        if row is None or not begins.settle(row, kind):
            return None
        documents = Documents()

        def read_log(shard: int, after: int, most: int) -> Batch:
            return read(shard, after, most, {kind}, documents)

        call = Call(self._spec, row.batch, self._watch, self._nudger.tell)
        return ShardRunner(self._spec, cursor_of(row), call, read_log, unix_ms, room=self._room)

    def _keep_log(self) -> None:
        """What is handled by now need not be kept for us; told now and then."""
        if self._spec.wanted.kind is not Reading or time.monotonic() - self._told_s < _TELL_S:
            return
        for shard, runner in self._runners.items():
            begins.keep(self._spec.name, shard, runner.position)
        self._told_s = time.monotonic()

    # ---------------------------------------------------------------------------------------- the other thread

    def _keep_leases(self) -> None:
        connect_for_life(f"causeway leases of {self._spec.name}"[:63], {}, PATIENT_S)
        while not self._stop.is_set():
            try:
                self._held = self._leases.look()
                ask_the_time()
            except Error:
                connections.close_all()  # the other thread tells of it
            if os.getppid() != self._parent:
                log.warning("the process that started us is gone", handler=self._spec.name)
                os.kill(os.getpid(), signal.SIGKILL)
            self._stop.wait(BEAT_S)
        with suppress(Error):
            self._leases.leave()
        connections.close_all()


def run(name: str, owner: str, watch: SharedWatch, parent: int) -> None:
    """What a child process does, with Django set up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    child = Child(discover()[name], owner, watch, parent)
    signal.signal(signal.SIGTERM, child.stop)
    child.run()
