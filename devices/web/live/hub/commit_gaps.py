"""Noticing lost broadcasts by the shards' commit numbers, and what of the commands' steps must be asked for. Pure.

    the broadcast of a commit …      is
    right after the last one         next
    beginning later                  next, after a hole: those between are asked for
    of the last one or before        late: a repeat, or in a hole that is asked for anyway

What changed in devices is found by comparing revs. Commands have none: each keeps the commit that told its latest step,
so a hole, ``low`` < commit ≤ ``high``, is a query.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, json


class Hole(Struct, frozen=True):
    """Commits of a shard whose broadcasts may not have been heard: ``low`` < commit ≤ ``high``."""

    low: int
    high: int | None  # None: up to whatever the database has


class Continuity:
    """The last commit of each shard whose broadcast was heard, or that a query covers, and the holes before it."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._holes: dict[int, Hole] = {}  # to be asked for; of several in a shard, all that lies between them as well
        self._asked: dict[int, Hole] = {}  # asked for, not answered yet
        self._surveyed: dict[int, int] = {}

    def begin(self, commits: Mapping[int, int]) -> set[int]:
        """From these commits on, read in the database, somebody watches. The shards of which nothing was known."""
        new = commits.keys() - self._last.keys()
        self._last |= {shard: commits[shard] for shard in new}
        return new

    def is_late(self, shard: int, commit: int) -> bool:
        """Whether a broadcast tells what was heard or asked for before. Ask before :meth:`heard`."""
        last = self._last.get(shard)
        return last is not None and commit <= last

    def heard(self, shard: int, commit: int) -> bool:
        """A broadcast arrived. False: others before it are lost (or late). Repeats and late ones are no news."""
        last = self._last.get(shard)
        if last is not None and commit <= last:
            return True
        self._last[shard] = commit
        if last is None or commit == last + 1:
            return True
        self._dig(shard, Hole(last, commit - 1))
        return False

    def behind(self, commits: Mapping[int, int]) -> set[int]:
        """The shards of which later commits were read in the database than were heard."""
        return {shard for shard, commit in commits.items() if commit > self._last.get(shard, commit)}

    def trust(self, commits: Mapping[int, int]) -> None:
        """What these commits, read in the database, changed is now being asked for."""
        for shard in self.behind(commits):
            self._dig(shard, Hole(self._last[shard], commits[shard]))
            self._last[shard] = commits[shard]

    def restored(self, commits: Mapping[int, int]) -> set[int]:
        """The shards of which fewer commits are in the database than at the last survey: it is an older one now.

        What was heard does not count any more for those.
        """
        back = {shard for shard, commit in commits.items() if commit < self._surveyed.get(shard, 0)}
        self._surveyed = dict(commits)
        for shard in back:
            self._last[shard] = commits[shard]
            self._holes.pop(shard, None)
            self._asked.pop(shard, None)
        return back

    def doubt(self, shards: Iterable[int]) -> None:
        """Broadcasts after the last one heard may be lost, nobody knows how many."""
        for shard in shards:
            if shard in self._last:
                self._dig(shard, Hole(self._last[shard], None))

    def _dig(self, shard: int, hole: Hole) -> None:
        known = self._holes.get(shard, hole)
        high = None if known.high is None or hole.high is None else max(known.high, hole.high)
        self._holes[shard] = Hole(min(known.low, hole.low), high)

    def ask(self, shard: int) -> Hole | None:
        """The hole that is to be asked for now; :meth:`told_upto` or :meth:`give_back` follows."""
        if (hole := self._holes.pop(shard, None)) is not None:
            self._asked[shard] = hole
        return hole

    def told_upto(self, shard: int, hole: Hole | None) -> None:
        """What is left of the hole that was asked for; None: nothing."""
        if hole is None:
            self._asked.pop(shard, None)
        else:
            self._asked[shard] = hole

    def give_back(self, shard: int) -> None:
        """There was no answer: it is asked for again."""
        if (hole := self._asked.pop(shard, None)) is not None:
            self._dig(shard, hole)

    def forget(self, shards: Iterable[int]) -> None:
        """Nobody is there to be told what is in their holes."""
        for shard in shards:
            self._holes.pop(shard, None)

    def last(self, shard: int) -> int:
        """The last commit heard or asked for; -1 when nothing is known."""
        return self._last.get(shard, -1)

    @property
    def told(self) -> dict[int, int]:
        """By shard: the commit up to which all steps of commands were told to whoever was there."""
        out = dict(self._last)
        for holes in (self._holes, self._asked):
            for shard, hole in holes.items():
                out[shard] = min(out[shard], hole.low)
        return out


class _Named(Struct):
    id: str


_named = json.Decoder(_Named).decode


def command_id(command: bytes) -> str:
    """The id in a command's JSON."""
    return _named(command).id


MOST_STEPS: Final = 10_000


class LatestSteps:
    """Which commit told the latest step of a command: what the database is asked for may be older by the time it comes.

    Of the ``MOST_STEPS`` commands told of last.
    """

    def __init__(self) -> None:
        self._commits: dict[str, int] = {}

    def told(self, command_id: str, commit: int) -> None:
        """A step was told."""
        self._commits.pop(command_id, None)
        self._commits[command_id] = commit
        if len(self._commits) > MOST_STEPS:
            del self._commits[next(iter(self._commits))]

    def of(self, command_id: str) -> int:
        """The commit; -1 when none is known."""
        return self._commits.get(command_id, -1)
