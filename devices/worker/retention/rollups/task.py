"""Rolling up: whose turn it is, and some devices' turns in one step."""

import time
from collections.abc import Iterable
from typing import Final

import msgspec
from django.db.models import F
from msgspec import Struct

from devices.models import RollupState, ShardState
from devices.worker.memory.shard import Member, Shard
from devices.worker.retention.rollups.turns import Turn, take
from devices.worker.retention.scope import Scope
from devices.worker.rules.rolling import Progress, go_on, is_due

LOOK_PAUSE_S: Final = 20.0  # to the next look, when nobody's turn has come
LEAST, MOST = 500, 2_000  # readings of a step …
_LONG_S, _SHORT_S = 0.03, 0.01  # … of which one that computes longer, or less, makes the next ones smaller, or larger
REST: Final = 12  # times as long as a step took: so rounds have the thread, and rolling up costs a message little
_MOST_REST_S: Final = 5.0
DEVICES: Final = 50  # likewise
_TOLD_MS: Final = 60_000  # at most so often is stored how far we are

_NAME: Final = "rollups"


class _Rev(Struct):
    rev: int = 0


_rev = msgspec.json.Decoder(_Rev).decode


class _Known:
    """What is remembered of a shard: its devices' progress, and which of them have something to be rolled up."""

    def __init__(self, rows: Iterable[tuple[int, int, int, int]]) -> None:
        self.progress = {device: Progress(rev, until, since, rev) for device, rev, until, since in rows}
        self.waiting = {device for device, one in self.progress.items() if one.waits}
        self._docs: dict[int, int] = {}  # hashes of their states, as they were looked at
        self._told: tuple[int, int] | None = None  # ShardState.rolled_until_ms and rolling, as we have stored them

    def due(self, shard: Shard, now_ms: int) -> list[int]:
        """The devices whose turn has come, by primary key."""
        for member in shard.members.values():
            self.look(member)
        ours = {member.id for member in shard.members.values()} if self.waiting else set[int]()
        self.waiting = {device for device in self.waiting & ours if self.progress[device].waits}
        if len(self._docs) > 2 * len(shard.members) + 100:  # many were deleted
            self.progress = {device: one for device, one in self.progress.items() if device in ours}
            self._docs.clear()
        return [device for device in self.waiting if is_due(device, self.progress[device], now_ms)]

    def tell(self, due: int) -> tuple[int, int] | None:
        """How far we are, and how many are due, to be stored; None: about as it was."""
        behind = [one.until for device in self.waiting if (one := self.progress[device]).rev < one.newest_rev]
        told = min((until for until in behind if until), default=0), due
        if told == self._told:
            return None
        self._told = told
        return told

    def look(self, member: Member) -> None:
        """Take notice if it has changed; quick if it hasn't."""
        digest = hash(member.doc)
        if self._docs.get(member.id) == digest:
            return
        self._docs[member.id] = digest
        progress = self.progress.setdefault(member.id, Progress())
        progress.newest_rev = _rev(member.doc).rev
        if progress.waits:
            self.waiting.add(member.id)


class RollUp:
    """Rolls devices up, a few in a step (devices.worker.retention.scope.PurgeTask).

    Args:
        readings: of a step, to begin with.
    """

    def __init__(self, readings: int = MOST // 2) -> None:
        self._readings = readings
        self._due: list[tuple[Shard, int]] = []  # devices by primary key, with their shards
        self._told_ms = 0

    def step(self, scope: Scope, limit: int) -> float:  # noqa: ARG002  of rows to be removed
        """Some devices' turns; if it is nobody's, a look at all. Seconds to the next step."""
        if not self._due:
            self._look(scope)
        turns = self._turns(scope, self._readings)
        if not turns:
            return 0 if self._due else LOOK_PAUSE_S
        begun_s, computed_s = time.monotonic(), time.thread_time()
        with scope.removing():
            plans = take(turns, scope.now_ms)
        self._adapt(time.thread_time() - computed_s)
        for turn, done in zip(turns, plans, strict=True):
            go_on(turn.progress, done, turn.usual, turn.device, scope.now_ms)
        return min(_MOST_REST_S, REST * (time.monotonic() - begun_s))

    def _adapt(self, computed_s: float) -> None:
        if computed_s > _LONG_S:
            self._readings = max(min(LEAST, self._readings), self._readings // 2)
        elif computed_s < _SHORT_S:
            self._readings = min(max(MOST, self._readings), self._readings * 2)

    def _turns(self, scope: Scope, limit: int) -> list[Turn]:
        """Those of the first devices that are due, of about so many readings."""
        turns: list[Turn] = []
        count = 0
        while self._due and count < limit and len(turns) < DEVICES:
            shard, device = self._due.pop()
            if any(shard is one for one in scope.shards) and device in (known := _known(shard, scope)).waiting:
                turn = Turn(device, known.progress[device], limit)
                turns.append(turn)
                count += turn.upto - turn.progress.rev
        return turns

    def _look(self, scope: Scope) -> None:
        """Find out whose turn has come; store how far we are, now and then."""
        tells = not 0 <= scope.now_ms - self._told_ms < _TOLD_MS
        changed: dict[int, tuple[int, int]] = {}
        for shard in scope.shards:
            known = _known(shard, scope)
            due = known.due(shard, scope.now_ms)
            self._due += [(shard, device) for device in due]
            if tells and (told := known.tell(len(due))):
                changed[shard.number] = told
        if tells:
            self._told_ms = scope.now_ms
        if changed:
            with scope.removing():
                for number, (until, rolling) in changed.items():
                    ShardState.objects.filter(shard=number).update(rolled_until_ms=until, rolling=rolling)


def _known(shard: Shard, scope: Scope) -> _Known:
    """Read at the first question."""
    known = shard.kept.get(_NAME)
    if known is None:
        rows = RollupState.objects.annotate(its_shard=F("device__hash") % scope.of).filter(its_shard=shard.number)
        known = shard.kept[_NAME] = _Known(rows.values_list("device_id", "rev", "until_ms", "since_ms"))
    return known
