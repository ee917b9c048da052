"""When what is to be published to devices is sent, and sent again. Pure: times are passed in, in Unix ms.

    open / want ──> due ──> sent ──(backoff 5, 10, 20, 40, 60, 60 … s)──> due again
       at once              │   │    new connection of its gateway: due at once, backoff from its start
                            │   └─ command confirmed: with the broker, not due
                            │        device comes online or elsewhere, or the broker has lost its memory: due at once
                            └─ close / settled / expired / forget: done with

Each gateway has a lane of its own: at most ``UNDER_WAY_LIMIT`` are with it at a time, and its refusal holds that lane
for a second. Which gateway serves a device is asked whenever something is due for it. What is kept is bounded by the
database: no command's arguments, and a desired payload only while it is unconfirmed.
"""

from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from msgspec import Struct

from devices.worker.rules.schedule import Schedule

RETRY_MS: Final = (5_000, 10_000, 20_000, 40_000, 60_000)
UNDER_WAY_LIMIT: Final = 50
_ANSWER_MS: Final = 5_000  # no answer by then: it counts as lost
_HOLD_MS: Final = 1_000
_LOOK_MS: Final = 500  # until the next look whether what may hold an answer is applied


class CommandItem(Struct, frozen=True):
    """A command to publish."""

    command_id: UUID


class DesiredItem(Struct, frozen=True):
    """A device's desired topic to publish."""

    device: str


class RetainedItem(Struct, frozen=True):
    """A topic on which nothing is to be retained any more; its device is deleted."""

    device: str
    topic: str


Item = CommandItem | DesiredItem | RetainedItem


class Due(Struct, frozen=True):
    """What is to be sent now, and by which gateway. ``payload`` for desired only."""

    item: Item
    device: str
    gateway: str
    payload: bytes = b""


class _Entry(Struct):
    device: str
    payload: bytes = b""
    expires_ms: int = 0  # a command's
    confirmed: bool = False  # the broker has it
    attempts: int = 0
    gateway: str = ""  # whose it was last
    lane: str = ""  # the gateway in whose lane it is; "": to be asked


# The client id of the gateway by which a device, the first argument, can be reached; the second is whose it was last.
GatewayOf = Callable[[str, str], str]

# Up to when (Unix ms) all that came from a device, the first argument, is applied; the second says whether the broker
# has confirmed the command that is asked for.
AppliedMs = Callable[[str, bool], int]


def retry_delay_ms(attempts: int) -> int:
    """How long to wait after the ``attempts``-th sending (from 1)."""
    return RETRY_MS[min(attempts, len(RETRY_MS)) - 1]


class _Lane:
    """What waits for one gateway, and what it has."""

    def __init__(self) -> None:
        self.due: Schedule[Item] = Schedule()
        self.under_way: Schedule[Item] = Schedule()  # until when an answer is waited for
        self.held_until_ms = 0

    def pop(self, now_ms: int) -> Item | None:
        """What to send now; None: nothing, or not yet."""
        while self.under_way.pop(now_ms) is not None:
            pass  # lost on its way, or its answer was
        if len(self.under_way) >= UNDER_WAY_LIMIT or now_ms < self.held_until_ms:
            return None
        return self.due.pop(now_ms)

    def next_ms(self) -> int | None:
        """When :meth:`pop` will have something; None for never."""
        first = self.due.first_ms()
        if first is None:
            return None
        room = self.under_way.first_ms() if len(self.under_way) >= UNDER_WAY_LIMIT else None
        return max(first, room or 0, self.held_until_ms)

    def remove(self, item: Item) -> None:
        """It waits no more."""
        self.due.remove(item)
        self.under_way.remove(item)


