"""What was heard: a bounded number of topics, each with its last message and whose it is. No clock, no I/O."""

from collections.abc import Callable
from typing import Final

from bridge.dialects.dialect import OwnDownlink, RejectedTopic
from bridge.gateway_status import HeardMessage, HeardTopic
from mqtt_gateway.rules.routing import Destination, Routed

MOST_TOPICS: Final = 200
MAX_PAYLOAD_BYTES: Final = 4_096  # of a topic's last message
MAX_TOPIC_CHARS: Final = 500  # longer ones are counted with those for which there is no room


class HeardTopics:
    """Of one who listens.

    Args:
        whose: the gateway's own sorting of topics.
    """

    def __init__(self, whose: Callable[[str], Destination]) -> None:
        self._whose = whose
        self._topics: dict[str, HeardTopic] = {}
        self._changed: dict[str, HeardTopic] = {}
        self.messages = 0
        self.more = 0  # messages on topics for which there was no room

    def hear(self, topic: str, payload: bytes, now_ms: int, *, retained: bool) -> None:
        """One message came."""
        self.messages += 1
        before = self._topics.get(topic)
        if before is None and (len(self._topics) >= MOST_TOPICS or len(topic) > MAX_TOPIC_CHARS or "\0" in topic):
            self.more += 1
            return
        dialect, source, reason = self._taken_by(topic)
        one = HeardTopic(
            topic=topic,
            count=(before.count if before else 0) + 1,
            payload=bytes(payload[:MAX_PAYLOAD_BYTES]),
            size=len(payload),
            retained=retained,
            last_ms=now_ms,
            dialect=dialect,
            source=source,
            reason=reason,
        )
        self._topics[topic] = self._changed[topic] = one

    def _taken_by(self, topic: str) -> tuple[str, str, str]:
        match self._whose(topic):
            case Routed(dialect=dialect, source=source):
                return dialect or "native", source, ""
            case OwnDownlink():
                return "", "", "own_downlink"
            case RejectedTopic(reason):
                return "", "", reason

    def take(self) -> list[HeardTopic]:
        """What has changed since it was last asked, to be stored now."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def take_messages(self) -> tuple[tuple[HeardMessage, ...], tuple[int, ...]]:
        """None: of a topic its last message is enough."""
        return (), ()
