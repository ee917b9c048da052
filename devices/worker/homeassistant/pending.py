"""Which devices of a shard are to be announced, and what was published of each. Pure: times are passed in, in Unix ms.

What was published is not stored: after a takeover all are announced once more, slowly. Home Assistant takes the same
message again as nothing new.
"""

from collections.abc import Iterator
from typing import Final

AT_ONCE: Final = 20  # in a round
EVERY_MS: Final = 200  # so 100 a second
_AGAIN_MS: Final = 60_000  # without an answer for so long, or refused: once more


class Pending:
    """Those of one shard."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}  # in their order
        self._under_way: dict[str, int] = {}  # by device: when it was sent
        self._published: dict[str, int] = {}  # by device: hash of what the broker has
        self.with_status: set[str] = set()  # devices that have said whether they are there
        self._next_ms = 0

    def add(self, device: str) -> None:
        """Something of it may have changed."""
        self._waiting[device] = None

    def again(self) -> None:
        """The broker has lost its memory."""
        self._waiting.update(dict.fromkeys(self._published))
        self._published.clear()

    def take(self, now_ms: int) -> Iterator[str]:
        """The next devices, some at a time."""
        late = [device for device, sent_ms in self._under_way.items() if sent_ms + _AGAIN_MS <= now_ms]
        for device in late:
            del self._under_way[device]
            self._published.pop(device, None)
            self.add(device)
        if now_ms < self._next_ms or not self._waiting:
            return
        self._next_ms = now_ms + EVERY_MS
        for device in list(self._waiting)[:AT_ONCE]:
            del self._waiting[device]
            yield device

    def is_news(self, device: str, message: bytes, now_ms: int) -> bool:
        """Whether the broker has something else of it; it counts as sent then."""
        digest = hash(message)
        if self._published.get(device) == digest or (not message and device not in self._published):
            return False
        self._published[device] = digest
        self._under_way[device] = now_ms
        return True

    def answered(self, device: str, *, ok: bool) -> None:
        """The gateway's answer; what it could not publish comes again."""
        if ok:
            self._under_way.pop(device, None)

    def forget(self, device: str) -> None:
        """The device was deleted: what is published of it goes, too."""
        self._published.setdefault(device, 0)
        self.with_status.discard(device)
        self.add(device)

    def due_ms(self) -> int | None:
        """When :meth:`take` will have something."""
        times = [sent_ms + _AGAIN_MS for sent_ms in self._under_way.values()]
        return min([*times, *([self._next_ms] if self._waiting else [])], default=None)
