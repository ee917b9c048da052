"""Topic name → where its deliveries go. Pure; a thin cache over bridge.dialects.registry."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from bridge.dialects.dialect import OwnDownlink, RejectedTopic, Route
from bridge.dialects.registry import Dialects
from bridge.shards import shard_of

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


Destination = Routed | OwnDownlink | RejectedTopic


def router(dialects: Dialects, shards: int) -> Callable[[str], Destination]:
    """The function from topic name to destination, for some dialects and a number of shards. It never raises."""

    def find(topic: str) -> Destination:
        match dialects.route(topic):
            case Route() as found:
                shard = shard_of(found.source, shards)
                return Routed(shard, found.source, found.kind, found.detail, found.dialect, found.status)
            case other:
                return other

    cached = lru_cache(maxsize=_CACHED_TOPICS)(find)
    return lambda topic: cached(topic) if len(topic) <= _MAX_CACHED_CHARS else find(topic)
