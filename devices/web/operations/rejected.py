"""What was rejected, by topic: what gateways kept, and what workers did. Read only."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from devices.gateways import gateway_rejections
from devices.models import Rejected

_ROWS: Final = 2_000


class RejectedTopic(Struct, frozen=True):
    """What was rejected on one topic for one reason. Times are Unix ms."""

    topic: str
    reason: str
    count: int
    first_ms: int
    last_ms: int
    payload: bytes
    gateway: str  # "": a worker rejected it
    place: str  # of the row, to go on from


def read_rejected(may_see: Callable[[str], bool], topic: str | None, reason: str | None) -> list[RejectedTopic]:
    """The newest first. Two queries.

    Args:
        may_see: whether somebody may see messages on a topic.
        topic: only topics that contain this; None: all.
        reason: only this one; None: all.
    """
    found = [
        one
        for one in (*_of_gateways(), *_of_workers())
        if (topic is None or topic in one.topic) and (reason is None or reason == one.reason) and may_see(one.topic)
    ]
    return sorted(found, key=lambda one: (-one.last_ms, one.place))


def _of_gateways() -> Iterator[RejectedTopic]:
    for row in gateway_rejections():
        place = f"g{row.id}"
        yield RejectedTopic(
            row.topic, row.reason, row.count, row.first_ms, row.last_ms, row.payload, row.gateway, place
        )


def _of_workers() -> Iterator[RejectedTopic]:
    for row in Rejected.objects.order_by("-last_ms", "-pk")[:_ROWS]:
        place = f"w{row.pk}"
        yield RejectedTopic(row.topic, row.reason, row.count, row.first_ms, row.last_ms, bytes(row.payload), "", place)
