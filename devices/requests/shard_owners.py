"""Which shards have a worker, by their leases in the database."""

from devices.models import Installation, ShardState
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS


def unowned_shards() -> list[int]:
    """The shards that nobody has, or whose owner's lease is over. Two short queries."""
    owned = ShardState.objects.filter(beat_ms__gt=DatabaseNowMs() - LEASE_MS)
    return sorted(set(range(Installation.kept_shards() or 0)) - set(owned.values_list("shard", flat=True)))
