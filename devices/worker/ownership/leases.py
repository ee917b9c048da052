"""The leases of this process, in the database: beats, and a look at who has what. Lives in a thread of its own.

Not in the thread of the rounds: a long transaction, or the loading of a large shard, must not cost the other shards.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog
from django.db import transaction
from msgspec import Struct
from msgspec.structs import asdict

from bridge.gateway_status import Incident
from devices.gateways import record_incident
from devices.models import ShardState, Worker
from devices.options import DevicesOptions
from devices.worker.ownership import fence, looks
from devices.worker.ownership.followed import State
from devices.worker.ownership.looks import PeerRow, Seen, ShardRow
from devices.worker.rules.shard_list import format_shards, parse_shards
from runtime.assignment import Peer, assign
from runtime.clock_watch import ClockWatch
from runtime.database import writing
from runtime.database_clock import DatabaseNowMs
from runtime.database_clock import clock as database_clock
from runtime.leases import LEASE_MS, LEASE_S

log = structlog.get_logger(__name__)

BEAT_S: Final = 1.0
_SHORTEST_S: Final = 0.02  # between two looks
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
    followed: Mapping[int, State] = {}  # by shard; not those that nobody follows


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
        self._first_end_s = float("inf")  # when the first lease of another one is over, unless it is renewed
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
            found = self._decide(self._see(owned | leaving, trouble), owned, leaving)
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

    @property
    def next_look_s(self) -> float:
        """In how many seconds there is reason to look again: a beat is due, or another one's lease is over."""
        return max(_SHORTEST_S, min(self._next_beat_s, self._first_end_s) - self._clock())

    # ------------------------------------------------------------------------------------------------- beats

    def _be_patient(self) -> None:
        """After an outage all leases are over, and so they are after a stall of ours as far as we know.

        Whoever lives renews its own within the time of a lease: nobody takes such shards before.
        """
        self._patient_until_s = self._clock() + LEASE_S
        self._next_beat_s = 0.0

    def _see(self, shards: frozenset[int], trouble: str) -> Seen:
        """Look, and beat if that is due."""
        now_s = self._clock()
        if now_s < self._next_beat_s and trouble == self._trouble:
            return looks.look(self._owner)
        seen = looks.beat_and_look(self._owner, format_shards(self._pinned), shards, trouble)
        self._next_beat_s, self._trouble = now_s + BEAT_S, trouble
        if self._options.heartbeat_file:
            with contextlib.suppress(OSError):  # then the health check says what it has to
                Path(self._options.heartbeat_file).touch()
        return seen

    def _tell_of_clock(self) -> None:
        for one in self._clock_watch.look():
            if one.kind == "clock_off":  # of the database's, gateways tell
                with writing():
                    record_incident(Incident(gateway=f"worker {self._owner[:100]}", **asdict(one)))

    # ---------------------------------------------------------------------------------------------- the look

    def _decide(self, seen: Seen, owned: frozenset[int], leaving: frozenset[int]) -> Found:
        rows = seen.shards if len(seen.shards) >= self._options.shards else self._made()
        if database_clock.leaps != self._leaps:  # no beat is by the new time yet
            self._leaps = database_clock.leaps
            self._be_patient()
        lost = frozenset(row.shard for row in rows if row.shard in owned | leaving and row.owner != self._owner)
        ours = owned - lost
        holders = dict(self._holders(rows, ours, leaving))
        assigned = assign(self._peers(seen.peers), holders, self._options.shards)
        share = frozenset(shard for shard, owner in assigned.items() if owner == self._owner)
        taken = self._take([row for row in rows if row.shard in share and row.shard not in holders])
        self._first_end_s = self._clock() + _first_end_ms(self._owner, rows, seen.peers) / 1000
        return Found(
            lost=lost,
            taken=taken,
            excess=ours - share,
            awaited=share - ours - taken,
            kept_from_us=self._pinned - share,
            followed={row.shard: row.followed for row in rows if row.followed != "nobody"},
        )

    def _made(self) -> list[ShardRow]:
        """The rows of shards, those that were missing, too."""
        fence.check_number(self._options.shards)
        new = [ShardState(shard=shard) for shard in range(self._options.shards)]
        ShardState.objects.bulk_create(new, ignore_conflicts=True)
        return looks.look(self._owner).shards

    def _holders(
        self, rows: list[ShardRow], ours: frozenset[int], leaving: frozenset[int]
    ) -> Iterator[tuple[int, str]]:
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

    def _peers(self, rows: list[PeerRow]) -> list[Peer]:
        living = [row for row in rows if abs(row.age_ms) < LEASE_MS]
        if any(row.age_ms > _FORGOTTEN_MS for row in rows):
            Worker.objects.filter(beat_ms__lt=DatabaseNowMs() - _FORGOTTEN_MS).delete()
        pins = ((row.owner, parse_shards(row.pinned, of=_ANY) if row.pinned else ()) for row in living)
        return [Peer(self._owner, self._pinned), *(Peer(owner, frozenset(pinned)) for owner, pinned in pins)]

    def _take(self, rows: list[ShardRow]) -> frozenset[int]:
        for owner in {row.owner for row in rows} - {"", self._owner}:
            if fence.end_standstill(owner):
                log.warning("ended a transaction that stood still", owner=owner)
        with writing(), transaction.atomic():
            taken = frozenset(row.shard for row in rows if fence.take(row.shard, self._owner))
            if taken:  # after it: whoever reshards holds these rows
                fence.check_number(self._options.shards)
        return taken


def _first_end_ms(owner: str, shards: Iterable[ShardRow], peers: Iterable[PeerRow]) -> int:
    """How long until the first lease of somebody else is over, unless it is renewed; at most that of a fresh one."""
    ages_ms = [*(row.age_ms for row in shards if row.owner not in ("", owner)), *(row.age_ms for row in peers)]
    return min((LEASE_MS - age_ms for age_ms in ages_ms if 0 <= age_ms < LEASE_MS), default=LEASE_MS)
