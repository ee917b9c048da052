"""What was heard: a bounded number of topics, each with its last message and whose it is. No clock, no I/O."""

from collections.abc import Callable
from typing import Final

from bridge.dialects.dialect import OwnDownlink, RejectedTopic
from bridge.gateway_status import HeardMessage, HeardTopic
from mqtt_gateway.rules.routing import Destination, Routed

MOST_TOPICS: Final = 200
MOST_TAKEN: Final = 100  # of these, so many that somebody takes: the others are what people look for
MAX_PAYLOAD_BYTES: Final = 4_096  # of a topic's last message
_OWN: Final = "own_downlink"
_OURS: Final = ("causeway/gateway/", "causeway-bridge/gateway/")  # what gateways say of themselves
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
        self._taken = 0  # of the topics, those that somebody takes, or that are ours
        self.messages = 0
        self.more = 0  # messages on topics for which there was no room

    def hear(self, topic: str, payload: bytes, now_ms: int, *, retained: bool) -> None:
        """One message came."""
        self.messages += 1
        before = self._topics.get(topic)
        dialect, source, reason = self._taken_by(topic)
        if before is None and not self._has_room(topic, taken=bool(dialect) or reason == _OWN):
            self.more += 1
            return
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

    def _has_room(self, topic: str, *, taken: bool) -> bool:
        """Whether one more topic is heard; then it is."""
        if len(self._topics) >= MOST_TOPICS or len(topic) > MAX_TOPIC_CHARS or "\0" in topic:
            return False
        if taken and self._taken >= MOST_TAKEN:
            return False
        self._taken += taken
        return True

    def _taken_by(self, topic: str) -> tuple[str, str, str]:
        match self._whose(topic):
            case Routed(dialect=dialect, source=source):
                return dialect or "native", source, ""
            case OwnDownlink():
                return "", "", _OWN
            case RejectedTopic(reason):
                return "", "", _OWN if topic.startswith(_OURS) else reason

    def take(self) -> list[HeardTopic]:
        """What has changed since it was last asked, to be stored now."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def take_messages(self) -> tuple[tuple[HeardMessage, ...], tuple[int, ...]]:
        """None: of a topic its last message is enough."""
        return (), ()
