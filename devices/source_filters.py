"""The filters that sources want (devices.models.SourceFilter), and mappings, for the gateways.

config hands these functions over. Synchronous: not for an event loop's thread.
"""

import structlog
from django.db.models import Count, Max

from bridge.dialects.dialect import Filter, WantedFilter
from bridge.dialects.mapping.rules import Rule, rule_of
from devices.models import Mapping, SourceFilter

log = structlog.get_logger(__name__)


def wanted_filters() -> tuple[WantedFilter, ...]:
    """All of them, in the order in which they were first wanted. One query."""
    rows = SourceFilter.objects.order_by("pk")
    columns = ("dialect", "source", "topic_filter", "qos", "keep", "retained", "big")
    return tuple(
        WantedFilter(dialect, source, Filter(name, qos, keep=keep, retained=retained, big=big))
        for dialect, source, name, qos, keep, retained, big in rows.values_list(*columns).iterator()
    )


def mappings() -> tuple[Rule, ...]:
    """The rules for foreign topics, the oldest first; one that this release can't read is left out. One query."""
    found = []
    for pk, rule in Mapping.objects.order_by("pk").values_list("pk", "rule"):
        try:
            found.append(rule_of(rule))
        except ValueError as error:
            log.warning("a mapping is left out", mapping=pk, reason=str(error))
    return tuple(found)


def stamp() -> tuple[int, int, int, int]:
    """Another one whenever a row has come, gone or changed. Two queries, of indexes alone."""
    wanted = SourceFilter.objects.aggregate(count=Count("pk"), newest=Max("pk"))
    rules = Mapping.objects.aggregate(count=Count("pk"), newest=Max("changed_ms"))
    return wanted["count"], wanted["newest"] or 0, rules["count"], rules["newest"] or 0
