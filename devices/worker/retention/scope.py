"""What a step of retention gets to know, and what it is. The kinds of rows are in purges.py.

A step finds first, without a transaction, and removes then, in one that ends at the fence: no other writer waits for
the search, and who has lost a shard removes nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import transaction
from django.db.models import F, QuerySet
from msgspec import Struct

from devices.worker.memory.shard import Shard
from devices.worker.ownership.fence import pass_fence


class Scope(Struct, frozen=True):
    """Whose rows a step may remove, and which are old."""

    shards: Sequence[Shard]  # those that we own
    of: int  # how many there are
    now_ms: int  # Unix ms
    keep_ms: int  # RETENTION_DAYS
    quarantine_bytes: int  # QUARANTINE_MAX_MB

    @property
    def cutoff_ms(self) -> int:
        """Unix ms; what is from before that goes."""
        return self.now_ms - self.keep_ms

    def ours(self, rows: QuerySet[Any], hash_field: str) -> QuerySet[Any]:
        """Those of ``rows`` that are of our shards."""
        numbers = [shard.number for shard in self.shards]
        mine: QuerySet[Any] = rows.annotate(its_shard=F(hash_field) % self.of).filter(its_shard__in=numbers)
        return mine

    @contextmanager
    def removing(self) -> Iterator[None]:
        """A transaction that our ownership holds good for.

        Raises:
            ShardLostError: it does not any more; nothing was removed.
        """
        with transaction.atomic():
            yield
            pass_fence(self.shards)


class PurgeTask(Protocol):
    """Removes one kind of rows, what is found first; what it keeps between its steps may be lost without harm."""

    def step(self, scope: Scope, limit: int) -> float:
        """Remove up to ``limit`` rows. Returns the seconds until the next look; 0: there may be more at once."""
