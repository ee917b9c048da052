"""What the gateways say about themselves, read from their rows. For views; config wires it in.

``settings.CAUSEWAY_GATEWAY_STATUS`` names :func:`gateway_status`, because devices/ may not import this package.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mqtt_gateway.database import DatabaseNowMs
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import is_own_subscription

FRESH_MS: Final = 5_000  # so long without a beat, and with the lease over and nobody there to take it: down


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayRow:
    """One gateway, as its last beat left it."""

    client_id: str
    instance: str  # "host:pid:start in Unix ms"
    alive: bool  # its beat is fresh
    broker_up: bool  # alive and connected to its broker
    since_ms: int  # Unix ms; since when broker_up is what it is, as far as known
    beat_ms: int  # Unix ms
    epoch: int  # of its newest connection
    received: int
    rejected: Mapping[str, int]  # by reason
    dropped: int  # QoS 0 only
    in_flight: int
    sessions_lost: int  # how often the broker had forgotten the session: messages may be missing
    session_lost_ms: int  # Unix ms of the last time; 0: never
    filters: tuple[str, ...]  # what it is subscribed to
    drained_ms: int  # Unix ms; what its broker had for it before is committed; 0: not known
    lag_ms: int | None  # how long ago that is; None: not known


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayStatus:
    """All gateways together. Counters are sums."""

    broker_up: bool  # any gateway is alive and connected
    since_ms: int  # Unix ms; since when broker_up is what it is; 0: no gateway ever ran
    gateways: tuple[GatewayRow, ...]
    received: int
    rejected: Mapping[str, int]  # by reason
    dropped: int
    in_flight: int
    drained_ms: int | None  # Unix ms; what the brokers had for the living gateways before is committed; None: not known


def gateway_status() -> GatewayStatus:
    """Read the rows (two queries). Synchronous: not for an event loop's thread."""
    sessions = BrokerSession.objects.values_list("client_id", "filters")
    filters: dict[str, set[str]] = {}
    for client_id, known in sessions:
        shown = {name for name, confirmed in known.items() if confirmed and not is_own_subscription(name)}
        filters.setdefault(client_id, set()).update(shown)
    processes = GatewayProcess.objects.order_by("client_id").annotate(now_ms=DatabaseNowMs())
    return summary(_row(process, filters.get(process.client_id, set()), process.now_ms) for process in processes)


def summary(rows: Iterable[GatewayRow]) -> GatewayStatus:
    """The gateways' rows together."""
    gateways = tuple(rows)
    up = [row.since_ms for row in gateways if row.broker_up]
    return GatewayStatus(
        broker_up=bool(up),
        since_ms=min(up) if up else max((row.since_ms for row in gateways), default=0),
        gateways=gateways,
        received=sum(row.received for row in gateways),
        rejected=dict(sum((Counter(row.rejected) for row in gateways), Counter[str]())),
        dropped=sum(row.dropped for row in gateways),
        in_flight=sum(row.in_flight for row in gateways),
        drained_ms=min((row.drained_ms for row in gateways if row.alive and row.drained_ms), default=None),
    )


def _row(process: GatewayProcess, filters: set[str], now_ms: int) -> GatewayRow:
    alive = process.beat_ms > now_ms - FRESH_MS
    counters = process.counters
    return GatewayRow(
        client_id=process.client_id,
        instance=process.instance,
        alive=alive,
        broker_up=alive and process.broker_up,
        since_ms=process.since_ms if alive or not process.broker_up else process.beat_ms,
        beat_ms=process.beat_ms,
        epoch=process.epoch,
        received=counters.get("received", 0),
        rejected=counters.get("rejected", {}),
        dropped=counters.get("dropped", 0),
        in_flight=counters.get("in_flight", 0),
        sessions_lost=counters.get("sessions_lost", 0),
        session_lost_ms=counters.get("session_lost_ms", 0),
        filters=tuple(sorted(filters)),
        drained_ms=process.drained_ms,
        lag_ms=max(0, now_ms - process.drained_ms) if process.drained_ms else None,
    )
