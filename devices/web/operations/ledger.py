"""The ledger: what became of every delivery by the broker. Summed here, counted elsewhere.

    received   by gateways: each batch says how many its shard has got; the worker stores that with the effect
    outcomes   by workers, delivery by delivery, with the effect: applied, duplicate, quarantined, rejected
    rejected   by gateways, too: what no shard needs to see
    dropped    by gateways: QoS 0 only
    in flight  by gateways, as their last beat says: what entered a shard's queue, less what the shard has stored

What a shard received and what became of it are two counts, made at different places: if they ever differ, something was
lost or counted twice. They are read in one statement, so they agree at every moment. What is in flight, or never
reached a shard, is counted once and stands on both sides.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import CharField, Value
from msgspec import Struct

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.gateways import gateway_status
from devices.models import LedgerCount, LinkCursor

OUTCOMES: Final = ("applied", "duplicate", "quarantined", "rejected")
WITH_REASONS: Final = ("quarantined", "rejected")

_CURSOR: Final = "cursor"  # instead of an outcome: the row is a gateway's cursor


class GatewayAccount(Struct, frozen=True):
    """One gateway's part."""

    name: str
    rejected: int  # nobody's
    dropped: int
    in_flight: int


class ShardAccount(Struct, frozen=True):
    """One shard's part."""

    shard: int
    received: int  # those in flight included
    applied: int
    duplicate: int
    quarantined: int
    rejected: int
    in_flight: int

    @property
    def balanced(self) -> bool:
        """Whether all that the shard received is accounted for."""
        known = self.applied + self.duplicate + self.quarantined + self.rejected
        return self.received == known + self.in_flight


class Ledger(Struct, frozen=True):
    """The ledger's sums (docs/http-api.md), the reasons, and the parts that they are made of."""

    received: int
    applied: int
    duplicate: int
    quarantined: int
    rejected: int
    dropped: int
    in_flight: int
    balanced: bool  # in every shard
    reasons: dict[str, dict[str, int]]  # quarantined, rejected → reason → count
    gateways: list[GatewayAccount]
    shards: list[ShardAccount]


def read_ledger(status: GatewayStatus | None = None) -> Ledger:
    """The ledger as of now: one query, and what the gateways last said."""
    rows = (status or gateway_status()).gateways  # before the query: what a gateway says of old may be stored by now
    return _Books(rows).ledger()


class _Books:
    """All that was read, by shard and by gateway."""

    def __init__(self, rows: Sequence[GatewayRow]) -> None:
        self._rows = rows
        self._counts: Counter[tuple[int, str]] = Counter()  # by shard and outcome
        self._reasons: dict[str, Counter[str]] = {outcome: Counter() for outcome in WITH_REASONS}
        self._stored: dict[tuple[int, str], tuple[int, int]] = {}  # by shard and gateway: epoch, taken
        for shard, outcome, name, number, epoch in _read():
            if outcome == _CURSOR:
                self._stored[shard, name] = epoch, number
            else:
                self._count(shard, outcome, name, number)
        for row in rows:
            self._reasons["rejected"].update(row.rejected)
        self._in_flight = {(shard, row.key): count for row in rows for shard, count in self._waiting(row)}

    def _count(self, shard: int, outcome: str, reason: str, count: int) -> None:
        self._counts[shard, outcome] += count
        if outcome in self._reasons:
            self._reasons[outcome][reason] += count

    def _waiting(self, row: GatewayRow) -> list[tuple[int, int]]:
        """What a gateway has for each shard and the shard has not stored."""
        entered: Mapping[int, int] = row.entered
        return [(shard, self._ahead(shard, row, count)) for shard, count in entered.items()]

    def _ahead(self, shard: int, row: GatewayRow, entered: int) -> int:
        epoch, taken = self._stored.get((shard, row.key), (0, 0))
        if epoch > row.entered_epoch:
            return 0
        return max(0, entered - (taken if epoch == row.entered_epoch else 0))

    def ledger(self) -> Ledger:
        shards, gateways = self._shards(), self._gateways()

        def of_shards(name: str) -> int:
            return sum(getattr(shard, name) for shard in shards)

        nobodys, dropped = sum(one.rejected for one in gateways), sum(one.dropped for one in gateways)
        return Ledger(
            received=of_shards("received") + nobodys + dropped,
            applied=of_shards("applied"),
            duplicate=of_shards("duplicate"),
            quarantined=of_shards("quarantined"),
            rejected=of_shards("rejected") + nobodys,
            dropped=dropped,
            in_flight=of_shards("in_flight"),
            balanced=all(shard.balanced for shard in shards),
            reasons={outcome: dict(sorted(counts.items())) for outcome, counts in self._reasons.items()},
            gateways=gateways,
            shards=shards,
        )

    def _shards(self) -> list[ShardAccount]:
        numbers = sorted({shard for shard, _ in (*self._counts, *self._stored, *self._in_flight)})
        return [self._shard(number) for number in numbers]

    def _shard(self, number: int) -> ShardAccount:
        in_flight = sum(count for (shard, _), count in self._in_flight.items() if shard == number)
        outcomes = {outcome: self._counts[number, outcome] for outcome in OUTCOMES}
        return ShardAccount(number, self._counts[number, "received"] + in_flight, **outcomes, in_flight=in_flight)

    def _gateways(self) -> list[GatewayAccount]:
        return [
            GatewayAccount(
                row.name,
                sum(row.rejected.values()),
                row.dropped,
                sum(count for (_, name), count in self._in_flight.items() if name == row.key),
            )
            for row in self._rows
        ]


def _read() -> list[tuple[int, str, str, int, int]]:
    """(shard, outcome, reason, count, 0) and (shard, "cursor", gateway, taken, epoch), all as of one moment."""
    counts = LedgerCount.objects.values_list("shard", "outcome", "reason", "count", Value(0))
    cursor = Value(_CURSOR, output_field=CharField())
    cursors = LinkCursor.objects.values_list("shard", cursor, "gateway", "delivery_count", "epoch")
    return list(counts.union(cursors, all=True))
