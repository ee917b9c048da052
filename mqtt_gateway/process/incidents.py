"""Incidents: what may have cost messages, told to operators: "messages may be missing since …".

    session_lost      the broker had forgotten our session, and all that it kept for us
    broker_dropped    the broker dropped messages at the limit of a queue: anybody's, it does not say whose
    filters_overlap   the broker keeps the session of another gateway, not running, with overlapping topic filters
    qos0_dropped      QoS 0 deliveries were left out, because there were more than the workers can take

One that goes on is extended: a new row comes only after an hour without.
"""

import time
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from mqtt_gateway.models import Incident

Kind = Literal["session_lost", "broker_dropped", "filters_overlap", "qos0_dropped"]

_GOES_ON_MS: Final = 3_600_000
_KEPT_MS: Final = 90 * 86_400_000


class Report(Struct, frozen=True):
    """Something that happened, or went on, between two times (Unix ms)."""

    kind: Kind
    since_ms: int
    until_ms: int
    count: int = 1  # messages where they are counted, else how often
    detail: str = ""

    def joined(self, later: "Report") -> "Report":
        """Both as one."""
        return replace(
            later,
            since_ms=min(self.since_ms, later.since_ms),
            until_ms=max(self.until_ms, later.until_ms),
            count=self.count + later.count,
            detail=later.detail or self.detail,
        )


class Reports:
    """What one gateway process has to report and the database does not know yet: one a kind."""

    def __init__(self) -> None:
        self._waiting: dict[Kind, Report] = {}

    def add(self, report: Report) -> None:
        """To be written with the next beat."""
        before = self._waiting.get(report.kind)
        self._waiting[report.kind] = before.joined(report) if before else report

    def take(self) -> list[Report]:
        """All of them, to be written now; those that could not be are to be added again."""
        taken, self._waiting = list(self._waiting.values()), {}
        return taken


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
    Incident.objects.filter(until_ms__lt=int(time.time() * 1000) - _KEPT_MS).delete()
