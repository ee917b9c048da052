"""The filters that sources want (devices.models.SourceFilter), for the gateways. config hands these functions over.

Synchronous: not for an event loop's thread.
"""

from django.db.models import Count, Max

from bridge.dialects.dialect import Filter, WantedFilter
from devices.models import SourceFilter


def wanted_filters() -> tuple[WantedFilter, ...]:
    """All of them, in the order in which they were first wanted. One query."""
    rows = SourceFilter.objects.order_by("pk")
    columns = ("dialect", "source", "topic_filter", "qos", "keep", "retained", "big")
    return tuple(
        WantedFilter(dialect, source, Filter(name, qos, keep=keep, retained=retained, big=big))
        for dialect, source, name, qos, keep, retained, big in rows.values_list(*columns).iterator()
    )


def stamp() -> tuple[int, int]:
    """Another one whenever a row has come or gone. One query, of the index alone."""
    found = SourceFilter.objects.aggregate(count=Count("pk"), newest=Max("pk"))
    return found["count"], found["newest"] or 0
