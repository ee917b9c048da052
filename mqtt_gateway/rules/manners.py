"""How to listen to a topic, where several filters match it or stand there twice. Pure."""

from collections.abc import Iterable
from typing import Final, Literal

from bridge.dialects.dialect import Filter

_ORDER: Final[tuple[Literal["never", "news", "always"], ...]] = ("never", "news", "always")


def merged(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Each topic filter once, in the order of the first: with all that is asked for it anywhere."""
    found: dict[str, Filter] = {}
    for one in filters:
        other = found.get(one.topic_filter, one)
        found[one.topic_filter] = Filter(
            one.topic_filter,
            max(one.qos, other.qos),
            keep=one.keep or other.keep,
            retained=max(one.retained, other.retained, key=_ORDER.index),
            big=one.big or other.big,
        )
    return tuple(found.values())
