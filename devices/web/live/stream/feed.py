"""Works out once what all subscriptions of the same kind are sent: gapless, conflated, gathered. Pure.

A feed follows its target's devices from commit to commit. What changed waits in ``pending`` until it is due: at once
after quiet, else when the device's last frame is 1 / ``max_rate_hz`` old. A flush hands everything due to the
subscriptions that stand where the feed stands; each of the others sorts it by its own revs (subscription.py).
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from bridge.messages import Delta, EventRecorded, Gone
from devices.web.live.stream.changes import StreamChange
from devices.web.live.stream.rendering import MAX_BODY_BYTES, Body, bodies, change_bytes
from devices.web.live.stream.sequencer import Sequencer
from devices.web.live.stream.targets import DeliveryOptions, Target

MAX_ASIDE_BYTES: Final = 4 * 1024 * 1024  # set aside in a feed while the database is asked
MAX_PENDING_BYTES: Final = 4 * 1024 * 1024  # beyond, everything is due


class FlushBatch:
    """What one flush hands out: each device's changes, and where the feed stood before them."""

    __slots__ = ("_bodies", "_bytes", "_options", "before", "devices")

    def __init__(
        self, devices: dict[str, list[StreamChange]], before: dict[str, int | None], options: DeliveryOptions
    ) -> None:
        self.devices = devices
        self.before = before  # rev; None: the feed did not have the device
        self._options = options
        self._bodies: list[Body] | None = None
        self._bytes = 0

    @property
    def bodies(self) -> list[Body]:
        """The frames for those who stand where the feed stood; made once."""
        if self._bodies is None:
            self._bodies = bodies(self.devices, self._options)
        return self._bodies

    @property
    def most_bytes(self) -> int:
        """What a subscription may send of it: all bodies, or all changes."""
        if not self._bytes:
            parts_bytes = sum(change_bytes(change) for changes in self.devices.values() for change in changes)
            self._bytes = max(parts_bytes, sum(body.size for body in self.bodies))
        return self._bytes


