"""All that a process knows of its shards, and what it does with a round. Lives in the database thread."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from django.db import Error
from django.db.models import F

from bridge.dialects.registry import dialects
from devices.models import Command
from devices.options import DevicesOptions
from devices.worker.commands.command_steps import command_id
from devices.worker.effects.operations import PresenceCheck
from devices.worker.link import delivery_history
from devices.worker.memory.shard import Shard
from devices.worker.ownership import fence
from devices.worker.ownership.fence import ShardLostError
from devices.worker.presence import checks
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.retention.retention import Retention
from devices.worker.round import loading
from devices.worker.round.intake import Round
from devices.worker.round.pending_requests import PendingRequests
from devices.worker.round.results import RoundResults
from devices.worker.round.transaction import Job, Transaction
from devices.worker.rules.outbox import CommandItem
from runtime.database import writing
from runtime.gc_tuning import collect_seldom

log = structlog.get_logger(__name__)

_MAX_SWEPT: Final = 5_000  # commands at a time


class RateGate:
    """True at most once per interval."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next_s = seconds, 0.0

    def __call__(self) -> bool:
        """Whether it may happen now; if so, it counts."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._seconds
        return True


class RoundRunner:
    """The shards that this process owns.

    Args:
        options: of the installation.
        owner: our name in the shards' rows, unlike that of any other process past or present.
        clock: gives Unix ms.
    """

    def __init__(self, options: DevicesOptions, owner: str, clock: Callable[[], int]) -> None:
        self._options, self._owner, self._clock = options, owner, clock
        self._shards: dict[int, Shard] = {}
        self._pending_requests = PendingRequests(options.shards)
        self._sweep_requests, self._sweep_commands, self._forget_sessions = RateGate(1), RateGate(2), RateGate(3_600)
        self._look_at_links, self._look_soon, self._refresh_limits = RateGate(1), RateGate(checks.SOON_S), RateGate(10)
        self._links, self._dialects = LinkWatch(options.topic_root), dialects(options.topic_root)
        self._retention = Retention(options)

    def work(self, round_: Round) -> RoundResults:
        """Carry out a round. First, shards that are ours and not known yet are loaded; those to be left are given up.

        Returns:
            What to send now that it is committed.

        Raises:
            ShardLostError: other workers have taken these shards; nothing was done.
            django.db.Error: the database failed; nobody knows what was committed.

        After any exception the round is to be given again, without the shards that are lost. What was known of all
        shards is forgotten: the next round reads it anew.
        """
        try:
            self._own(round_)
            return self._work(round_)
        except ShardLostError:
            self._forget()
            raise ShardLostError(fence.lost(round_.shards, self._owner)) from None  # all of them, in one go
        except Error:
            self._forget()
            raise
        except Exception:
            self._forget()
            if lost := fence.lost(round_.shards, self._owner):  # no bug: another owner has changed what we knew
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

    def _own(self, round_: Round) -> None:
        for number in self._shards.keys() - round_.shards:
            del self._shards[number]
        if round_.leaving:
            fence.release(round_.leaving, self._owner)
            log.info("shards given up", shards=sorted(round_.leaving))
        for number in sorted(round_.shards - self._shards.keys()):
            self._shards[number] = self._loaded(number)

    def _loaded(self, number: int) -> Shard:
        begun_s = time.monotonic()
        state = fence.claim(number, self._owner)
        shard = loading.load(state, self._options, self._clock())
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
        self._links.forget()

    # ------------------------------------------------------------------------------------------------- rounds

    def _work(self, round_: Round) -> RoundResults:
        now_ms = self._clock()
        if self._forget_sessions():
            delivery_history.forget_gone_sessions(self._shards, now_ms)
        if self._refresh_limits():
            checks.refresh_limits(self._shards.values(), now_ms)
        job = self._job(round_, now_ms)
        transaction = Transaction(self._shards.values(), self._options, self._dialects, now_ms)
        if job:
            with writing():
                transaction.run(job)
        else:
            transaction.publish_due()
        results = transaction.results
        results.settled += self._pending_requests.answers(transaction.settled)
        results.next_ms = now_ms if self._pending_requests.more else self._next_ms(now_ms)
        return results

    def _job(self, round_: Round, now_ms: int) -> Job:
        return Job(
            batches=round_.batches,
            published=round_.published,
            requests=self._pending_requests.find(round_.requests, self._shards, sweep=self._sweep_requests()),
            stored=self._stored(round_),
            expired=[pk for shard in self._shards.values() for pk in shard.outbox.expired(now_ms)],
            presence_checks=self._presence_checks(round_.listening_since_ms, now_ms),
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

    def _presence_checks(self, listening_since_ms: int | None, now_ms: int) -> dict[int, dict[str, PresenceCheck]]:
        """At whose presence something may have to change."""
        soon = any(shard.watch.is_waiting for shard in self._shards.values()) and self._look_soon()
        if not (soon or self._look_at_links()):
            return {}
        links = self._links.read(now_ms)
        shards = self._shards.items()
        return {
            number: checks.due_checks(shard, links, self._options, now_ms, listening_since_ms)
            for number, shard in shards
        }

    def _next_ms(self, now_ms: int) -> int | None:
        times = [shard.outbox.next_ms() for shard in self._shards.values()]
        if any(shard.watch.is_waiting for shard in self._shards.values()):
            times.append(now_ms + int(1000 * checks.SOON_S))
        return min((time_ms for time_ms in times if time_ms is not None), default=None)
