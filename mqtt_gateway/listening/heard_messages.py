"""The last messages of one source, one by one, for people who look at how it speaks. Bounded; no clock, no I/O."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from bridge.gateway_status import HeardMessage, HeardTopic
from mqtt_gateway.listening.heard import MAX_PAYLOAD_BYTES, MAX_TOPIC_CHARS
from mqtt_gateway.rules.routing import Destination, Routed

MOST_MESSAGES: Final = 300
MOST_OF_A_TOPIC: Final = 10
MOST_BYTES: Final = 512 * 1024  # of topics and payloads


class HeardMessages:
    """Of one who listens to a source. What it rarely says stays longer than what it says often.

    Args:
        whose: the gateway's own sorting of topics.
        source: whose messages are kept; others are passed over.
        first: the number of the first one, greater than those of who listened before.
    """

    def __init__(self, whose: Callable[[str], Destination], source: str, first: int = 1) -> None:
        self._whose, self._source, self._next = whose, source, first
        self._kept: dict[int, HeardMessage] = {}  # by number, the oldest first
        self._of_topic: Counter[str] = Counter()
        self._bytes = 0
        self._new: dict[int, HeardMessage] = {}  # of these, those not stored yet
        self._gone: list[int] = []  # stored ones that are not kept any more
        self.messages = 0
        self.more = 0  # always 0: the last ones are kept, whichever topics they have

    def hear(self, topic: str, payload: bytes, now_ms: int, *, retained: bool) -> None:
        """One message came, perhaps another's."""
        to = self._whose(topic)
        if not isinstance(to, Routed) or to.source != self._source or len(topic) > MAX_TOPIC_CHARS or "\0" in topic:
            return
        self.messages += 1
        one = HeardMessage(
            number=self._next,
            topic=topic,
            kind=to.kind,
            detail=to.detail,
            dialect=to.dialect,
            payload=bytes(payload[:MAX_PAYLOAD_BYTES]),
            size=len(payload),
            retained=retained,
            at_ms=now_ms,
        )
        self._next += 1
        self._kept[one.number] = self._new[one.number] = one
        self._of_topic[topic] += 1
        self._bytes += _size(one)
        if self._of_topic[topic] > MOST_OF_A_TOPIC:
            self._drop(next(each for each in self._kept.values() if each.topic == topic))
        while len(self._kept) > MOST_MESSAGES or self._bytes > MOST_BYTES:
            self._drop(self._least_missed())

    def _least_missed(self) -> HeardMessage:
        """The oldest of a topic that has others, or the oldest of all."""
        often = (one for one in self._kept.values() if self._of_topic[one.topic] > 1)
        return next(often, None) or next(iter(self._kept.values()))

    def _drop(self, one: HeardMessage) -> None:
        del self._kept[one.number]
        self._bytes -= _size(one)
        self._of_topic[one.topic] -= 1
        if not self._of_topic[one.topic]:
            del self._of_topic[one.topic]
        if self._new.pop(one.number, None) is None:
            self._gone.append(one.number)

    def take(self) -> list[HeardTopic]:
        """No topics."""
        return []

    def take_messages(self) -> tuple[tuple[HeardMessage, ...], tuple[int, ...]]:
        """What has come since it was last asked, to be stored now, and the numbers of what may go."""
        new, gone = tuple(self._new.values()), tuple(self._gone)
        self._new, self._gone = {}, []
        return new, gone


def _size(one: HeardMessage) -> int:
    return len(one.payload) + 2 * len(one.topic)
