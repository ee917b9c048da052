"""Noticing lost broadcasts by the shards' commit numbers. Pure."""

from collections.abc import Mapping


class Continuity:
    """The last commit of each shard whose broadcast was seen, or that a query covers."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def seen(self, shard: int, commit: int) -> bool:
        """A broadcast arrived. False: others before it are lost (or late). Repeats and late ones are no news."""
        last = self._last.get(shard)
        if last is None or commit > last:
            self._last[shard] = commit
        return last is None or commit <= last + 1

    def behind(self, commits: Mapping[int, int]) -> set[int]:
        """The shards of which later commits were read in the database than were seen."""
        return {shard for shard, commit in commits.items() if commit > self._last.get(shard, -1)}

    def trust(self, commits: Mapping[int, int]) -> None:
        """What these commits changed is now being asked for."""
        for shard, commit in commits.items():
            self._last[shard] = max(commit, self._last.get(shard, -1))
