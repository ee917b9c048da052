"""When what is to be published to devices is sent, and sent again. Pure: times are passed in, in Unix ms.

    open / want ──> due ──> sent ──(backoff 5, 10, 20, 40, 60, 60 … s)──> due again
       at once              │        device comes online, new gateway connection: due at once, backoff from its start
                            └─ close / settled / expired / forget: done with

At most ``UNDER_WAY_LIMIT`` are with the gateway at a time; a refusal by the gateway holds all for a second. What is
kept is bounded by the database: no command's arguments, and a desired payload only while it is unconfirmed.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct

from devices.worker.rules.schedule import Schedule

RETRY_MS: Final = (5_000, 10_000, 20_000, 40_000, 60_000)
UNDER_WAY_LIMIT: Final = 50
_ANSWER_MS: Final = 5_000  # no answer by then: it counts as lost
_HOLD_MS: Final = 1_000


class CommandItem(Struct, frozen=True):
    """A command to publish."""

    command_id: UUID


class DesiredItem(Struct, frozen=True):
    """A device's desired topic to publish."""

    device: str


Item = CommandItem | DesiredItem


class Due(Struct, frozen=True):
    """What is to be sent now. ``payload`` for desired only."""

    item: Item
    device: str
    payload: bytes = b""


class _Entry(Struct):
    device: str
    payload: bytes = b""
    attempts: int = 0


def retry_delay_ms(attempts: int) -> int:
    """How long to wait after the ``attempts``-th sending (from 1)."""
    return RETRY_MS[min(attempts, len(RETRY_MS)) - 1]


class Outbox:
    """One shard's commands that wait for their devices, and desired payloads that wait for the broker."""

    def __init__(self) -> None:
        self._entries: dict[Item, _Entry] = {}
        self._of_device: dict[str, set[Item]] = {}
        self._due: Schedule[Item] = Schedule()
        self._expiry: Schedule[UUID] = Schedule()
        self._under_way: Schedule[Item] = Schedule()  # until when an answer is waited for
        self._held_until_ms = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, item: Item) -> bool:
        return item in self._entries

    # ------------------------------------------------------------------------------------- what there is

    def open(self, command_id: UUID, device: str, expires_ms: int, now_ms: int) -> None:
        """A command waits for its device; nothing if it is known already."""
        if CommandItem(command_id) not in self._entries:
            self._add(CommandItem(command_id), _Entry(device), now_ms)
            self._expiry.set(command_id, expires_ms)

    def close(self, command_id: UUID) -> None:
        """The command waits no more."""
        self._remove(CommandItem(command_id))

    def want(self, device: str, payload: bytes, now_ms: int) -> None:
        """The desired topic should hold ``payload``; a new payload is due at once."""
        item = DesiredItem(device)
        entry = self._entries.get(item)
        if entry is None:
            self._add(item, _Entry(device, payload), now_ms)
        elif entry.payload != payload:
            entry.payload = payload
            self._again(item, now_ms)

    def settled(self, device: str) -> None:
        """The desired topic holds what it should."""
        self._remove(DesiredItem(device))

    def forget(self, device: str) -> None:
        """The device was deleted."""
        for item in list(self._of_device.get(device, ())):
            self._remove(item)

    # ------------------------------------------------------------------------------------- what happens

    def device_online(self, device: str, now_ms: int) -> None:
        """It listens now: all that waits for it is due, its backoff begins anew."""
        for item in self._of_device.get(device, ()):
            self._again(item, now_ms)

    def gateway_changed(self, now_ms: int) -> None:
        """A new connection to the broker: everything is due."""
        self._held_until_ms = 0
        for item in self._entries:
            self._again(item, now_ms)

    def answered(self, item: Item, now_ms: int, *, ok: bool) -> None:
        """The gateway said what became of it. Not ok: it comes again after its backoff, and all pause a little."""
        self._under_way.remove(item)
        if not ok:
            self._held_until_ms = now_ms + _HOLD_MS

    def unconfirmed(self, device: str) -> bytes | None:
        """The payload that the desired topic should hold; None when nothing is waited for."""
        entry = self._entries.get(DesiredItem(device))
        return entry.payload if entry else None

    def due(self, now_ms: int) -> list[Due]:
        """What to send now; from now on it counts as sent."""
        while self._under_way.pop(now_ms) is not None:
            pass  # lost on its way, or its answer was
        out: list[Due] = []
        while len(self._under_way) < UNDER_WAY_LIMIT and now_ms >= self._held_until_ms:
            item = self._due.pop(now_ms)
            if item is None:
                break
            entry = self._entries[item]
            entry.attempts += 1
            self._due.set(item, now_ms + retry_delay_ms(entry.attempts))
            self._under_way.set(item, now_ms + _ANSWER_MS)
            out.append(Due(item, entry.device, entry.payload))
        return out

    def expired(self, now_ms: int) -> list[UUID]:
        """Commands whose time has ended; each is given out once."""
        out = []
        while (command_id := self._expiry.pop(now_ms)) is not None:
            self.close(command_id)
            out.append(command_id)
        return out

    def next_ms(self) -> int | None:
        """When :meth:`due` or :meth:`expired` will have something; None for never."""
        times = [time for time in (self._next_due_ms(), self._expiry.first_ms()) if time is not None]
        return min(times, default=None)

    # ------------------------------------------------------------------------------------------- inside

    def _next_due_ms(self) -> int | None:
        first = self._due.first_ms()
        if first is None:
            return None
        room = self._under_way.first_ms() if len(self._under_way) >= UNDER_WAY_LIMIT else None
        return max(first, room or 0, self._held_until_ms)

    def _add(self, item: Item, entry: _Entry, now_ms: int) -> None:
        self._entries[item] = entry
        self._of_device.setdefault(entry.device, set()).add(item)
        self._due.set(item, now_ms)

    def _again(self, item: Item, now_ms: int) -> None:
        self._entries[item].attempts = 0
        self._under_way.remove(item)
        self._due.set(item, now_ms)

    def _remove(self, item: Item) -> None:
        entry = self._entries.pop(item, None)
        if entry is None:
            return
        for schedule in (self._due, self._under_way):
            schedule.remove(item)
        if isinstance(item, CommandItem):
            self._expiry.remove(item.command_id)
        siblings = self._of_device[entry.device]
        siblings.discard(item)
        if not siblings:
            del self._of_device[entry.device]
