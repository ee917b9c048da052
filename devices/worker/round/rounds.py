"""All that a process knows of its shards, and what it does with a round. Lives in the database thread."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.db import Error, connection

from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.hooks import Hooks
from devices.worker.effects.results import RoundResults
from devices.worker.effects.storage import REFUSED
from devices.worker.effects.work import Round, RoundWork
from devices.worker.memory.shard import Shard
from devices.worker.ownership import fence
from devices.worker.ownership.fence import ShardLostError
from devices.worker.retention.purges import Deleted
from devices.worker.retention.retention import Retention
from devices.worker.round.loading import Loader
from devices.worker.round.transaction import Transaction
from runtime.database import writing
from runtime.database_clock import clock as database_clock
from runtime.gc_tuning import collect_seldom

log = structlog.get_logger(__name__)

_CAREFUL_S: Final = 60.0  # after a row was refused


class RoundRunner:
    """The shards that this process owns.

    Args:
        options: of the installation.
        features: what is done with them, in order.
        owner: our name in the shards' rows, unlike that of any other process past or present.
        clock: gives Unix ms.
    """

    def __init__(
        self, options: DevicesOptions, features: Sequence[Feature], owner: str, clock: Callable[[], int]
    ) -> None:
        self._owner, self._clock = owner, clock
        self._leaps = database_clock.leaps
        self._shards: dict[int, Shard] = {}
        self._careful_until_s = 0.0  # monotonic
        self._hooks = Hooks(features)
        self._loader = Loader(options, self._hooks, clock)
        self._transaction = Transaction(options, self._hooks, self._loader)
        self._retention = Retention(options, [*(task for purges in self._hooks.purges for task in purges()), Deleted()])

    def work(self, round_: Round, shards: frozenset[int], leaving: frozenset[int] = frozenset()) -> RoundResults:
        """Carry out a round.

        Args:
            round_: what has come.
            shards: ours; those not known yet are loaded first.
            leaving: ours up to now; they are given up first.

        Returns:
            What to send now that it is committed.

        Raises:
            ShardLostError: other workers have taken these shards; nothing was done.
            django.db.Error: the database failed; nobody knows what was committed.

        After any exception the round is to be given again, without the shards that are lost. What was known of all
        shards is forgotten: the next round reads it anew.
        """
        try:
            if database_clock.leaps != self._leaps:  # what waits for times by the former one would wait for ever
                self._leaps = database_clock.leaps
                self._forget()
            self._own(shards, leaving)
            return self._work_at_once(round_, shards)
        except ShardLostError:
            self._forget()
            raise ShardLostError(fence.lost(shards, self._owner)) from None  # all of them, in one go
        except Error:
            self._forget()
            raise
        except Exception:
            self._forget()
            if lost := fence.lost(shards, self._owner):  # no bug: another owner has changed what we knew
                raise ShardLostError(lost) from None
            raise

    def purge(self) -> int:
        """Make a step of retention if one is due, between two rounds.

        Returns:
            When the next one is, Unix ms.

        Raises:
            django.db.Error: the database failed; the step is made again.
        """
        return self._retention.step(list(self._shards.values()), self._clock())

    # ------------------------------------------------------------------------------------------------ owning

    def _own(self, shards: frozenset[int], leaving: frozenset[int]) -> None:
        for number in self._shards.keys() - shards:
            del self._shards[number]
        if leaving:
            fence.release(leaving, self._owner)
            log.info("shards given up", shards=sorted(leaving))
        for number in sorted(shards - self._shards.keys()):
            self._shards[number] = self._loaded(number)

    def _loaded(self, number: int) -> Shard:
        begun_s = time.monotonic()
        shard = self._loader.load(fence.claim(number, self._owner))
        collect_seldom()
        log.info(
            "shard taken",
            shard=number,
            generation=shard.generation,
            devices=len(shard.members),
            took_s=round(time.monotonic() - begun_s, 2),
        )
        return shard

    def _forget(self) -> None:
        self._shards.clear()
        for forget in self._hooks.forget:
            forget()

    # ------------------------------------------------------------------------------------------------- rounds

    def _work_at_once(self, round_: Round, shards: frozenset[int]) -> RoundResults:
        """All rows in one statement, where there is such a thing.

        If one is refused, that costs the whole: it is carried out anew, each statement for itself, so that the culprit
        is found. So are the rounds of the next minute: who sends such things once does so again.
        """
        if connection.vendor != "postgresql" or time.monotonic() < self._careful_until_s:
            return self._work(round_, gather=False)
        try:
            return self._work(round_, gather=True)
        except REFUSED as error:
            log.warning("the database refused a row: looking for it", error=str(error))
            self._careful_until_s = time.monotonic() + _CAREFUL_S
        self._forget()
        self._own(shards, frozenset())
        return self._work(round_, gather=False)

    def _work(self, round_: Round, *, gather: bool) -> RoundResults:
        """Without a transaction if nobody has found anything to do in one."""
        now_ms, hooks, shards = self._clock(), self._hooks, list(self._shards.values())
        work = RoundWork(round_, shards, now_ms, gathers=gather)
        found = any([find(round_, shards, now_ms) for find in hooks.find])  # noqa: C419  each of them is to look
        hooks.found()
        if found or round_.batches:
            work.just_readings = not found
            with writing():
                self._transaction.run(work)
        else:
            for publish in hooks.publish:
                publish(work)
        for committed in hooks.committed:
            committed(work)
        times = [due(shards, now_ms) for due in hooks.due]
        work.results.next_ms = min((time_ms for time_ms in times if time_ms is not None), default=None)
        return work.results
