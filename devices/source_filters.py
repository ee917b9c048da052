"""The filters that sources want (devices.models.SourceFilter), and mappings, for the gateways.

config hands these functions over. Synchronous: not for an event loop's thread.
"""

from collections.abc import Collection

import structlog
from django.db.models import Count, Max

from bridge.dialects.dialect import TOPIC, Filter, RejectedTopic, Route, Sorted, WantedFilter
from bridge.dialects.mapping.dialect import Mappings
from bridge.dialects.mapping.rules import Rule, rule_of
from bridge.dialects.registry import UNCLAIMED, Dialects
from bridge.topic_filters import matches
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


class TopicOwners:
    """Whose topics are by what is wanted and mapped now, as gateways sort them. Three queries, when it is made.

    Args:
        dialects: of the installation.
        topics: those that will be asked for.
        source: of the filters that sources want, this one's only; "": all of them.
    """

    def __init__(self, dialects: Dialects, topics: Collection[str], source: str = "") -> None:
        self._dialects = dialects
        order = {dialect.name: index for index, dialect in enumerate(dialects)}
        rows = SourceFilter.objects.filter(dialect__in=order)
        rows = rows.filter(source=source) if source else rows
        columns = ("topic_filter", "dialect", "source")
        exact = rows.filter(topic_filter__in=topics).values_list(*columns)
        wide = rows.filter(topic_filter__contains="+").values_list(*columns)
        self._exact, self._wide = (sorted(found, key=lambda one: (order[one[1]], one[2])) for found in (exact, wide))
        self._mappings = Mappings(mappings())

    def route(self, topic: str) -> Sorted:
        """Whose it is: a source's that wants just it, a dialect's, a source's that wants such, a mapping's."""
        for name, dialect, source in self._exact:
            if name == topic:
                return Route(dialect, source, TOPIC, topic)
        found = self._dialects.route(topic)
        if found != RejectedTopic(UNCLAIMED):
            return found
        for name, dialect, source in self._wide:
            if matches(name, topic):
                return Route(dialect, source, TOPIC, topic)
        return self._mappings.route(topic) or found
