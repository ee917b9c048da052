"""Which devices of a shard are to be announced, and what was published of each. Pure: times are passed in, in Unix ms.

What was published is not stored: after a takeover all are announced once more, slowly. Home Assistant takes the same
message again as nothing new.
"""

from collections.abc import Iterator
from typing import Final

CONFIG: Final = b"c"  # kinds of messages: what a device is, and
PRESENCE: Final = b"p"  # whether it is there
AT_ONCE: Final = 20  # devices in a round
EVERY_MS: Final = 200  # so 100 a second
_AGAIN_MS: Final = 60_000  # without an answer for so long, or refused: once more
_Key = tuple[str, bytes]  # a device's message of one kind


class Pending:
    """Those of one shard."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}  # devices, in their order
        self._under_way: dict[_Key, int] = {}  # when it was sent
        self._published: dict[_Key, int] = {}  # hash of what the broker has
        self._next_ms = 0

    def add(self, device: str) -> None:
        """Something of it may have changed."""
        self._waiting[device] = None

    def again(self) -> None:
        """The broker has lost its memory."""
        self._waiting.update(dict.fromkeys(device for device, _ in self._published))
        self._published.clear()

    def take(self, now_ms: int) -> Iterator[str]:
        """The next devices, some at a time."""
        for key in [key for key, sent_ms in self._under_way.items() if sent_ms + _AGAIN_MS <= now_ms]:
            del self._under_way[key]
            self._published[key] = 0  # nobody knows what
            self.add(key[0])
        if now_ms < self._next_ms or not self._waiting:
            return
        self._next_ms = now_ms + EVERY_MS
        for device in list(self._waiting)[:AT_ONCE]:
            del self._waiting[device]
            yield device

    def is_news(self, device: str, kind: bytes, message: bytes, now_ms: int) -> bool:
        """Whether the broker has something else of it; it counts as sent then. Of what is empty nothing is known."""
        key, digest = (device, kind), hash(message)
        if self._published.get(key) == digest or (not message and key not in self._published):
            return False
        self._published[key] = digest
        self._under_way[key] = now_ms
        return True

    def answered(self, device: str, kind: bytes, *, ok: bool) -> None:
        """The gateway's answer; what it could not publish comes again."""
        key = (device, kind)
        if ok and self._under_way.pop(key, None) is not None and self._published[key] == hash(b""):
            del self._published[key]

    def forget(self, device: str) -> None:
        """The device was deleted: what is published of it goes, too."""
        for kind in (CONFIG, PRESENCE):
            self._published.setdefault((device, kind), 0)
        self.add(device)

    def due_ms(self) -> int | None:
        """When :meth:`take` will have something."""
        times = [sent_ms + _AGAIN_MS for sent_ms in self._under_way.values()]
        return min([*times, *([self._next_ms] if self._waiting else [])], default=None)