class Feed:
    """Follows the devices of one target, for all subscriptions with the same delivery options.

    ``sent`` holds where the subscriptions in step stand: a rev, or None while that is not known yet (the device was
    listed, nothing was handed out, no subscription has asked the database about it). Devices are listed some at a time.
    Of one that isn't yet, nothing is handed out: who lists it asks about it if it was ``touched`` meanwhile.
    """

    def __init__(self, target: Target, options: DeliveryOptions) -> None:
        self.target = target
        self.options = options
        self.sent: dict[str, int | None] = {}
        self.sequencer = Sequencer(self.rev_of, self._accept, MAX_ASIDE_BYTES)
        self.is_listed = False
        self.touched: set[str] = set()  # what changed, or may have, before it was listed
        self._interval_s = 1 / options.max_rate_hz
        self._pending: dict[str, list[StreamChange]] = {}
        self._pending_bytes = 0
        self._ready: dict[str, None] = {}  # in order
        self._gates: deque[tuple[float, str]] = deque()  # when a device may have its next frame, soonest first
        self._gated: set[str] = set()

    @property
    def pending_bytes(self) -> int:
        """The size of what waits to be handed out."""
        return self._pending_bytes

    # In ----------------------------------------------------------------------------------------------------------

    def take(self, change: StreamChange) -> None:
        """Take a change of a covered device, from a commit."""
        device = change.device
        if not self.is_listed and not self._knows(device):
            self.touched.add(device)
            return
        if isinstance(change, Delta | EventRecorded) and self._unknown(device):
            self.sent[device] = change.prev
        self.sequencer.take(change)

    def listed(self, devices: Iterable[str], *, more: bool = False) -> None:
        """Take some of the target's devices from the database's list, read after a subscription joined.

        Args:
            devices: their keys.
            more: whether others follow.
        """
        for device in devices:
            if self._knows(device):
                continue
            if self.is_listed:
                self.sequencer.ask(device)
            else:
                self.sent[device] = None
        if not more and not self.is_listed:
            self.is_listed, self.touched = True, set()  # who is still listing has the former one

    def _knows(self, device: str) -> bool:
        return device in self.sent or device in self._pending or device in self.sequencer

    def discover(self, device: str) -> None:
        """Ask about a device that there is, if that is news."""
        if not self.is_listed and not self._knows(device):
            self.touched.add(device)
        elif device not in self.sent and device not in self._pending:
            self.sequencer.ask(device)

    def compare(self, device: str, rev: int | None) -> None:
        """Ask for what is missing up to where the database says that a device is (None: there is none)."""
        if device in self.sequencer:
            return
        if not self.is_listed and not self._knows(device):
            if rev is not None:
                self.touched.add(device)
            return
        if rev is None or self._unknown(device):
            known = device in self.sent or device in self._pending
            if known == (rev is None):
                self.sequencer.ask(device)
        elif rev != self.rev_of(device):
            self.sequencer.ask(device)

    def align(self, device: str, rev: int | None) -> None:
        """Take over where a subscription stands (None: found no such device), if the feed knows no better."""
        if self._unknown(device):
            if rev is None:
                del self.sent[device]
            else:
                self.sent[device] = rev

    def rev_of(self, device: str) -> int | None:
        """Where the feed stands with a device, what is pending included; None: does not have it."""
        pending = self._pending.get(device)
        if pending:
            last = pending[-1]
            return None if isinstance(last, Gone) else last.rev
        return self.sent.get(device)

    def _unknown(self, device: str) -> bool:
        unset = device in self.sent and self.sent[device] is None
        return unset and device not in self._pending and device not in self.sequencer

    def _accept(self, change: StreamChange) -> None:
        device = change.device
        self._pending.setdefault(device, []).append(change)
        self._pending_bytes += change_bytes(change)
        if device not in self._gated:
            self._ready[device] = None
        if self._pending_bytes > MAX_PENDING_BYTES:
            self._ready |= dict.fromkeys(self._pending)

    # Out ---------------------------------------------------------------------------------------------------------

    def due(self, now: float) -> float | None:
        """When to flush next, in the seconds of ``now``; None while nothing is pending."""
        if self._ready:
            return now
        return self._gates[0][0] if self._pending and self._gates else None

    def flush(self, now: float) -> FlushBatch | None:
        """Hand out everything due, up to about one frame of 512 KiB; what is left over stays due.

        Args:
            now: seconds of a monotonic clock.
        """
        self._open_gates(now)
        devices: dict[str, list[StreamChange]] = {}
        before: dict[str, int | None] = {}
        room = MAX_BODY_BYTES
        for device in list(self._ready):
            changes, size = _fitting(self._pending[device], room if devices else None)
            if not changes:
                break
            room -= size
            self._pending_bytes -= size
            devices[device] = changes
            before[device] = self._hand_out(device, changes, now)
        return FlushBatch(devices, before, self.options) if devices else None

    def _open_gates(self, now: float) -> None:
        while self._gates and self._gates[0][0] <= now:
            _, device = self._gates.popleft()
            self._gated.discard(device)
            if device in self._pending:
                self._ready[device] = None

    def _hand_out(self, device: str, changes: list[StreamChange], now: float) -> int | None:
        """Take a device's changes out of what is pending; where the feed stood before them."""
        rest = self._pending.pop(device)[len(changes) :]
        if rest:
            self._pending[device] = rest  # at the end; and ready still
        else:
            del self._ready[device]
        if device not in self._gated:
            self._gated.add(device)
            self._gates.append((now + self._interval_s, device))
        before = self.sent.pop(device, None)
        last = changes[-1]
        if not isinstance(last, Gone):
            self.sent[device] = last.rev
        return before


def _fitting(changes: list[StreamChange], room: int | None) -> tuple[list[StreamChange], int]:
    """The first changes that fit into ``room`` bytes, and their size; None: at least one, then up to a frame's size."""
    size = 0
    for index, change in enumerate(changes):
        more = change_bytes(change)
        if size + more > (MAX_BODY_BYTES if room is None else room) and (index or room is not None):
            return changes[:index], size
        size += more
    return changes, size
