"""Commands that are under way, as the worker knows them: read once, and written as they go on.

The worker of its shard is the only one who changes a stored command, so what it has read or written is what is stored,
up to a transaction that fails or a shard that is lost. A command costs no query for each of its steps then.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, json

from bridge.messages import NewCommand
from devices.models import Command
from devices.rules.commands import UNFINISHED, begun

MOST: Final = 1_000  # that are kept; beyond, the oldest is read again when it is needed
MAX_KEPT_BYTES: Final = 16 * 1024  # of arguments and of a result; what is larger is not kept
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = (
    "pk", "device_id", "device__key", "name", "args", "status", "timeline", "result", "reason", "created_at",
    "expires_at",
)  # fmt: skip
_encode = json.Encoder().encode


class KnownCommand(Struct):
    """A stored command, but for what its steps don't need (devices.models.Command)."""

    id: UUID
    device_id: int
    device: str  # key
    name: str
    args: Any
    status: str  # a devices.rules.commands.Status
    timeline: list[dict[str, Any]]
    result: Any
    reason: str
    created_at: datetime
    expires_at: datetime

    @property
    def is_small(self) -> bool:
        """Whether it may be kept."""
        return len(_encode(self.args)) <= MAX_KEPT_BYTES and (
            self.result is None or len(_encode(self.result)) <= MAX_KEPT_BYTES
        )


def expires_ms(command: KnownCommand) -> int:
    """The end of its time, Unix ms."""
    return int(command.expires_at.timestamp() * 1000)


def new_command(command_id: UUID, device_id: int, new: NewCommand) -> KnownCommand:
    """The command that was just stored."""
    created_at, expires_at = (_EPOCH + timedelta(microseconds=us) for us in (new.created_us, new.expires_us))
    begin = begun(int(created_at.timestamp() * 1000))
    args = json.decode(new.args)
    return KnownCommand(
        command_id, device_id, new.device, new.name, args, begin.status, list(begin.timeline), None, "",
        created_at, expires_at,
    )  # fmt: skip


class KnownCommands:
    """Those of the shards that we own, by id; valid as long as no transaction has failed."""

    def __init__(self) -> None:
        self._kept: dict[UUID, KnownCommand] = {}

    def get(self, pk: UUID) -> KnownCommand | None:
        """The command; None when it is to be read."""
        return self._kept.get(pk)

    def keep(self, command: KnownCommand) -> None:
        """It is stored as this. One that is over is forgotten."""
        if command.status not in UNFINISHED or not command.is_small:
            self._kept.pop(command.id, None)
            return
        self._kept[command.id] = command
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def drop_device(self, device: str) -> None:
        """The device is deleted, and its commands with it."""
        for pk in [pk for pk, command in self._kept.items() if command.device == device]:
            del self._kept[pk]

    def clear(self) -> None:
        """A transaction has failed, or shards have come: nobody knows what is stored."""
        self._kept.clear()


def read(ids: Iterable[UUID], is_ours: Callable[[str], bool]) -> list[KnownCommand]:
    """The commands of these ids that there are, of devices (by key) that are ours. One query."""
    rows = Command.objects.filter(pk__in=list(ids)).values_list(*_COLUMNS)
    return [KnownCommand(*row) for row in rows if is_ours(row[2])]
