"""Topic name → where its deliveries go. Pure; a thin cache over bridge.dialects.registry.

exact topic that a source wants ──> dialects, in their order ──> wildcard that a source wants ──> nobody's
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from bridge.dialects.dialect import OWN_DOWNLINK, Filter, OwnDownlink, RejectedTopic, Route, Sorted
from bridge.dialects.registry import UNCLAIMED, Dialects
from bridge.shards import shard_of
from mqtt_gateway.rules.dynamic_filters import NO_FILTERS, DynamicFilters
from mqtt_gateway.rules.filter_owners import FilterTree
from mqtt_gateway.rules.manners import merged

_CACHED_TOPICS: Final = 65_536  # the least recently used goes first
_MAX_CACHED_CHARS: Final = 320  # root, site, device, metric at their longest; bounds the cache to some 50 MiB


class Routed(Struct, frozen=True):
    """A delivery for a shard's worker; the fields are Route's and Delivery's."""

    shard: int
    source: str
    kind: str
    detail: str
    dialect: str
    status: bool
    keep: bool = False  # Filter's, of the filter that owns the topic
    big: bool = False


Destination = Routed | OwnDownlink | RejectedTopic


def router(
    dialects: Dialects, shards: int, dynamic: DynamicFilters = NO_FILTERS, *, hears_all: bool = False
) -> Callable[[str], Destination]:
    """The function from topic name to destination. It never raises.

    Args:
        dialects: those that are spoken.
        shards: their number.
        dynamic: the filters that sources want.
        hears_all: we are subscribed to ``#``: what none of our filters matches is not ours, and not counted.
    """
    topics = _Topics(dialects, shards, dynamic, hears_all=hears_all)
    cached = lru_cache(maxsize=_CACHED_TOPICS)(topics.find)
    return lambda topic: cached(topic) if len(topic) <= _MAX_CACHED_CHARS else topics.find(topic)


class _Topics:
    def __init__(self, dialects: Dialects, shards: int, dynamic: DynamicFilters, *, hears_all: bool) -> None:
        self._dialects, self._shards, self._dynamic, self._hears_all = dialects, shards, dynamic, hears_all
        known = merged((*dialects.filters, *dynamic.filters.values()))
        self._filters = {one.topic_filter: one for one in known}
        self._tree = FilterTree(self._filters)

    def find(self, topic: str) -> Destination:
        owner = self._filters.get(self._tree.owner(topic) or "")
        if owner is None and self._hears_all:
            return OWN_DOWNLINK
        match self._route(topic):
            case Route() as found:
                return _routed(shard_of(found.source, self._shards), found, owner or Filter(topic))
            case other:
                return other

    def _route(self, topic: str) -> Sorted:
        if (exact := self._dynamic.exact.get(topic)) is not None:
            return exact
        found = self._dialects.route(topic)
        if found == RejectedTopic(UNCLAIMED):
            return self._dynamic.route(topic) or found
        return found


def _routed(shard: int, found: Route, owner: Filter) -> Routed:
    return Routed(shard, found.source, found.kind, found.detail, found.dialect, found.status, owner.keep, owner.big)
