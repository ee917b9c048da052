"""What an outbox publishes, and what of it waits for one gateway. Pure: times are Unix ms, and passed in."""

from typing import Final
from uuid import UUID

from msgspec import Struct

from devices.worker.rules.schedule import Schedule
from devices.worker.rules.ways import Way

RETRY_MS: Final = (5_000, 10_000, 20_000, 40_000, 60_000)
UNDER_WAY_LIMIT: Final = 50


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


class Entry(Struct):
    """Where an item of an outbox stands."""

    device: str
    payload: bytes = b""
    expires_ms: int = 0  # a command's
    way: Way | None = None  # a command's in another dialect
    permitted: bool = True  # it may be sent: of one that must not be published twice, that is stored
    spent: bool = False  # of such a one: it may have been published
    unanswered: int = 0  # of its publications, those of which the gateway has not said yet what became of them
    confirmed: bool = False  # the broker has it
    attempts: int = 0
    gateway: str = ""  # whose it was last
    lane: str = ""  # the gateway in whose lane it is; "": to be asked


def retry_delay_ms(attempts: int) -> int:
    """How long to wait after the ``attempts``-th sending (from 1)."""
    return RETRY_MS[min(attempts, len(RETRY_MS)) - 1]


class Lane:
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
