"""What was rejected, by topic and reason: samples, for whoever looks for a message that never arrived. Pure.

The ledger counts all rejections; this keeps few of them, so that no flood of topics fills anything.
"""

from typing import Final

from msgspec import Struct

MOST_TOPICS: Final = 100  # between two writes; what is rejected on further ones is counted in the ledger only
MAX_TOPIC_CHARS: Final = 300
MAX_PAYLOAD_BYTES: Final = 256


class Rejection(Struct, frozen=True):
    """What was rejected on one topic for one reason."""

    topic: str  # its beginning
    reason: str
    count: int
    last_ms: int  # Unix ms; when the last one was received
    payload: bytes  # of the last one, its beginning
    source: str = ""  # whose it would have been, as far as known


class Rejections:
    """Those that are not stored yet."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Rejection] = {}

    def add(self, topic: str, reason: str, payload: bytes, received_ms: int, source: str = "") -> None:
        """One more was rejected."""
        self.put(
            Rejection(storable(topic), reason, 1, received_ms, bytes(payload[:MAX_PAYLOAD_BYTES]), storable(source))
        )

    def put(self, one: Rejection) -> None:
        """Several of a kind, or one that could not be stored. Above the bound new topics are left out."""
        before = self.found.get((one.topic, one.reason))
        if before is not None:
            newer = one if one.last_ms >= before.last_ms else before
            one = Rejection(one.topic, one.reason, before.count + one.count, newer.last_ms, newer.payload, one.source)
        elif len(self.found) >= MOST_TOPICS:
            return
        self.found[one.topic, one.reason] = one

    def take(self) -> list[Rejection]:
        """All of them, to be stored now."""
        taken, self.found = list(self.found.values()), {}
        return taken


def storable(text: str) -> str:
    """What any database takes as a text of that length."""
    return text.replace("\0", "\\0").encode(errors="replace").decode()[:MAX_TOPIC_CHARS]
