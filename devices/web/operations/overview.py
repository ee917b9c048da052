"""What an operator sees of the whole installation: the chain, who works on what, the ledger, incidents. Read only.

What works is judged elsewhere, for all who ask: devices.web.operations.truth.
"""

from collections import Counter
from typing import Any

from django.db.models import Count
from msgspec import Struct

from bridge.gateway_status import GatewayRow
from devices.gateways import gateway_incidents, gateway_status
from devices.models import Command, Quarantined, ShardState, Twin
from devices.rules.commands import UNFINISHED
from devices.web.operations.ledger import Ledger, read_ledger
from devices.web.operations.truth import Name, Part, Truth
from runtime.database_clock import DatabaseNowMs, unix_ms
from runtime.http.open_files import Refusals, open_files
from runtime.leases import LEASE_MS

STATUSES = ("online", "offline", "stale", "unknown")


class Gateway(Struct, frozen=True):
    """One gateway, as its last beat left it. Times are Unix ms."""

    name: str
    instance: str  # which process: "host:pid:start"
    alive: bool
    broker_up: bool
    since: int  # since when broker_up is what it is
    lag_ms: int | None  # what the broker had so long ago is committed; None: not known (never connected)
    in_flight: int  # deliveries not yet known to be committed
    in_flight_limit: int  # at it, the broker waits
    saturated_since: int  # since when it is at the limit; 0: it isn't
    oldest_ms: int  # how long the oldest delivery has waited that is handed over and not committed; 0: none has
    filters: tuple[str, ...]


class Shard(Struct, frozen=True):
    """One shard and who works on it. Times are Unix ms."""

    shard: int
    owner: str  # "" for nobody
    alive: bool  # its lease holds
    since: int
    commits: int
    committed: int  # when something with an effect last was; 0: never
    trouble: str  # why its worker commits nothing; "" where it does
    rolled_until: int  # how far the device is rolled up that is farthest behind; 0: all are
    rolling: int  # devices whose turn to be rolled up has come


class Incident(Struct, frozen=True):
    """Something that may have cost messages. Times are Unix ms."""

    kind: str
    gateway: str
    since: int
    until: int
    count: int
    detail: str


class Overview(Struct, frozen=True):
    """All of it, as of ``now`` (Unix ms, the database's clock)."""

    now: int
    parts: dict[Name, Part]  # database, layer, gateway, broker, workers
    fresh: bool  # values from devices reach the pages
    broker_up: bool
    broker_since: int
    broker_stored: int | None  # messages that the broker holds for all its clients, where it says so
    gateways: list[Gateway]
    shards: list[Shard]
    presence: dict[str, int]  # devices by presence
    commands: dict[str, int]  # unfinished ones by status
    quarantine: int
    ledger: Ledger
    incidents: list[Incident]  # the newest first
    refusals: Refusals  # connections that the web process which answers has turned away


def read_overview(truth: Truth) -> Overview:
    """Read the tables: about ten short queries. Synchronous: not for an event loop's thread.

    Args:
        truth: what works, as of now.
    """
    status = gateway_status()
    rows = ShardState.objects.order_by("shard").annotate(now=DatabaseNowMs())
    now_ms = max((row.now for row in rows), default=unix_ms())
    return Overview(
        now=now_ms,
        parts=truth.parts,
        fresh=truth.fresh,
        broker_up=status.broker_up,
        broker_since=status.since_ms,
        broker_stored=status.broker_stored,
        gateways=[_gateway(row) for row in status.gateways],
        shards=[_shard(row, now_ms) for row in rows],
        presence=_counted(Twin.objects.values_list("status"), STATUSES),
        commands=_counted(Command.objects.filter(status__in=UNFINISHED).values_list("status"), UNFINISHED),
        quarantine=Quarantined.objects.count(),
        ledger=read_ledger(status),
        incidents=_incidents(),
        refusals=open_files.refusals,
    )


def _shard(row: ShardState, now_ms: int) -> Shard:
    return Shard(
        shard=row.shard,
        owner=row.owner,
        alive=bool(row.owner) and abs(now_ms - row.beat_ms) < LEASE_MS,
        since=row.up_since_ms,
        commits=row.commit,
        committed=row.committed_ms,
        trouble=row.trouble,
        rolled_until=row.rolled_until_ms,
        rolling=row.rolling,
    )


def _gateway(row: GatewayRow) -> Gateway:
    return Gateway(
        name=row.name,
        instance=row.instance,
        alive=row.alive,
        broker_up=row.broker_up,
        since=row.since_ms,
        lag_ms=row.lag_ms,
        in_flight=row.in_flight,
        in_flight_limit=row.in_flight_limit,
        saturated_since=row.saturated_ms,
        oldest_ms=row.oldest_age_ms,
        filters=row.filters,
    )


def _incidents() -> list[Incident]:
    return [
        Incident(one.kind, one.gateway, one.since_ms, one.until_ms, one.count, one.detail)
        for one in gateway_incidents()
    ]


def _counted(rows: Any, names: tuple[str, ...]) -> dict[str, int]:
    # "*", not a column: an index on the status answers it alone, 100,000 twins in 20 ms instead of 200
    counts = Counter(dict(rows.annotate(n=Count("*")).order_by()))
    return {name: counts[name] for name in names}
