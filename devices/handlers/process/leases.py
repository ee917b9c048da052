"""Which shards of a handler are ours: as device workers share shards, but for each handler by itself."""

from collections.abc import Sequence
from typing import Final

from django.db.models import F, QuerySet
from msgspec import Struct

from devices.models import Handler, HandlerCursor, HandlerRunner
from runtime.assignment import Peer, assign
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS

BEAT_S: Final = 1.0
_FORGOTTEN_MS: Final = 60_000  # then a dead runner's row is removed


class Held(Struct, frozen=True):
    """What a look came to."""

    cursors: dict[int, HandlerCursor]  # ours, by shard, as they were when we took them
    is_paused: bool


class Leases:
    """Our part in the tables of runners and cursors of one handler. In one thread.

    Args:
        handler: its name.
        owner: our name, unlike that of any other process past or present.
        shards: how many there are.
    """

    def __init__(self, handler: str, owner: str, shards: int) -> None:
        self._handler, self._owner, self._shards = handler, owner, shards
        self._taken: dict[int, HandlerCursor] = {}

    def look(self) -> Held:
        """Renew our leases, see what the others have, take what is free and our share, give up what is not.

        Raises:
            django.db.Error: the database failed.
        """
        self._beat()
        state = Handler.objects.filter(pk=self._handler).values_list("state", flat=True).first()
        rows = self._rows()
        ours = {row.shard for row in rows if row.owner == self._owner}
        share = self._share(rows)
        for shard in ours - share:
            self._cursors().filter(shard=shard, owner=self._owner).update(owner="", beat_ms=0)
        free = [row for row in rows if row.shard in share and self._is_to_be_taken(row)]
        self._taken = {shard: row for shard, row in self._taken.items() if shard in share & ours}
        for row in free:
            self._take(row)
        return Held(dict(self._taken), state != "running")

    def leave(self) -> None:
        """Give up all of them; we are no runner any more."""
        self._cursors().filter(owner=self._owner).update(owner="", beat_ms=0)
        HandlerRunner.objects.filter(handler_id=self._handler, owner=self._owner).delete()

    def _cursors(self) -> QuerySet[HandlerCursor]:
        return HandlerCursor.objects.filter(handler_id=self._handler)

    def _beat(self) -> None:
        mine = HandlerRunner.objects.filter(handler_id=self._handler, owner=self._owner)
        if not mine.update(beat_ms=DatabaseNowMs()):
            HandlerRunner.objects.create(handler_id=self._handler, owner=self._owner, beat_ms=DatabaseNowMs())
        if self._taken:
            self._cursors().filter(owner=self._owner).update(beat_ms=DatabaseNowMs())

    def _rows(self) -> list[HandlerCursor]:
        rows = self._cursors().filter(shard__lt=self._shards).order_by("shard")
        return list(rows.annotate(age_ms=DatabaseNowMs() - F("beat_ms")))

    def _share(self, rows: Sequence[HandlerCursor]) -> set[int]:
        """The shards that are to be ours."""
        runners = HandlerRunner.objects.filter(handler_id=self._handler)
        ages = dict(runners.annotate(age_ms=DatabaseNowMs() - F("beat_ms")).values_list("owner", "age_ms"))
        if any(age_ms > _FORGOTTEN_MS for age_ms in ages.values()):
            runners.filter(beat_ms__lt=DatabaseNowMs() - _FORGOTTEN_MS).delete()
        living = {owner for owner, age_ms in ages.items() if abs(age_ms) < LEASE_MS} | {self._owner}
        holders = {row.shard: row.owner for row in rows if not _is_free(row)}
        assigned = assign([Peer(owner) for owner in living], holders, self._shards)
        return {shard for shard, owner in assigned.items() if owner == self._owner}

    def _is_to_be_taken(self, row: HandlerCursor) -> bool:
        """Whether nobody has it, or we have it in another form than we took it: it was set anew."""
        known = self._taken.get(row.shard)
        if row.owner == self._owner and known is not None and known.generation == row.generation:
            return False
        return row.owner == self._owner or _is_free(row)

    def _take(self, row: HandlerCursor) -> None:
        seen = self._cursors().filter(shard=row.shard, generation=row.generation, owner=row.owner)
        more = {"owner": self._owner, "generation": row.generation + 1, "beat_ms": DatabaseNowMs()}
        if seen.filter(beat_ms=row.beat_ms).update(**more) or (row.owner == self._owner and seen.update(**more)):
            self._taken[row.shard] = self._cursors().get(shard=row.shard)
        else:
            self._taken.pop(row.shard, None)


def _is_free(row: HandlerCursor) -> bool:
    age_ms: int = getattr(row, "age_ms")  # noqa: B009  annotated
    return not row.owner or abs(age_ms) >= LEASE_MS
