"""Frame numbers, and when to acknowledge: docs/websocket.md, ``ack``. Pure.

A frame is handled when everyone who reads it has finished with it; acknowledged is what is handled without a hole.
So whoever is slow holds acknowledgements back, and the server stops at 1 MiB.
"""

from collections import deque
from typing import Final

from .errors import StreamBrokenError

ACK_EVERY_S: Final = 1.0
ACK_EVERY_FRAMES: Final = 64
ACK_EVERY_CHARS: Final = 256 * 1024  # well below the 1 MiB at which the server stops


class Acks:
    """Of one connection.

    Args:
        now: s, of any clock that only goes forward.
    """

    def __init__(self, now: float) -> None:
        self.received = 0
        self._unhandled: deque[tuple[int, int]] = deque()  # (n, chars); bounded by the server's limit
        self._readers: dict[int, int] = {}  # n → how many have yet to handle it
        self._handled = self._acknowledged = self._owed_chars = 0
        self._at = now

    def take(self, n: object, chars: int, readers: int) -> None:
        """Frame ``n`` has come; ``readers`` will call :meth:`handled`.

        Raises:
            StreamBrokenError: it is not the next one.
        """
        if n != self.received + 1:
            raise StreamBrokenError(f"frame {n} follows frame {self.received}")
        self.received += 1
        self._unhandled.append((self.received, chars))
        if readers:
            self._readers[self.received] = readers
        self._advance()

    def handled(self, n: int) -> None:
        """One of the readers of frame ``n`` has finished with it."""
        left = self._readers.get(n, 0) - 1
        if left > 0:
            self._readers[n] = left
        else:
            self._readers.pop(n, None)
            self._advance()

    def _advance(self) -> None:
        while self._unhandled and self._unhandled[0][0] not in self._readers:
            self._handled, chars = self._unhandled.popleft()
            self._owed_chars += chars

    @property
    def is_much(self) -> bool:
        """Whether so much is owed that it should not wait."""
        return self._handled - self._acknowledged >= ACK_EVERY_FRAMES or self._owed_chars >= ACK_EVERY_CHARS

    def due(self, now: float) -> int | None:
        """The number to acknowledge now, if any; it then counts as acknowledged."""
        if self._handled == self._acknowledged or not (self.is_much or now - self._at >= ACK_EVERY_S):
            return None
        self._acknowledged, self._owed_chars, self._at = self._handled, 0, now
        return self._handled
