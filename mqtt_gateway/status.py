"""What the gateways say about themselves, read from their rows. config hands these functions to devices.gateways."""

from collections.abc import Iterable
from typing import Final, cast

from django.db import transaction

from bridge.gateway_status import GatewayRow, GatewayStatus, Incident, RejectedRow
from mqtt_gateway import models
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import is_own_subscription
from mqtt_gateway.process import incidents as stored_incidents
from mqtt_gateway.rules.incident_reports import Kind, Report
from runtime.database_clock import DatabaseNowMs

_INCIDENTS: Final = 100
_REJECTED: Final = 2_000
UNNAMED: Final = "gateway (not started since the upgrade)"  # its key may be its client id, a secret
FRESH_MS: Final = 3_500  # so long without a beat, and with the lease over and nobody there to take it: down


def gateway_status() -> GatewayStatus:
    """Read the rows (two queries). Synchronous: not for an event loop's thread."""
    sessions = BrokerSession.objects.order_by("session", "pk").values_list("gateway", "broker", "filters")
    filters: dict[str, set[str]] = {}
    brokers: dict[str, str] = {}  # the one with the newest session
    for key, broker, known in sessions:
        brokers[key] = broker
        shown = {name for name, confirmed in known.items() if confirmed and not is_own_subscription(name)}
        filters.setdefault(key, set()).update(shown)
    rows = GatewayProcess.objects.exclude(retired=True).exclude(instance="", epoch=0, beat_ms=0)  # not begun
    processes = rows.order_by("key").annotate(now_ms=DatabaseNowMs())
    return summary(
        _row(process, filters.get(process.key, set()), brokers.get(process.key, ""), process.now_ms)
        for process in processes
    )


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


def _row(process: GatewayProcess, filters: set[str], broker: str, now_ms: int) -> GatewayRow:
    alive = abs(now_ms - process.beat_ms) < FRESH_MS  # one in the future: the clock was set back
    counters = process.counters
    entered = counters.get("entered", {})
    return GatewayRow(
        key=process.key,
        name=process.name or UNNAMED,
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
        oldest_age_ms=counters.get("oldest_age_ms", 0),
        in_flight_limit=counters.get("in_flight_limit", 0),
        saturated_ms=counters.get("saturated_ms", 0) if alive else 0,
        broker_stored=counters.get("broker", {}).get("stored") if alive else None,
        filters=tuple(sorted(filters)),
        broker=broker,
        drained_ms=process.drained_ms,
        lag_ms=max(0, now_ms - process.drained_ms) if process.drained_ms else None,
    )


def rejected() -> tuple[RejectedRow, ...]:
    """What gateways rejected, the newest first (one query). Synchronous."""
    rows = models.Rejected.objects.order_by("-last_ms", "-pk")
    columns = ("pk", "writer", "topic", "reason", "count", "first_ms", "last_ms", "payload")
    return tuple(
        RejectedRow(pk, writer, topic, reason, count, first_ms, last_ms, bytes(payload))
        for pk, writer, topic, reason, count, first_ms, last_ms, payload in rows.values_list(*columns)[:_REJECTED]
    )


def incidents() -> tuple[Incident, ...]:
    """The newest 100, newest first (one query). Synchronous."""
    rows = models.Incident.objects.order_by("-until_ms", "-pk")[:_INCIDENTS]
    return tuple(Incident(**row) for row in rows.values(*Incident.__struct_fields__))


def record_incident(incident: Incident) -> None:
    """Store what another process has to tell, or extend it. Synchronous."""
    report = Report(cast("Kind", incident.kind), incident.since_ms, incident.until_ms, incident.count, incident.detail)
    with transaction.atomic():
        stored_incidents.record(incident.gateway, report)
