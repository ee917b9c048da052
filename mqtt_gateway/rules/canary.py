"""One of our markers always stays unconfirmed at the broker: gone, somebody else has had our session. Pure.

A broker delivers again what was not confirmed (MQTT-4.4.0-1) for as long as a session lives, in MQTT 5 and 3.1.1. So
the marker that we held back when a connection ended comes first on the next one, unless another client took the
session: one that resumed it has confirmed the marker with all the rest, one that began anew has thrown it away::

    delivered ──> held ──> its name is in the database ──> the one before it is confirmed
                                                         connection lost: one of the held ones is expected

What is expected is never confirmed before a newer one is stored, so a crash at any point leaves one that comes back.
Markers are left out of the order of confirmations (MQTT-4.6.0-2): docs/decisions/0019-a-client-id-that-is-a-secret.md.
"""

from collections.abc import Iterable, Sequence
from typing import Final

# Mosquitto counts packet ids up to 65,535 and begins again, whether one is still unconfirmed or not. At 20,000
# deliveries a second, a beat and a marker later, there are less than that.
HELD_FOR: Final = 24_000  # deliveries


class Canary:
    """Of one gateway's session.

    Args:
        expected: names of markers of which one at least must be delivered again.
    """

    def __init__(self, expected: Iterable[str] = ()) -> None:
        self._expected = frozenset(expected)
        self._held: dict[str, int] = {}  # name → packet id on this connection, oldest first; rarely more than three
        self._given_up: list[str] = []
        self._count = 0  # deliveries before the newest one that is held

    def connecting(self) -> None:
        """A new connection: what was held is expected again."""
        if self._held:
            self._expected, self._held = frozenset(self._held), {}

    def session_is_new(self) -> None:
        """The broker says itself that it has nothing of ours."""
        self._expected = frozenset()

    def delivered(self, name: str, packet_id: int, count: int, *, is_new: bool) -> bool:
        """A marker came.

        Args:
            name: its payload.
            packet_id: of this delivery, not 0.
            count: deliveries before it on this connection.
            is_new: it was published on this connection.

        Returns:
            Whether it is to stay unconfirmed.
        """
        if name in self._expected:
            self._expected = frozenset()
        elif not is_new:
            return False
        self._held[name], self._count = packet_id, count
        return True

    def is_missing(self) -> bool:
        """A marker of this connection is back, so all that the broker had before is: without what we expect?"""
        missing, self._expected = bool(self._expected), frozenset()
        return missing

    def names(self, count: int) -> list[str]:
        """What to store now. ``count``: deliveries so far on this connection."""
        too_old = bool(self._held) and count - self._count > HELD_FOR
        self._given_up = list(self._held) if too_old else []
        return [] if too_old else list(self._held) or sorted(self._expected)

    def stored(self, names: Sequence[str]) -> list[int]:
        """These names are stored: the packet ids of what may be confirmed now, all but the newest of them."""
        held = [name for name in names or self._given_up if name in self._held]
        return [self._held.pop(name) for name in (held[:-1] if names else held)]
