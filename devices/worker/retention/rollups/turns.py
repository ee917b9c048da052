"""Some devices' turns: their new readings become rows of rollups, all in one transaction of the caller's.

Level by level, smaller buckets first. A bucket that begins behind what was rolled up before is made of what is in hand.
One that was open, or that late readings have come to, is made of the next smaller ones, which are stored by then, and
of readings where these have no row.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from devices.history.rollups import stored
from devices.history.rollups.cover import cover
from devices.history.rollups.stored import Raw, Rolled
from devices.history.rules.parts import Piece, raw_pieces
from devices.history.rules.rollups import LEAST_READINGS, LEVELS_MS, Stats, absorbed, merged, pack, rolled, unpack
from devices.history.rules.series import MixedError
from devices.models import Rollup, RollupState
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.rules.rolling import Plan, Progress, buckets, plan

_KEY: Final = ("device", "level", "begin_ms")
_ROLLUPS: Final = Table(Rollup, (*_KEY, "readings", "packed"), _KEY, ("readings", "packed"))
_STATES: Final = Table(RollupState, ("device", "rev", "until_ms", "since_ms"), ("device",), ("rev", "until_ms"))

Made = tuple[int, Stats]  # of how many readings


class Turn:
    """One device's.

    Args:
        device: primary key.
        progress: so far.
        usual: how many revs to read.
    """

    def __init__(self, device: int, progress: Progress, usual: int) -> None:
        self.device, self.progress, self.usual = device, progress, usual
        self.upto = min(progress.newest_rev, progress.rev + max(usual, progress.span))


def take(turns: Sequence[Turn], now_ms: int) -> list[Plan]:
    """Take them; what each came to, to count when the transaction is committed.

    Raises:
        django.db.Error: the database failed.
    """
    wanted = [(one.device, one.progress.rev, one.upto) for one in turns if one.upto > one.progress.rev]
    found = stored.after_each(wanted) if wanted else {}
    some = [_Taken(one, found.get(one.device, []), now_ms) for one in turns]
    asked = [one.turn.device for one in some if one.is_first or one.late]
    states = stored.states(asked, now_ms) if asked else {}
    for level in range(len(LEVELS_MS)):
        _ROLLUPS.write([row for one in some for row in one.rows(level, states.get(one.turn.device, Rolled()))])
    _STATES.write([one.state(states) for one in some])
    return [one.plan for one in some]


class _Taken:
    """A turn with the readings in hand."""

    def __init__(self, turn: Turn, found: Sequence[Raw], now_ms: int) -> None:
        self.turn, self._former = turn, turn.progress.until
        self.plan = plan(turn.progress, [(ts, rev) for ts, rev, _ in found], turn.upto, now_ms)
        ours = sorted((one for one in found if one[1] <= self.plan.rev), key=_by_time)
        self._times = [ts for ts, _, _ in ours]
        self._readings = [(ts, metrics) for ts, _, metrics in ours]
        self.is_first = not turn.progress.rev
        self.late = [one for one in self._readings if one[0] < self._former]
        self._in_hand = self._grouped()
        self._made: dict[int, Made] = {}  # of the level below, by begin

    def _grouped(self) -> dict[int, Made]:
        """Buckets of the plan's level that are in hand."""
        width = LEVELS_MS[self.plan.level]
        first = -(-self._former // width) * width
        fresh = [one for one in self._readings if one[0] >= first]
        grouped = ((begin, list(some)) for begin, some in groupby(fresh, lambda one: one[0] // width * width))
        return {begin: (len(some), rolled(some, begin + width)) for begin, some in grouped}

    def state(self, states: dict[int, Rolled]) -> Row:
        """How far the device is now."""
        since = states.get(self.turn.device, Rolled()).kept if self.is_first else self.turn.progress.since
        return self.turn.device, self.plan.rev, self.plan.until, since

    def rows(self, level: int, state: Rolled) -> Iterator[Row]:
        """Those of a level; rows of the smaller levels are stored."""
        made: dict[int, Made] = {}
        below: dict[int, list[int]] = {}
        for at in sorted(self._made):
            below.setdefault(at // LEVELS_MS[level] * LEVELS_MS[level], []).append(at)
        times = self._times if level >= self.plan.level else [ts for ts, _ in self.late]
        for begin in buckets(times, level, self._former, self.plan.until):
            if begin < self._former:
                made[begin] = self._anew(level, begin, state)
            elif level >= self.plan.level:
                made[begin] = self._of_hand(level, begin, below.get(begin, []))
        self._made = made
        for begin, (count, stats) in made.items():
            if count >= LEAST_READINGS[level]:
                yield self.turn.device, level, begin, count, pack(stats)

    def _of_hand(self, level: int, begin: int, parts: list[int]) -> Made:
        if level == self.plan.level:
            return self._in_hand[begin]
        end, width = begin + LEVELS_MS[level], LEVELS_MS[level - 1]
        below = [(at, self._made[at]) for at in parts]
        try:
            stats = merged([(at, at + width, stats) for at, (_, stats) in below], end)
        except MixedError:
            stats = rolled([one for one in self._readings if begin <= one[0] < end], end)
        return sum(count for _, (count, _) in below), stats

    def _anew(self, level: int, begin: int, state: Rolled) -> Made:
        device, end = self.turn.device, begin + LEVELS_MS[level]
        late = [one for one in self.late if begin <= one[0] < end]
        if late and begin < state.kept:  # readings of it are gone
            former = stored.rows(device, level, begin, begin + 1)
            count, stats = (former[0][1], unpack(former[0][2])) if former else (0, {})
            return count + len(late), absorbed(stats, rolled(late, end))
        found = cover(device, begin, end, level - 1)
        raw = _without_rev(stored.readings(device, found.raw, self.plan.rev))
        pieces: list[Piece] = [(row.begin, row.end, unpack(row.packed)) for row in found.rows]
        pieces += raw_pieces(raw, found.raw, (), LEVELS_MS[level], end)
        pieces.sort(key=lambda piece: piece[0])
        count = len(raw) + sum(row.readings for row in found.rows)
        try:
            return count, merged(pieces, end)
        except MixedError:
            raw = _without_rev(stored.readings(device, [(begin, end)], self.plan.rev))
            return len(raw), rolled(raw, end)


def _without_rev(readings: Iterable[Raw]) -> list[tuple[int, dict[str, Any]]]:
    return [(ts, metrics) for ts, _, metrics in readings]


def _by_time(one: Raw) -> tuple[int, int]:
    return one[0], one[1]
