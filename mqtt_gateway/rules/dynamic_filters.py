"""Filters that follow from what sources said: which of them are taken, and whose a topic is by them. Pure.

What a source says was written by some device, and the gateway may subscribe to more than that device may publish on:
so a filter that could bring another's messages to it is refused.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bridge.dialects.dialect import TOPIC, Dialect, Filter, Route, WantedFilter
from bridge.dialects.mapping import dialect as mapping
from bridge.dialects.mapping.dialect import Mappings
from bridge.dialects.mapping.patterns import topic_filter as filter_of
from bridge.dialects.mapping.rules import Rule, conflict
from bridge.dialects.native.topics import NativeTopics
from bridge.dialects.registry import Dialects
from bridge.topic_filters import matches, overlap, topic_filter_error
from mqtt_gateway.rules.filter_owners import FilterTree, is_exact

MOST_OF_A_SOURCE: Final = 10_000
MOST: Final = 100_000
_OWN_TOPICS: Final = ("causeway", "causeway-bridge")  # first levels of the gateway's and of answers to it
_LITERAL: Final = 2  # levels, at least, where the last one is a wildcard


class DynamicFilters(Struct, frozen=True):
    """Those that are taken, and why others aren't."""

    filters: dict[str, Filter] = {}  # by topic filter
    exact: dict[str, Route] = {}  # by topic
    wildcards: FilterTree = FilterTree()
    routes: dict[str, tuple[str, str]] = {}  # of those with a wildcard: dialect and source
    mappings: Mappings = Mappings()
    refused: dict[WantedFilter, str] = {}  # why: a code

    def route(self, topic: str) -> Route | None:
        """Whose a topic is by a filter with a wildcard, or by a mapping."""
        found = self.wildcards.owner(topic) if self.routes else None
        return Route(*self.routes[found], TOPIC, topic) if found else self.mappings.route(topic)


NO_FILTERS: Final = DynamicFilters()


class Guard:
    """Judges filters; remembers what it said of those that it saw last.

    Args:
        dialects: those that are spoken, in their order.
        topic_root: the first level of Causeway's own topics.
    """

    def __init__(self, dialects: Dialects, topic_root: str) -> None:
        self._dialects = dialects
        self._own = (topic_root, *_OWN_TOPICS)
        gateways = (f"{one}/gateway/+/{what}" for one in _OWN_TOPICS for what in ("status", "marker"))
        self._shapes = (*NativeTopics(topic_root).shapes, *gateways)
        self._downlinks = tuple(one for dialect in dialects for one in dialect.downlinks())
        self._order = {dialect.name: index for index, dialect in enumerate(dialects)}
        self._topic_root = topic_root
        self._taken = [
            *((dialect.name, one.topic_filter) for dialect in dialects for one in dialect.filters()),
            *((dialect.name, one) for dialect in dialects for one in dialect.downlinks()),
        ]
        self._known: dict[tuple[str, str], str] = {}

    def judge(self, wanted: Iterable[WantedFilter]) -> DynamicFilters:
        """Take what may be taken. One that two sources want is the one's whose dialect comes first, then by key."""
        by_rank = sorted(wanted, key=lambda one: (self._order.get(one.dialect, len(self._order)), one.source))
        taken: dict[str, WantedFilter] = {}
        refused: dict[WantedFilter, str] = {}
        counts: dict[tuple[str, str], int] = {}
        known: dict[tuple[str, str], str] = {}
        for one in by_rank:
            key = (one.dialect, one.filter.topic_filter)
            reason = known[key] = self._known[key] if key in self._known else self.refusal(*key)
            owner = (one.dialect, one.source)
            counts[owner] = counts.get(owner, 0) + 1
            if not reason and (counts[owner] > MOST_OF_A_SOURCE or len(taken) >= MOST):
                reason = "too_many"
            if not reason and one.filter.topic_filter in taken:
                reason = "taken"
            if reason:
                refused[one] = reason
            else:
                taken[one.filter.topic_filter] = one
        self._known = known
        return _table(taken, refused)

    def with_mappings(self, found: DynamicFilters, rules: Iterable[Rule]) -> DynamicFilters:
        """Those and mappings, which may have only topics that no dialect listens to."""
        good: list[Rule] = []
        refused = dict(found.refused)
        for rule in rules:
            if conflict(rule, self._topic_root, self._taken):
                refused[WantedFilter(mapping.NAME, rule.site, Filter(filter_of(rule.pattern)))] = "other_dialect"
            else:
                good.append(rule)
        mappings = Mappings(good)
        filters = {one.topic_filter: one for one in mappings.filters} | found.filters
        return replace(found, filters=filters, mappings=mappings, refused=refused)

    def refusal(self, dialect: str, topic_filter: str) -> str:
        """Why a source of this dialect may not have this filter, as a code; "": it may."""
        if dialect not in self._order:
            return "unknown_dialect"
        if topic_filter_error(topic_filter):
            return "bad_filter"
        if topic_filter.startswith("$"):
            return "system_topics"
        if reason := _too_wide(topic_filter):
            return reason
        if topic_filter.split("/", maxsplit=1)[0] in self._own:
            return "own_topics"
        if any(overlap(topic_filter, one) for one in self._shapes):
            return "own_topics"
        if any(overlap(topic_filter, one) for one in self._downlinks):
            return "downlink"
        before = (other for other in self._dialects if self._order[other.name] < self._order[dialect])
        return "other_dialect" if any(_has(other, topic_filter) for other in before) else ""


def _too_wide(topic_filter: str) -> str:
    levels = topic_filter.split("/")
    if "#" in levels:
        return "multi_level"
    literal = sum(level != "+" for level in levels)
    return "" if levels[-1] != "+" or literal >= max(_LITERAL, len(levels) - 1) else "wildcard"


def _has(dialect: Dialect, topic: str) -> bool:
    """Whether an exact topic is the dialect's by a filter of a base of its own, not by one like ``+/online``."""
    return (
        is_exact(topic)
        and any(one.topic_filter[0] not in "+#" and matches(one.topic_filter, topic) for one in dialect.filters())
        and isinstance(dialect.route(topic), Route)
    )


def _table(taken: dict[str, WantedFilter], refused: dict[WantedFilter, str]) -> DynamicFilters:
    wild = {name: (one.dialect, one.source) for name, one in taken.items() if not is_exact(name)}
    return DynamicFilters(
        {name: one.filter for name, one in taken.items()},
        {name: Route(one.dialect, one.source, TOPIC, name) for name, one in taken.items() if name not in wild},
        FilterTree(wild),
        wild,
        refused=refused,
    )
