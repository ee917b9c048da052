"""What retention removes of the log of readings: what every follower has read, and the oldest where it is too large."""

from collections.abc import Collection

from django.db.models import Min

from devices.models import Follower, LoggedReadings, ShardState
from devices.worker.memory.shard import Shard
from devices.worker.retention.scope import Scope

_PAUSE_S, _IDLE_PAUSE_S = 2.0, 60.0  # to the next look, while anybody follows, and else


class ReadReadings:
    """Rows of the log, the first ones first. ShardState.logged_since says so, in the same transaction.

    Args:
        most_bytes: in the log of a shard.
        followed: the numbers of those that are, as they change.
    """

    def __init__(self, most_bytes: int, followed: Collection[int]) -> None:
        self._most_bytes, self._followed = most_bytes, followed

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        more = [self._remove(shard, scope, limit) for shard in scope.shards]
        if any(more):
            return 0
        return _PAUSE_S if self._followed else _IDLE_PAUSE_S

    def _remove(self, shard: Shard, scope: Scope, limit: int) -> bool:
        """Remove up to ``limit`` rows; whether there may be more."""
        upto = self._upto(shard.number, limit)
        if upto is None:
            return False
        with scope.removing():
            state = ShardState.objects.filter(shard=shard.number, logged_since__lt=upto)
            state.update(logged_since=upto)
            LoggedReadings.objects.filter(shard=shard.number, commit__lte=upto).delete()
        return True

    def _upto(self, number: int, limit: int) -> int | None:
        """The last commit of the first ``limit`` that may go; None: the first one stays."""
        rows = LoggedReadings.objects.filter(shard=number)
        first = list(rows.order_by("commit").values_list("commit", "total_bytes")[:limit])
        if not first:
            return None
        total: int | None = rows.order_by("-commit").values_list("total_bytes", flat=True).first()
        too_much = (total or 0) - self._most_bytes
        read = _read(number)
        removed = [commit for commit, upto in first if read is None or commit <= read or upto <= too_much]
        return removed[-1] if removed else None


def _read(number: int) -> int | None:
    """The position of the slowest follower (below 0: it is not in the log yet, and needs all of it); None: nobody."""
    slowest: int | None = Follower.objects.filter(shard=number).aggregate(slowest=Min("position"))["slowest"]
    return slowest
