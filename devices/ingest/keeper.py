"""All that a process knows of its shards, and what it does with a round. Lives in the database thread."""

import contextlib
import gc
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.db.models import F

from devices.ingest import loading, ownership, presence
from devices.ingest.commands import command_id
from devices.ingest.intake import Round
from devices.ingest.operations import LookedSilent
from devices.ingest.outbox import CommandItem
from devices.ingest.requests import Inbox
from devices.ingest.results import Results
from devices.ingest.shard import Shard
from devices.ingest.transaction import Job, Transaction
from devices.models import Command
from devices.options import DevicesOptions

log = structlog.get_logger(__name__)

_MAX_SWEPT: Final = 5_000  # commands at a time


class _Every:
    """Says yes once in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next_s = seconds, 0.0

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._seconds
        return True


class Keeper:
    """The shards that this process owns.

    Args:
        options: of the installation.
        owner: our name in the shards' rows, unlike that of any other process past or present.
        clock: gives Unix ms.
    """

    def __init__(self, options: DevicesOptions, owner: str, clock: Callable[[], int]) -> None:
        self._options, self._owner, self._clock = options, owner, clock
        self._shards: dict[int, Shard] = {}
        self._ours: set[int] = set()  # taken at least once, and not known to be lost
        self._inbox = Inbox(options.shards)
        self._beat, self._sweep_requests, self._sweep_commands = _Every(2), _Every(1), _Every(2)
        self._look_for_silence, self._refresh_limits = _Every(1), _Every(10)

    def work(self, round_: Round) -> Results:
        """Carry out a round. Shards that are wanted and not owned yet are taken and loaded first.

        Returns:
            What to send now that it is committed.

        Raises:
            ShardLost: another worker has taken a shard.
            django.db.Error: the database failed; the round is to be given again. What was known of the shards is
                forgotten, because nobody knows what was committed: the next round takes them again.
        """
        try:
            self._own(round_.shards)
            return self._work(round_)
        except BaseException:
            self._shards.clear()
            raise

    def release(self) -> None:
        """Give up all shards."""
        ownership.release(self._ours, self._owner)
        self._shards.clear()
        self._ours.clear()

    # ------------------------------------------------------------------------------------------------ owning

    def _own(self, wanted: Iterable[int]) -> None:
        for number in sorted(wanted):
            self._keep_beating()  # others may take long to load
            if number not in self._shards:
                self._shards[number] = self._taken(number)
        self._keep_beating()

    def _keep_beating(self) -> None:
        if self._beat():
            ownership.pass_fence(list(self._shards.values()), self._clock())
            if self._options.heartbeat_file:
                with contextlib.suppress(OSError):  # then the health check says what it has to
                    Path(self._options.heartbeat_file).touch()

    def _taken(self, number: int) -> Shard:
        begun_s = time.monotonic()
        state = ownership.take(number, self._owner, self._clock(), again=number in self._ours)
        self._ours.add(number)
        shard = loading.load(state, self._options, self._clock())
        gc.freeze()  # what is there now stays: searching it for garbage would take longer than a transaction
        log.info(
            "shard taken",
            shard=number,
            generation=shard.generation,
            devices=len(shard.members),
            took_s=round(time.monotonic() - begun_s, 2),
        )
        return shard

    # ------------------------------------------------------------------------------------------------- rounds

    def _work(self, round_: Round) -> Results:
        now_ms = self._clock()
        if self._refresh_limits():
            presence.refresh_limits(self._shards.values(), now_ms)
        job = self._job(round_, now_ms)
        transaction = Transaction(self._shards.values(), self._options, now_ms)
        if job:
            transaction.run(job)
        else:
            transaction.publish_due()
        results = transaction.results
        results.settled += self._inbox.answers(transaction.settled)
        results.next_ms = now_ms if self._inbox.more else self._next_ms()
        return results

    def _job(self, round_: Round, now_ms: int) -> Job:
        return Job(
            batches=round_.batches,
            published=round_.published,
            requests=self._inbox.look(round_.requests, self._shards, sweep=self._sweep_requests()),
            stored=self._stored(round_),
            expired=[pk for shard in self._shards.values() for pk in shard.outbox.expired(now_ms)],
            silent=self._silent(round_.listening_since_ms, now_ms),
        )

    def _stored(self, round_: Round) -> list[UUID]:
        """Commands that may be new: told of, or found."""
        told = [pk for nudge in round_.commands if (pk := command_id(nudge.command_id))]
        return told + (self._unknown_commands() if self._sweep_commands() else [])

    def _unknown_commands(self) -> list[UUID]:
        """Stored commands whose nudge was lost. Reads an index of commands that are not sent yet."""
        rows = Command.objects.filter(status="accepted").annotate(shard=F("device__hash") % self._options.shards)
        found = rows.filter(shard__in=list(self._shards)).order_by("expires_at").values_list("pk", flat=True)
        known = [shard.outbox for shard in self._shards.values()]
        return [pk for pk in found[:_MAX_SWEPT] if not any(CommandItem(pk) in outbox for outbox in known)]

    def _silent(self, listening_since_ms: int | None, now_ms: int) -> dict[int, dict[str, LookedSilent]]:
        shards = list(self._shards.values())
        if listening_since_ms is None or not (self._look_for_silence() and presence.any_due(shards, now_ms)):
            return {}
        up_since_ms = presence.broker_up_since_ms()
        if up_since_ms is None:
            return {}
        heard_since_ms = max(listening_since_ms, up_since_ms)
        return {shard.number: presence.overdue(shard, self._options, heard_since_ms, now_ms) for shard in shards}

    def _next_ms(self) -> int | None:
        times = (shard.outbox.next_ms() for shard in self._shards.values())
        return min((time_ms for time_ms in times if time_ms is not None), default=None)
