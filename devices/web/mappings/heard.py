"""The last messages heard that nobody took, to try rules with: what somebody listened to, then what was rejected."""

from collections.abc import Iterator
from typing import Final

from devices.models import Heard
from devices.web.operations.rejected import read_rejected

_MOST: Final = 2_000  # topics of those who listened


def heard() -> Iterator[tuple[str, bytes]]:
    """Topic and payload (its beginning), the newest of each first; each topic once."""
    topics: set[str] = set()
    listened = Heard.objects.filter(dialect="").order_by("-last_ms").values_list("topic", "payload")
    for topic, payload in listened[:_MOST]:
        if topic not in topics:
            topics.add(topic)
            yield topic, bytes(payload)
    for one in read_rejected(lambda _topic: True, None, None):
        if one.topic not in topics:
            topics.add(one.topic)
            yield one.topic, one.payload