class Outbox:
    """One shard's commands that wait for their devices, and desired payloads that wait for the broker."""

    def __init__(self) -> None:
        self._entries: dict[Item, _Entry] = {}
        self._of_device: dict[str, set[Item]] = {}
        self._lanes: dict[str, _Lane] = {"": _Lane()}  # by gateway; in the first one what is in none yet
        self._expiry: Schedule[UUID] = Schedule()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, item: Item) -> bool:
        return item in self._entries

    # ------------------------------------------------------------------------------------- what there is

    def open(self, command_id: UUID, device: str, expires_ms: int, now_ms: int, *, confirmed: bool = False) -> None:
        """A command waits for its device; nothing if it is known already. ``confirmed``: at its broker."""
        if CommandItem(command_id) not in self._entries:
            self._add(CommandItem(command_id), _Entry(device, expires_ms=expires_ms, confirmed=confirmed), now_ms)
            self._expiry.set(command_id, expires_ms)

    def close(self, command_id: UUID) -> None:
        """The command waits no more."""
        self._remove(CommandItem(command_id))

    def want(self, device: str, payload: bytes, now_ms: int, gateway: str = "") -> None:
        """The desired topic should hold ``payload``; a new payload is due at once.

        ``gateway``: whose it was last, if known.
        """
        item = DesiredItem(device)
        entry = self._entries.get(item)
        if entry is None:
            self._add(item, _Entry(device, payload, gateway=gateway), now_ms)
        elif entry.payload != payload:
            entry.payload = payload
            self._into_lane(item, "", now_ms)

    def settled(self, device: str) -> None:
        """The desired topic holds what it should."""
        self._remove(DesiredItem(device))

    def clear(self, device: str, topics: Iterable[str], now_ms: int, gateway: str = "") -> None:
        """Nothing is to be retained on these topics; due at once. ``gateway``: whose they were last, if known."""
        for topic in topics:
            item = RetainedItem(device, topic)
            if item not in self._entries:
                self._add(item, _Entry(device, gateway=gateway), now_ms)

    def cleared(self, item: RetainedItem) -> bool:
        """Nothing is retained there; whether that was the device's last topic."""
        self._remove(item)
        return not any(isinstance(other, RetainedItem) for other in self._of_device.get(item.device, ()))

    def keep(self, device: str) -> None:
        """The device is back: what is retained on its topics stays."""
        for item in list(self._of_device.get(device, ())):
            if isinstance(item, RetainedItem):
                self._remove(item)

    def forget(self, device: str) -> None:
        """The device was deleted."""
        for item in list(self._of_device.get(device, ())):
            self._remove(item)

    # ------------------------------------------------------------------------------------- what happens

    def device_online(self, device: str, now_ms: int) -> None:
        """It listens now, or at another gateway: all that waits for it is due, its backoff begins anew."""
        for item in self._of_device.get(device, ()):
            self._into_lane(item, "", now_ms)

    def gateway_changed(self, gateway: str, gateway_of: GatewayOf, now_ms: int, *, forgotten: bool) -> None:
        """A new connection of this gateway to its broker: all that it is to publish is due.

        ``forgotten``: the broker has lost its memory; what it had confirmed is due as well.
        """
        self._lane(gateway).held_until_ms = 0
        for item, entry in self._entries.items():
            if entry.confirmed and not forgotten:
                continue
            if gateway in (entry.gateway, gateway_of(entry.device, entry.gateway)):
                self._into_lane(item, "", now_ms)

    def answered(self, item: Item, gateway: str, now_ms: int, *, ok: bool, never: bool = False) -> None:
        """What became of it. Not ok: it comes again after its backoff, and all that the gateway is to do pauses.

        Ok: a command of that gateway's is with its broker, which keeps it for the device, and is not due any more.
        """
        lane = self._lane(gateway)
        lane.under_way.remove(item)
        entry = self._entries.get(item)
        if never:  # the broker will not take it: as it is, it is not due any more
            lane.due.remove(item)
        elif not ok:
            lane.held_until_ms = now_ms + _HOLD_MS
        elif entry and isinstance(item, CommandItem) and entry.attempts and entry.gateway == gateway:
            entry.confirmed = True  # unless it was to go again meanwhile, or elsewhere
            lane.due.remove(item)

    def unconfirmed(self, device: str) -> bytes | None:
        """The payload that the desired topic should hold; None when nothing is waited for."""
        entry = self._entries.get(DesiredItem(device))
        return entry.payload if entry else None

    def due(self, now_ms: int, gateway_of: GatewayOf) -> list[Due]:
        """What to send now; from now on it counts as sent."""
        out: list[Due] = []
        names = list(self._lanes)
        for at, name in enumerate(names):
            while (item := self._lanes[name].pop(now_ms)) is not None:
                entry = self._entries[item]
                gateway = gateway_of(entry.device, entry.gateway)
                if gateway == name:
                    out.append(self._sent(item, entry, now_ms))
                    continue
                self._into_lane(item, gateway, now_ms)
                if gateway not in names[at + 1 :]:
                    names.append(gateway)
        return out

    def expired(self, now_ms: int, applied_ms: AppliedMs) -> list[UUID]:
        """Commands whose time has ended without an answer; each is given out once.

        None is sent any more then, but as long as what came in time is not applied, an answer may be in it.
        """
        out, waiting = [], []
        while (command_id := self._expiry.pop(now_ms)) is not None:
            entry = self._entries[CommandItem(command_id)]
            self._lanes[entry.lane].remove(CommandItem(command_id))
            if applied_ms(entry.device, entry.confirmed) < entry.expires_ms:
                waiting.append(command_id)
            else:
                self.close(command_id)
                out.append(command_id)
        for command_id in waiting:
            self._expiry.set(command_id, now_ms + _LOOK_MS)
        return out

    def next_ms(self) -> int | None:
        """When :meth:`due` or :meth:`expired` will have something; None for never."""
        times = [self._expiry.first_ms(), *(lane.next_ms() for lane in self._lanes.values())]
        return min((time for time in times if time is not None), default=None)

    # ------------------------------------------------------------------------------------------- inside

    def _lane(self, gateway: str) -> _Lane:
        return self._lanes.setdefault(gateway, _Lane())

    def _add(self, item: Item, entry: _Entry, now_ms: int) -> None:
        self._entries[item] = entry
        self._of_device.setdefault(entry.device, set()).add(item)
        self._make_due(item, entry, now_ms)

    def _into_lane(self, item: Item, lane: str, now_ms: int) -> None:
        """It is due there, its backoff begins anew."""
        entry = self._entries[item]
        self._lanes[entry.lane].remove(item)
        entry.lane, entry.attempts, entry.confirmed = lane, 0, False
        self._make_due(item, entry, now_ms)

    def _make_due(self, item: Item, entry: _Entry, now_ms: int) -> None:
        """Unless the broker has it, or its time has ended."""
        if not (entry.confirmed or 0 < entry.expires_ms <= now_ms):
            self._lane(entry.lane).due.set(item, now_ms)

    def _sent(self, item: Item, entry: _Entry, now_ms: int) -> Due:
        lane = self._lanes[entry.lane]
        entry.gateway = entry.lane
        entry.attempts += 1
        lane.due.set(item, now_ms + retry_delay_ms(entry.attempts))
        lane.under_way.set(item, now_ms + _ANSWER_MS)
        return Due(item, entry.device, entry.lane, entry.payload)

    def _remove(self, item: Item) -> None:
        entry = self._entries.pop(item, None)
        if entry is None:
            return
        self._lanes[entry.lane].remove(item)
        if isinstance(item, CommandItem):
            self._expiry.remove(item.command_id)
        siblings = self._of_device[entry.device]
        siblings.discard(item)
        if not siblings:
            del self._of_device[entry.device]
