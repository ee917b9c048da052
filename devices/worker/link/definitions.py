"""Calculated metrics as they are stored, read for the feature that calculates."""

import structlog
from django.db.models import Count, Max

from devices.models import CalculatedMetric
from devices.rules.described.calculated import Calculated, calculated_of

log = structlog.get_logger(__name__)


def stamp() -> tuple[int, int]:
    """Another one whenever one has come, gone or changed. One query, of an index."""
    found = CalculatedMetric.objects.aggregate(count=Count("pk"), newest=Max("changed_ms"))
    return found["count"], found["newest"] or 0


def enabled() -> tuple[Calculated, ...]:
    """The oldest first; one that this release can't read is left out. One query."""
    found = []
    for pk, value in CalculatedMetric.objects.order_by("pk").values_list("pk", "calculated"):
        try:
            one = calculated_of(value)
        except ValueError as error:
            log.warning("a calculated metric is left out", number=pk, reason=str(error))
            continue
        if one.enabled:
            found.append(one)
    return tuple(found)
