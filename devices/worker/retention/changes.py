"""What retention removes of the record of changes: what is older than RETENTION_DAYS, of a shard the first first."""

from typing import Final

from devices.models import Change, ShardState
from devices.worker.retention.scope import Scope

_LOOK_PAUSE_S: Final = 60.0  # to the next look at all shards


class OldChanges:
    """Changes by age. A shard's are in the order of their time, so the first one tells whether any is too old.

    Rows of numbers that no shard has any more (devices.worker.ownership.resharding) are looked after by the shard of
    the number's remainder.
    """

    def __init__(self) -> None:
        self._waiting: list[int] = []  # numbers still to be looked at

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        if not self._waiting:
            self._waiting = _numbers(scope)
        while self._waiting:
            if _remove_first(self._waiting[-1], scope, limit):
                return 0
            self._waiting.pop()
        return _LOOK_PAUSE_S


def _numbers(scope: Scope) -> list[int]:
    """The numbers that are ours; those that are no shard's any more are found by a look at the index for each."""
    ours = [shard.number for shard in scope.shards]
    former: list[int] = []
    while (found := _next_number(former[-1] + 1 if former else scope.of)) is not None:
        former.append(found)
    return [*ours, *(number for number in former if number % scope.of in ours)]


def _next_number(least: int) -> int | None:
    rows = Change.objects.filter(shard__gte=least).order_by("shard")
    return rows.values_list("shard", flat=True).first()


def _remove_first(number: int, scope: Scope, limit: int) -> bool:
    """Remove up to ``limit`` rows, those of a commit together. Whether there were any that are too old."""
    rows = Change.objects.filter(shard=number).order_by("commit", "nth")
    old = [commit for commit, at_ms in rows.values_list("commit", "at_ms")[:limit] if at_ms < scope.cutoff_ms]
    if not old:
        return False
    with scope.removing():
        ShardState.objects.filter(shard=number, changes_since__lt=old[-1]).update(changes_since=old[-1])
        Change.objects.filter(shard=number, commit__lte=old[-1], at_ms__lt=scope.cutoff_ms).delete()
    return True
