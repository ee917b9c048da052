"""Markers: messages that a gateway sends to itself through the broker, to learn what has arrived. Pure.

    publish ──> the broker: behind all that it has for us ──> returned ──────> reached
                                                               late = False    all before it is committed: drained_ms

A delivery is *late* when the broker may have had it before this connection: until the connection's first marker is
back. Each connection knows its own markers only; those of former ones, queued by the broker meanwhile, mean nothing.
"""

from collections import deque
from typing import Final

from msgspec import Struct

INTERVAL_S: Final = 2.0
SOON_S: Final = 0.1  # after a status: so that it can be confirmed; and several share a marker
_URGENT_PAUSE_S: Final = 0.5  # between markers for statuses
_FEW: Final = 8  # with more under way, a status waits for the next regular one
_PATIENCE_S: Final = 5.0  # then a marker that might never come back is given up
_NEVER: Final = float("inf")


class Marker(Struct, frozen=True):
    """One of ours that is with the broker, or waits for what came before it to be committed."""

    payload: bytes
    published_s: float
    published_ms: int
    urgent: bool  # a status came before it


class Markers:
    """What one gateway knows by its markers.

    Args:
        drained_ms: what the process before it knew; 0: nothing.
    """

    def __init__(self, drained_ms: int = 0) -> None:
        self.late = True
        self.drained_ms = drained_ms  # Unix ms: what the broker had before is committed; 0: not known
        self.published_ms = 0  # Unix ms; the newest marker's
        self.due_s = _NEVER  # when to publish the next one, on the monotonic clock
        self.proven = drained_ms > 0  # markers do come back here
        self.returned_s = -_NEVER  # when the newest that is back was published
        self._new_connection("")

    def _new_connection(self, token: str) -> None:
        self._token, self._number = token, 0
        self._sent: deque[Marker] = deque()  # bounded: due_s grows with the oldest's age
        self._returned: deque[tuple[int, Marker]] = deque()  # with their tickets of ArrivalOrder
        self._urgent = self._refused = False
        self._published_s = -_NEVER
        self._subscribed_s = self._accepted_s = self._quiet_since_s = _NEVER
        self._end = -1

    # -------------------------------------------------------------------------------------------- sending

    def connecting(self, token: str) -> None:
        """A new connection, whose markers are known by ``token``. Nothing is due before :meth:`subscribed`."""
        self.late, self.due_s = True, _NEVER
        self._new_connection(token)

    def subscribed(self, now_s: float) -> None:
        """Deliveries flow: the first marker is due."""
        self._subscribed_s = self.due_s = now_s

    def publish(self, now_s: float, now_ms: int) -> bytes:
        """The payload of a marker to be published now."""
        self._number += 1
        marker = Marker(f"{self._token} {self._number}".encode(), now_s, now_ms, self._urgent)
        self._sent.append(marker)
        self._urgent, self._published_s, self.published_ms = False, now_s, now_ms
        # The longer they take, the fewer there are: some 16, and 11 more each time that the lag doubles.
        self.due_s = now_s + max(INTERVAL_S, (now_s - self._sent[0].published_s) / 16)
        return marker.payload

    def status_came(self, now_s: float) -> bool:
        """A device's status was delivered; whether the next marker is due earlier for it."""
        if self._urgent or self.late or self.due_s == _NEVER:
            return False
        self._urgent = True
        if len(self._sent) >= _FEW:
            return False
        soon_s = max(now_s + SOON_S, self._published_s + _URGENT_PAUSE_S)
        if soon_s >= self.due_s:
            return False
        self.due_s = soon_s
        return True

    # ------------------------------------------------------------------------------------------ coming back

    def returned(self, payload: bytes, ticket: int) -> bool:
        """A marker was delivered.

        Args:
            payload: ours or not.
            ticket: the newest in ArrivalOrder.

        Returns:
            Whether it is of this connection, and not known to be back.
        """
        if not any(marker.payload == payload for marker in self._sent):
            return False
        while (marker := self._sent.popleft()).payload != payload:
            pass  # the broker has dropped that one
        self.late, self.proven, self.returned_s = False, True, marker.published_s
        self._returned.append((ticket, marker))
        return True

    def reached(self, first: int) -> bool:
        """All deliveries with tickets below ``first`` are committed; whether a status waited to hear that."""
        waited = False
        while self._returned and self._returned[0][0] < first:
            marker = self._returned.popleft()[1]
            self.drained_ms = max(self.drained_ms, marker.published_ms)
            waited |= marker.urgent
        return waited

    # ------------------------------------------------------------------------------------------- giving up

    @property
    def coming(self) -> bool:
        """Whether markers come back on this connection, as far as is known."""
        return self.proven and not self._refused

    def forget_times(self) -> None:
        """The clock was set: how far we are is not known."""
        self.drained_ms = self.published_ms = 0
        self._returned.clear()

    def accepted(self, now_s: float) -> None:
        """The broker has confirmed a marker of this connection."""
        self._accepted_s = min(self._accepted_s, now_s)

    def missing(self, now_s: float, end: int, in_hand: int) -> bool:
        """Whether the first marker won't come back any more. Asked every second.

        Then :attr:`late` ends without it, and how far we are is not known.

        Where markers were never seen to come back, 5 s are enough (a session that is so new has no backlog). Where they
        were, the broker must have nothing else for us either.

        Args:
            now_s: on the monotonic clock.
            end: ArrivalOrder.end: whether anything was delivered.
            in_hand: deliveries not yet confirmed.
        """
        if end != self._end or in_hand:
            self._end, self._quiet_since_s = end, now_s
        if self._refused:
            since_s = self._subscribed_s
        else:
            since_s = max(self._accepted_s, self._quiet_since_s) if self.proven else self._accepted_s
        if not self.late or now_s < since_s + _PATIENCE_S:
            return False
        self.late, self.drained_ms = False, 0
        return True

    def refused(self) -> None:
        """The broker does not let us: no more markers on this connection."""
        self.due_s, self._refused = _NEVER, True
