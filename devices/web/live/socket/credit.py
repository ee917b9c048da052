"""Frame numbers, and how much a client may be sent before it acknowledges. docs/websocket.md, ``ack``. Pure."""

from collections import deque
from typing import Final

LIMIT_BYTES: Final = 1024 * 1024  # unacknowledged; a stream that would exceed it waits
REPLIES_LIMIT_BYTES: Final = 2 * 1024 * 1024  # replies may exceed it, but not this
RESUME_BYTES: Final = 768 * 1024  # with so much left unacknowledged, a stream goes on
PATIENCE_S: Final = 60.0


class Credit:
    """The credit of one socket: how much is sent and not acknowledged."""

    __slots__ = ("_blocked_since", "_sizes", "n", "unacknowledged_bytes")

    def __init__(self) -> None:
        self.n = 0  # of the last frame sent
        self.unacknowledged_bytes = 0
        self._sizes: deque[int] = deque()  # of the last frames, those not acknowledged
        self._blocked_since: float | None = None

    def sent(self, size: int) -> None:
        """Frame ``n + 1`` of ``size`` bytes was sent."""
        self.n += 1
        self._sizes.append(size)
        self.unacknowledged_bytes += size

    def acknowledge(self, n: int) -> bool:
        """The client has handled the frames up to ``n``. False when there are none of that number."""
        if not 0 <= n <= self.n:
            return False
        while len(self._sizes) > self.n - n:
            self.unacknowledged_bytes -= self._sizes.popleft()
            self._blocked_since = None
        return True

    @property
    def room_bytes(self) -> int:
        """How much more a stream may send."""
        return max(0, LIMIT_BYTES - self.unacknowledged_bytes)

    def fits(self, size: int) -> bool:
        """Whether a stream may send ``size`` bytes now. What is larger than all credit waits until there is all."""
        return size <= max(0, LIMIT_BYTES - self.unacknowledged_bytes) or self.unacknowledged_bytes == 0

    def block(self, now: float) -> None:
        """Something did not fit at ``now`` (s, monotonic)."""
        if self._blocked_since is None:
            self._blocked_since = now

    @property
    def may_resume(self) -> bool:
        """Whether a stream that did not fit may go on."""
        return self.unacknowledged_bytes <= RESUME_BYTES

    def is_lost(self, now: float) -> bool:
        """Whether to close with 4408: no progress for too long, or replies piled up."""
        if self.unacknowledged_bytes > REPLIES_LIMIT_BYTES:
            return True
        return self._blocked_since is not None and now - self._blocked_since >= PATIENCE_S
