"""When what is to be published to devices is sent, and sent again. Pure: times are passed in, in Unix ms.

    open / want ──> due ──> sent ──(backoff 5, 10, 20, 40, 60, 60 … s)──> due again
       at once              │   │    new connection of its gateway: due at once, backoff from its start
                            │   └─ command confirmed: with the broker, not due
                            │        device comes online or elsewhere, or the broker has lost its memory: due at once
                            └─ close / settled / expired / forget: done with

A command that must not be published twice is due only once it is permitted: it is stored by then that it may have been
published. It goes to its gateway once, and again only if that says that it was not published.

Each gateway has a lane of its own: at most ``UNDER_WAY_LIMIT`` are with it at a time, and its refusal holds that lane
for a second. Which gateway serves a device is asked whenever something is due for it. What is kept is bounded by the
database: no command's arguments, and a desired payload only while it is unconfirmed.
"""

from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from msgspec import structs

from devices.worker.rules.lanes import CommandItem, DesiredItem, Due, Entry, Item, Lane, RetainedItem, retry_delay_ms
from devices.worker.rules.schedule import Schedule
from devices.worker.rules.ways import Way

_ANSWER_MS: Final = 5_000  # no answer by then: it counts as lost
_HOLD_MS: Final = 1_000
_LOOK_MS: Final = 500  # until the next look whether what may hold an answer is applied


# The client id of the gateway by which a device, the first argument, can be reached; the second is whose it was last.
GatewayOf = Callable[[str, str], str]

# Up to when (Unix ms) all that came from a device, the first argument, is applied; the second says whether the broker
# has confirmed the command that is asked for.
AppliedMs = Callable[[str, bool], int]


class Outbox:
    """One shard's commands that wait for their devices, and desired payloads that wait for the broker."""

    def __init__(self) -> None:
        self._entries: dict[Item, Entry] = {}
        self._of_device: dict[str, set[Item]] = {}
        self._lanes: dict[str, Lane] = {"": Lane()}  # by gateway; in the first one what is in none yet
        self._expiry: Schedule[UUID] = Schedule()
        self.asking: list[UUID] = []  # commands that are due, and need to be permitted

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, item: Item) -> bool:
        return item in self._entries

    # ------------------------------------------------------------------------------------- what there is

    def open(
        self,
        command_id: UUID,
        device: str,
        expires_ms: int,
        now_ms: int,
        *,
        confirmed: bool = False,
        way: Way | None = None,
    ) -> None:
        """A command waits for its device; nothing if it is known already.

        Args:
            command_id: its id.
            device: its device's key.
            expires_ms: Unix ms; it is not sent any more after that.
            now_ms: Unix ms.
            confirmed: at its broker.
            way: in another dialect than Causeway's.
        """
        if CommandItem(command_id) in self._entries:
            return
        entry = Entry(device, expires_ms=expires_ms, confirmed=confirmed, way=way)
        if way and way.once:
            entry.permitted = entry.spent = bool(way.published_ms)
        self._add(CommandItem(command_id), entry, now_ms)
        self._expiry.set(command_id, (way.ends_ms if way else None) or expires_ms)

    def take_asking(self) -> list[UUID]:
        """Commands that are due, and need to be permitted; each is given out once."""
        asking, self.asking = self.asking, []
        return asking

    def permit(self, command_id: UUID, way: Way, now_ms: int) -> None:
        """It is stored that it may be published from now on: it is due at once."""
        entry = self._entries.get(CommandItem(command_id))
        if entry and not entry.permitted:
            entry.permitted, entry.way = True, way
            self._expiry.set(command_id, way.ends_ms or entry.expires_ms)
            self._make_due(CommandItem(command_id), entry, now_ms)

    def is_permitted(self, command_id: UUID) -> bool:
        """Whether it may have been published, as far as is known here."""
        entry = self._entries.get(CommandItem(command_id))
        return entry is None or entry.permitted

    def published(self, command_id: UUID, way: Way) -> None:
        """It is with its broker: from now on its end is known, if it is answered by nothing exact."""
        entry = self._entries.get(CommandItem(command_id))
        if entry and way.ends_ms:
            entry.way = way
            self._expiry.set(command_id, way.ends_ms)

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
            self._add(item, Entry(device, payload, gateway=gateway), now_ms)
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
                self._add(item, Entry(device, gateway=gateway), now_ms)

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

    def answered(self, item: Item, gateway: str, now_ms: int, *, ok: bool, never: bool = False) -> bool:
        """What became of it. Not ok: it comes again after its backoff, and all that the gateway is to do pauses.

        Ok: a command of that gateway's is with its broker, which keeps it for the device, and is not due any more.

        Returns:
            Whether that is all that was to be heard of it: False, if others of its publications are under way.
        """
        entry, lane = self._entries.get(item), self._lane(gateway)
        if ok and entry and entry.unanswered > 1:
            entry.unanswered -= 1
            return False
        lane.under_way.remove(item)
        whole = not entry or not entry.way or entry.unanswered >= entry.way.count
        if never:  # the broker will not take it: as it is, it is not due any more
            lane.due.remove(item)
        elif not ok:
            lane.held_until_ms = now_ms + _HOLD_MS
            if entry and entry.way and entry.spent and whole:  # for sure, nothing of it was published
                entry.spent, entry.permitted = False, False
                entry.way = structs.replace(entry.way, published_ms=0)
                if isinstance(item, CommandItem):
                    self._expiry.set(item.command_id, entry.expires_ms)
                lane.due.set(item, now_ms + retry_delay_ms(entry.attempts))
        elif entry and isinstance(item, CommandItem) and entry.attempts and entry.gateway == gateway:
            entry.confirmed = True  # unless it was to go again meanwhile, or elsewhere
            lane.due.remove(item)
        return True

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
                if not entry.permitted and isinstance(item, CommandItem):
                    self.asking.append(item.command_id)
                    continue
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
            ends_ms = (entry.way.ends_ms if entry.way else None) or entry.expires_ms
            if applied_ms(entry.device, entry.confirmed) < ends_ms:
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

    def _lane(self, gateway: str) -> Lane:
        return self._lanes.setdefault(gateway, Lane())

    def _add(self, item: Item, entry: Entry, now_ms: int) -> None:
        self._entries[item] = entry
        self._of_device.setdefault(entry.device, set()).add(item)
        self._make_due(item, entry, now_ms)

    def _into_lane(self, item: Item, lane: str, now_ms: int) -> None:
        """It is due there, its backoff begins anew."""
        entry = self._entries[item]
        if entry.spent:
            return
        self._lanes[entry.lane].remove(item)
        entry.lane, entry.attempts, entry.confirmed = lane, 0, False
        self._make_due(item, entry, now_ms)

    def _make_due(self, item: Item, entry: Entry, now_ms: int) -> None:
        """Unless the broker has it, or its time has ended."""
        if not (entry.confirmed or entry.spent or 0 < entry.expires_ms <= now_ms):
            self._lane(entry.lane).due.set(item, now_ms)

    def _sent(self, item: Item, entry: Entry, now_ms: int) -> Due:
        lane = self._lanes[entry.lane]
        entry.gateway = entry.lane
        entry.attempts += 1
        if entry.way:
            entry.spent, entry.unanswered = entry.way.once, entry.way.count
        if not entry.spent:
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
