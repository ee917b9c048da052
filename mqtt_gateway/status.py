"""What the gateways say about themselves, read from their rows. For views; config wires it in.

``settings.CAUSEWAY_GATEWAY_STATUS`` names :func:`gateway_status`, because devices/ may not import this package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mqtt_gateway.models import BrokerSession, GatewayProcess, Incident
from mqtt_gateway.options import is_own_subscription
from runtime.database_clock import DatabaseNowMs

_INCIDENTS: Final = 100
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
    rejected: Mapping[str, int]  # deliveries that were nobody's, by reason
    dropped: int  # QoS 0 deliveries left out
    entered: Mapping[int, int]  # by shard: deliveries of the connection entered_epoch that are queued or were numbered
    entered_epoch: int  # epoch, or an earlier one: the newest connection has just begun
    in_flight: int  # deliveries not yet known to be committed
    in_flight_limit: int  # QoS 1; at it the broker waits
    saturated_ms: int  # Unix ms; since when it is at the limit; 0: it isn't
    broker_stored: int | None  # messages that its broker holds for all its clients; None: it does not say
    filters: tuple[str, ...]  # what it is subscribed to
    drained_ms: int  # Unix ms; what its broker had for it before is committed; 0: not known
    lag_ms: int | None  # how long ago that is; None: not known


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayStatus:
    """All gateways together."""

    broker_up: bool  # any gateway is alive and connected
    since_ms: int  # Unix ms; since when broker_up is what it is; 0: no gateway ever ran
    gateways: tuple[GatewayRow, ...]
    in_flight: int
    broker_stored: int | None  # as the first gateway that knows says
    drained_ms: int | None  # Unix ms; what the brokers had for the living gateways before is committed; None: not known

    @property
    def incidents(self) -> list[Incident]:
        """The newest 100, newest first; read when asked for: one query."""
        return list(Incident.objects.order_by("-until_ms", "-pk")[:_INCIDENTS])


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
        in_flight=sum(row.in_flight for row in gateways),
        broker_stored=next((row.broker_stored for row in gateways if row.broker_stored is not None), None),
        drained_ms=min((row.drained_ms for row in gateways if row.alive and row.drained_ms), default=None),
    )


def _row(process: GatewayProcess, filters: set[str], now_ms: int) -> GatewayRow:
    alive = process.beat_ms > now_ms - FRESH_MS
    counters = process.counters
    entered = counters.get("entered", {})
    return GatewayRow(
        client_id=process.client_id,
        instance=process.instance,
        alive=alive,
        broker_up=alive and process.broker_up,
        since_ms=process.since_ms if alive or not process.broker_up else process.beat_ms,
        beat_ms=process.beat_ms,
        epoch=process.epoch,
        rejected=counters.get("rejected", {}),
        dropped=counters.get("dropped", 0),
        entered={int(shard): count for shard, count in entered.get("shards", {}).items()},
        entered_epoch=entered.get("epoch", 0),
        in_flight=counters.get("in_flight", 0),
        in_flight_limit=counters.get("in_flight_limit", 0),
        saturated_ms=counters.get("saturated_ms", 0) if alive else 0,
        broker_stored=counters.get("broker", {}).get("stored") if alive else None,
        filters=tuple(sorted(filters)),
        drained_ms=process.drained_ms,
        lag_ms=max(0, now_ms - process.drained_ms) if process.drained_ms else None,
    )
