"""What retention removes of sources: those of which no device is left, once nothing has become of them for long.

(Not at once: one may have described devices that have not said anything yet.)
"""

from typing import Final

from bridge.shards import source_of
from devices.models import Source, SourceFilter
from devices.worker.retention.scope import Scope
from devices.worker.sources.known_sources import known_of

_PAUSE_S: Final = 600.0


class ForsakenSources:
    """Sources without devices. One that speaks again begins anew."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        living = {source_of(key) for shard in scope.shards for key in shard.members}
        old = scope.ours(Source.objects.filter(written_ms__lt=scope.cutoff_ms).order_by("pk"), "hash")
        rows = old.values_list("pk", "dialect", "key").iterator()
        gone = [row for row in rows if row[2] not in living][:limit]
        if not gone:
            return _PAUSE_S
        with scope.removing():
            Source.objects.filter(pk__in=[pk for pk, _, _ in gone]).delete()
            for _, dialect, key in gone:
                SourceFilter.objects.filter(source=key, dialect=dialect).delete()
        for shard in scope.shards:
            for _, dialect, key in gone:
                known_of(shard).drop((dialect, key))
        return 0
