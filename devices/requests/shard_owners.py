"""Which shards have a worker, by their leases in the database."""

from devices.models import Installation, ShardState
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS


def unowned_shards() -> list[int]:
    """The shards that nobody has, or whose owner's lease is over. Two short queries."""
    now_ms = DatabaseNowMs()
    owned = ShardState.objects.filter(beat_ms__gt=now_ms - LEASE_MS, beat_ms__lt=now_ms + LEASE_MS)
    return sorted(set(range(Installation.kept_shards() or 0)) - set(owned.values_list("shard", flat=True)))
