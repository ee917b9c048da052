"""The leases of this process, in the database: beats, and a look at who has what. Lives in a thread of its own.

Not in the thread of the rounds: a long transaction, or the loading of a large shard, must not cost the other shards.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import structlog
from django.db import transaction
from django.db.models import F
from msgspec import Struct
from msgspec.structs import asdict

from bridge.gateway_status import Incident
from devices.gateways import record_incident
from devices.models import ShardState, Worker
from devices.options import DevicesOptions
from devices.worker.ownership import fence
from devices.worker.rules.assignment import Peer, assign
from devices.worker.rules.shard_list import format_shards, parse_shards
from runtime.clock_watch import ClockWatch
from runtime.database import writing
from runtime.database_clock import DatabaseNowMs
from runtime.database_clock import clock as database_clock
from runtime.leases import LEASE_MS, LEASE_S

log = structlog.get_logger(__name__)

_BEAT_S: Final = 0.9  # at every second look (holding.LOOK_S)
_FORGOTTEN_MS: Final = 60_000  # then a dead worker's row is removed
_ANY: Final = 10**6  # the list of another worker is not ours to judge
_NOBODY: Final = "-"  # has what is not free: a worker that is gone, for the rest of its lease


class Found(Struct, frozen=True):
    """What a look came to."""

    lost: frozenset[int] = frozenset()  # were ours, and somebody else has them
    taken: frozenset[int] = frozenset()  # are ours now
    excess: frozenset[int] = frozenset()  # are ours, and others' share
    awaited: frozenset[int] = frozenset()  # are to be ours once they are free
    kept_from_us: frozenset[int] = frozenset()  # we are pinned to them, and another worker is, too, and has them


class _Row(Struct, frozen=True):
    shard: int
    owner: str
    age_ms: int  # of the last beat


class Leases:
    """Our part in the tables of workers and shards.

    Args:
        owner: our name, unlike that of any other process past or present.
        options: of the installation.
        pinned: the shards that we are told to have; none: an even share.
        clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        owner: str,
        options: DevicesOptions,
        pinned: frozenset[int] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owner, self._options, self._clock = owner, options, clock
        self._pinned = pinned
        self._looked_s: float | None = None
        self._trouble = ""  # that we have told of
        self._next_beat_s = self._patient_until_s = 0.0
        self._leaps, self._clock_watch = database_clock.leaps, ClockWatch(database_clock, log)

    def pin(self, shard: int) -> None:
        """One more shard that we are to have."""
        self._pinned |= {shard}
        self._next_beat_s = 0.0

    def check(self, owned: frozenset[int], leaving: frozenset[int], trouble: str = "") -> Found:
        """Renew our leases, see what the others have, take what is free and our share.

        Args:
            owned: the shards that we believe to be ours.
            leaving: those that we are about to give up.
            trouble: why nothing is committed, at most 200 characters; empty: it is.

        Raises:
            django.db.Error: the database failed.
            ReshardedError: there is another number of shards by now; we have none of them.
        """
        now_s = self._clock()
        if self._looked_s is not None and now_s - self._looked_s > LEASE_S:
            self._be_patient()
        try:
            self._beat(owned | leaving, trouble)
            found = self._decide(owned, leaving)
            self._tell_of_clock()
        except BaseException:
            self._be_patient()
            raise
        self._looked_s = self._clock()
        return found

    def leave(self) -> None:
        """Give up all shards; we are no worker any more."""
        with writing():
            fence.release(range(self._options.shards), self._owner)
            Worker.objects.filter(owner=self._owner).delete()

    # ------------------------------------------------------------------------------------------------- beats

    def _be_patient(self) -> None:
        """After an outage all leases are over, and so they are after a stall of ours as far as we know.

        Whoever lives renews its own within the time of a lease: nobody takes such shards before.
        """
        self._patient_until_s = self._clock() + LEASE_S
        self._next_beat_s = 0.0

    def _beat(self, shards: frozenset[int], trouble: str) -> None:
        now_s = self._clock()
        if now_s < self._next_beat_s and trouble == self._trouble:
            return
        with writing():
            self._say_that_we_live()
            fence.renew(shards, self._owner, trouble)
        self._next_beat_s, self._trouble = now_s + _BEAT_S, trouble
        if self._options.heartbeat_file:
            with contextlib.suppress(OSError):  # then the health check says what it has to
                Path(self._options.heartbeat_file).touch()

    def _say_that_we_live(self) -> None:
        pinned = format_shards(self._pinned)
        if not Worker.objects.filter(owner=self._owner).update(beat_ms=DatabaseNowMs(), pinned=pinned):
            now = DatabaseNowMs()
            Worker.objects.create(owner=self._owner, pinned=pinned, started_ms=now, beat_ms=now)

    def _tell_of_clock(self) -> None:
        for one in self._clock_watch.look():
            if one.kind == "clock_off":  # of the database's, gateways tell
                with writing():
                    record_incident(Incident(gateway=f"worker {self._owner[:100]}", **asdict(one)))

    # ---------------------------------------------------------------------------------------------- the look

    def _decide(self, owned: frozenset[int], leaving: frozenset[int]) -> Found:
        rows = self._rows()
        if database_clock.leaps != self._leaps:  # no beat is by the new time yet
            self._leaps = database_clock.leaps
            self._be_patient()
        lost = frozenset(row.shard for row in rows if row.shard in owned | leaving and row.owner != self._owner)
        ours = owned - lost
        holders = dict(self._holders(rows, ours, leaving))
        assigned = assign(self._peers(), holders, self._options.shards)
        share = frozenset(shard for shard, owner in assigned.items() if owner == self._owner)
        taken = self._take([row for row in rows if row.shard in share and row.shard not in holders])
        return Found(
            lost=lost,
            taken=taken,
            excess=ours - share,
            awaited=share - ours - taken,
            kept_from_us=self._pinned - share,
        )

    def _rows(self) -> list[_Row]:
        columns = ("shard", "owner", DatabaseNowMs() - F("beat_ms"), DatabaseNowMs())
        asked_ns, rows = database_clock.asking(), []
        for *row, now_ms in ShardState.objects.order_by("shard").values_list(*columns):
            rows.append(_Row(*row))
            database_clock.told(now_ms, asked_ns)
        if len(rows) < self._options.shards:
            fence.check_number(self._options.shards)
            new = [ShardState(shard=shard) for shard in range(self._options.shards)]
            ShardState.objects.bulk_create(new, ignore_conflicts=True)
            return self._rows()
        return rows

    def _holders(self, rows: list[_Row], ours: frozenset[int], leaving: frozenset[int]) -> Iterator[tuple[int, str]]:
        is_patient = self._clock() < self._patient_until_s
        for row in rows:
            if row.owner == self._owner:
                if row.shard in ours:
                    yield row.shard, row.owner
                elif row.shard in leaving:
                    yield row.shard, _NOBODY
                # else we have taken it without hearing of it: it is free for us alone
            elif row.owner and (abs(row.age_ms) < LEASE_MS or is_patient):
                yield row.shard, row.owner

    def _peers(self) -> list[Peer]:
        columns = ("owner", "pinned", DatabaseNowMs() - F("beat_ms"))
        peers = [Peer(self._owner, self._pinned)]
        forgotten = False
        for owner, pinned, age_ms in Worker.objects.exclude(owner=self._owner).values_list(*columns):
            if abs(age_ms) < LEASE_MS:
                peers.append(Peer(owner, frozenset(parse_shards(pinned, of=_ANY)) if pinned else frozenset()))
            forgotten |= age_ms > _FORGOTTEN_MS
        if forgotten:
            Worker.objects.filter(beat_ms__lt=DatabaseNowMs() - _FORGOTTEN_MS).delete()
        return peers

    def _take(self, rows: list[_Row]) -> frozenset[int]:
        for owner in {row.owner for row in rows} - {"", self._owner}:
            if fence.end_standstill(owner):
                log.warning("ended a transaction that stood still", owner=owner)
        with writing(), transaction.atomic():
            taken = frozenset(row.shard for row in rows if fence.take(row.shard, self._owner))
            if taken:  # after it: whoever reshards holds these rows
                fence.check_number(self._options.shards)
        return taken
