"""Topic name → where its deliveries go. Pure; a thin cache over bridge.dialects.native.topics."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from bridge.dialects.native.topics import Kind, NativeTopics, OwnDownlink, RejectedTopic, Route
from bridge.shards import shard_of

_CACHED_TOPICS: Final = 65_536  # the least recently used goes first
_MAX_CACHED_CHARS: Final = 320  # root, site, device, metric at their longest; bounds the cache to some 50 MiB


class Routed(Struct, frozen=True):
    """A delivery for a shard's worker; the fields are Delivery's."""

    shard: int
    device: str
    kind: Kind
    detail: str


Destination = Routed | OwnDownlink | RejectedTopic


def router(root: str, shards: int) -> Callable[[str], Destination]:
    """The function from topic name to destination, for one topic root and number of shards. It never raises."""
    topics = NativeTopics(root)

    def find(topic: str) -> Destination:
        match topics.parse(topic):
            case Route(device, kind, detail):
                return Routed(shard_of(device, shards), device, kind, detail)
            case other:
                return other

    cached = lru_cache(maxsize=_CACHED_TOPICS)(find)
    return lambda topic: cached(topic) if len(topic) <= _MAX_CACHED_CHARS else find(topic)
