"""The stored incidents: written with a beat, extended while they go on, deleted when they are old."""

from typing import Final

from mqtt_gateway.models import Incident
from mqtt_gateway.rules.incident_reports import Report
from runtime.database_clock import unix_ms

_GOES_ON_MS: Final = 3_600_000
_KEPT_MS: Final = 90 * 86_400_000


def record(gateway: str, report: Report) -> None:
    """Add or extend the row. For use in a transaction."""
    going_on = Incident.objects.filter(kind=report.kind, gateway=gateway, until_ms__gte=report.until_ms - _GOES_ON_MS)
    row = going_on.order_by("-until_ms").first()
    if row is None:
        Incident.objects.create(
            kind=report.kind,
            gateway=gateway,
            since_ms=report.since_ms,
            until_ms=report.until_ms,
            count=report.count,
            detail=report.detail[:300],
        )
        return
    both = Report(report.kind, row.since_ms, row.until_ms, row.count, row.detail).joined(report)
    row.since_ms, row.until_ms, row.count, row.detail = both.since_ms, both.until_ms, both.count, both.detail[:300]
    row.save()


def purge() -> None:
    """Delete those that are over for 90 days."""
    Incident.objects.filter(until_ms__lt=unix_ms() - _KEPT_MS).delete()
