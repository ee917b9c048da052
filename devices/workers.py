"""Which shards have a worker, by their beats in the database."""

import time
from typing import Final

from devices.models import Installation, ShardState

FRESH_MS: Final = 6_000  # three missed beats of 2 s: the worker is gone


def unowned_shards() -> list[int]:
    """The shards whose worker's last beat is older than 6 s. Two short queries."""
    fresh = ShardState.objects.filter(beat_ms__gt=int(time.time() * 1000) - FRESH_MS)
    return sorted(set(range(Installation.kept_shards() or 0)) - set(fresh.values_list("shard", flat=True)))
