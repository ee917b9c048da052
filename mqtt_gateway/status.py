"""What the gateways say about themselves, read from their rows. config hands these functions to devices.gateways."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final, cast

import msgspec
from django.db import transaction
from msgspec import Struct

from bridge.gateway_status import GatewayRow, GatewayStatus, Incident, RejectedRow
from mqtt_gateway import models
from mqtt_gateway.options import is_own_subscription
from mqtt_gateway.process import incidents as stored_incidents
from mqtt_gateway.rules.incident_reports import Kind, Report
from runtime.databases.statements import Statement

_INCIDENTS: Final = 100
_REJECTED: Final = 2_000
UNNAMED: Final = "gateway (not started since the upgrade)"  # its key may be its client id, a secret
# Of those that have begun.
_STATUS: Final = Statement("""\
SELECT process.client_id, process.name, process.instance, process.broker_up, process.since_ms, process.beat_ms,
  process.epoch, process.drained_ms, process.counters, {now_ms}, session.broker, session.filters
FROM mqtt_gateway_gatewayprocess AS process
LEFT JOIN mqtt_gateway_brokersession AS session ON session.client_id = process.client_id
WHERE NOT process.retired AND NOT (process.instance = '' AND process.epoch = 0 AND process.beat_ms = 0)
ORDER BY process.client_id, session.session, session.id
""")
FRESH_MS: Final = 3_500  # so long without a beat, and with the lease over and nobody there to take it: down


class _Process(Struct, frozen=True):
    """A gateway's row, as the database gives it."""

    key: str
    name: str
    instance: str
    broker_up: int
    since_ms: int
    beat_ms: int
    epoch: int
    drained_ms: int
    counters: str
    now_ms: int


_WIDTH: Final = len(_Process.__struct_fields__)
_SESSION: Final = slice(_WIDTH, None)


def gateway_status() -> GatewayStatus:
    """Read the rows (one query). Synchronous: not for an event loop's thread."""
    return summary(_rows())


def _rows() -> Iterator[GatewayRow]:
    for _, found in groupby(_STATUS.rows(), key=itemgetter(0)):
        rows = list(found)  # of one gateway: its process's columns, and one session's each, the newest last
        sessions = [row[_SESSION] for row in rows if row[-1] is not None]
        filters = {name for _, known in sessions for name in _confirmed(known)}
        yield _row(_Process(*rows[0][:_WIDTH]), filters, sessions[-1][0] if sessions else "")


def _confirmed(known: str) -> Iterator[str]:
    filters: dict[str, bool] = msgspec.json.decode(known)
    return (name for name, confirmed in filters.items() if confirmed and not is_own_subscription(name))


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


def _row(process: _Process, filters: set[str], broker: str) -> GatewayRow:
    now_ms = process.now_ms
    alive = abs(now_ms - process.beat_ms) < FRESH_MS  # one in the future: the clock was set back
    counters = msgspec.json.decode(process.counters)
    entered = counters.get("entered", {})
    return GatewayRow(
        key=process.key,
        name=process.name or UNNAMED,
        instance=process.instance,
        alive=alive,
        broker_up=alive and bool(process.broker_up),
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
