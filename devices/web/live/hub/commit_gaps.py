"""Noticing lost broadcasts by the shards' commit numbers, and what steps of commands and alerts to ask for. Pure.

    the broadcast of a commit …      is
    right after the last one         next
    beginning later                  next, after a gap: those between are asked for
    of the last one or before        late: a repeat, or in a gap that is asked for anyway

What changed in devices is found by comparing revs. Commands and alerts have none: each keeps the commit that broadcast
its latest step, so a gap, ``low`` < commit ≤ ``high``, is a query.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, json


class CommitGap(Struct, frozen=True):
    """Commits of a shard whose broadcasts may not have been heard: ``low`` < commit ≤ ``high``."""

    low: int
    high: int | None  # None: up to whatever the database has


class CommitTracker:
    """The last commit of each shard whose broadcast was heard, or that a query covers, and the gaps before it."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._gaps: dict[int, CommitGap] = {}  # to be asked for; of several in a shard, all between them as well
        self._asked: dict[int, CommitGap] = {}  # asked for, not answered yet
        self._answered: dict[int, int] = {}  # the last commit that an answer covered: it may be later than any heard
        self._surveyed: dict[int, int] = {}

    def begin(self, commits: Mapping[int, int]) -> set[int]:
        """Somebody watches from these commits on, read in the database. The shards of which nothing was known."""
        new = commits.keys() - self._last.keys()
        self._last |= {shard: commits[shard] for shard in new}
        return new

    def is_late(self, shard: int, commit: int) -> bool:
        """Whether a broadcast is of what was heard, asked for or answered before. Ask before :meth:`heard`."""
        return commit <= self.last(shard)

    def heard(self, shard: int, commit: int) -> bool:
        """A broadcast arrived. False: others before it are lost (or late). Repeats and late ones are no news."""
        last = self._last.get(shard)
        if last is not None and commit <= last:
            return True
        self._last[shard] = commit
        if last is None or commit == last + 1:
            return True
        self._widen(shard, CommitGap(last, commit - 1))
        return False

    def behind(self, commits: Mapping[int, int]) -> set[int]:
        """The shards of which later commits were read in the database than were heard."""
        return {shard for shard, commit in commits.items() if commit > self._last.get(shard, commit)}

    def trust(self, commits: Mapping[int, int]) -> None:
        """What these commits, read in the database, changed is now being asked for."""
        for shard in self.behind(commits):
            self._widen(shard, CommitGap(self._last[shard], commits[shard]))
            self._last[shard] = commits[shard]

    def restored(self, commits: Mapping[int, int]) -> set[int]:
        """The shards of which fewer commits are in the database than at the last survey: it is an older one now.

        What was heard does not count any more for those.
        """
        back = {shard for shard, commit in commits.items() if commit < self._surveyed.get(shard, 0)}
        self._surveyed = dict(commits)
        for shard in back:
            self._last[shard] = commits[shard]
            self._gaps.pop(shard, None)
            self._asked.pop(shard, None)
            self._answered.pop(shard, None)
        return back

    def doubt(self, shards: Iterable[int]) -> None:
        """Broadcasts after the last one heard may be lost, nobody knows how many."""
        for shard in shards:
            if shard in self._last:
                self._widen(shard, CommitGap(self._last[shard], None))

    def _widen(self, shard: int, gap: CommitGap) -> None:
        known = self._gaps.get(shard, gap)
        high = None if known.high is None or gap.high is None else max(known.high, gap.high)
        self._gaps[shard] = CommitGap(min(known.low, gap.low), high)

    def take_gap(self, shard: int) -> CommitGap | None:
        """The gap that is to be asked for now; :meth:`settle` or :meth:`give_back` follows."""
        if (gap := self._gaps.pop(shard, None)) is not None:
            self._asked[shard] = gap
        return gap

    def settle(self, shard: int, upto: int, rest: CommitGap | None) -> None:
        """The gap that was asked for is closed up to commit ``upto``, but for ``rest``; None: wholly."""
        self._answered[shard] = max(upto, self._answered.get(shard, upto))
        if rest is None:
            self._asked.pop(shard, None)
        else:
            self._asked[shard] = rest

    def give_back(self, shard: int) -> None:
        """There was no answer about what is left of the gap: it is asked for again."""
        if (gap := self._asked.pop(shard, None)) is not None:
            self._widen(shard, gap)

    def forget(self, shards: Iterable[int]) -> None:
        """Nobody is there to be shown what is in their gaps."""
        for shard in shards:
            self._gaps.pop(shard, None)

    def last(self, shard: int) -> int:
        """The last commit that was heard, asked for, or covered by an answer; -1 when nothing is known."""
        return max(self._last.get(shard, -1), self._answered.get(shard, -1))

    @property
    def notified_up_to(self) -> dict[int, int]:
        """By shard: the commit up to which all steps of commands were shown to whoever was there."""
        out = dict(self._last)
        for gaps in (self._gaps, self._asked):
            for shard, gap in gaps.items():
                out[shard] = min(out[shard], gap.low)
        return out


class _Named(Struct):
    id: str


_named = json.Decoder(_Named).decode


def id_of(whole: bytes) -> str:
    """The id in the JSON of a command, or an alert."""
    return _named(whole).id


MOST_STEPS: Final = 10_000


class LatestSteps:
    """Which commit brought the latest step of a command or alert: what the database is asked for may be older by then.

    Of the ``MOST_STEPS`` that were last shown.
    """

    def __init__(self) -> None:
        self._commits: dict[str, int] = {}

    def record(self, its: str, commit: int) -> None:
        """A step was shown; ``its``: the id."""
        self._commits.pop(its, None)
        self._commits[its] = commit
        if len(self._commits) > MOST_STEPS:
            del self._commits[next(iter(self._commits))]

    def __len__(self) -> int:
        return len(self._commits)

    def of(self, command_id: str) -> int:
        """The commit; -1 when none is known."""
        return self._commits.get(command_id, -1)
