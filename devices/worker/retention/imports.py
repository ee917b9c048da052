"""Imports that began longer ago than history is kept: what they brought has gone, or may come again."""

from devices.models import Import
from devices.worker.retention.purges import remove_first
from devices.worker.retention.scope import Scope


class OldImports:
    """Imports by age. The first shard's worker removes them, with all that hangs on them."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        ours = any(shard.number == 0 for shard in scope.shards)
        old = Import.objects.filter(begun_ms__lt=scope.cutoff_ms)
        return remove_first(old if ours else old.none(), scope, limit)
