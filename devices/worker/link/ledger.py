"""A shard's own rows about its gateways: how far their batches are applied, and the ledger of deliveries."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from bridge.link import Cursor
from devices.models import LedgerCount, LinkCursor
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Shard

_CURSORS: Final = Table(
    LinkCursor, ("shard", "gateway", *Cursor.__struct_fields__), ("shard", "gateway"), Cursor.__struct_fields__
)
_COUNT_KEY: Final = ("shard", "outcome", "reason")
_COUNTS: Final = Table(LedgerCount, (*_COUNT_KEY, "count"), _COUNT_KEY, ("count",))


def load(shard: Shard) -> None:
    """Read both.

    Raises:
        django.db.Error: the database failed.
    """
    rows = LinkCursor.objects.filter(shard=shard.number).values_list("gateway", *Cursor.__struct_fields__)
    shard.cursors = {gateway: Cursor(*fields) for gateway, *fields in rows}
    for row in LedgerCount.objects.filter(shard=shard.number):
        shard.counts[row.outcome, row.reason] = row.count


def store_cursors(moved: Iterable[tuple[Shard, str]]) -> None:
    """Write how far these shards have applied these gateways' batches."""
    _CURSORS.write([(shard.number, gateway, *structs.astuple(shard.cursors[gateway])) for shard, gateway in moved])


def store_counts(counted: Iterable[tuple[Shard, Counter[tuple[str, str]]]]) -> None:
    """Add to the shards' ledgers. Written as totals, which only a shard's owner knows: one statement for all."""
    rows: list[Row] = []
    for shard, counts in counted:
        shard.counts += counts
        rows += [(shard.number, outcome, reason, shard.counts[outcome, reason]) for outcome, reason in counts]
    _COUNTS.write(rows)
