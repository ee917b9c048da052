"""Commands that are under way, as the worker knows them: read once, and written as they go on.

The worker of its shard is the only one who changes a stored command, so what it has read or written is what is stored,
up to a transaction that fails or a shard that is lost. A command costs no query for each of its steps then.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Length
from msgspec import Struct, convert, json

from bridge.messages import NewCommand
from devices.models import Command
from devices.rules.commands import ENDED_BY_US, UNFINISHED, begun
from devices.worker.rules.ways import Way

MOST: Final = 1_000  # that are kept, and as many of the others; beyond, the oldest is read again when it is needed
_CLOCKS_MS: Final = 1_000  # so much may the clocks of two processes differ
MAX_KEPT_BYTES: Final = 16 * 1024  # of arguments and of a result; what is larger is not kept
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = (
    "pk", "device_id", "device__key", "name", "args", "status", "timeline", "result", "reason", "created_at",
    "expires_at", "way", "created_by", "commit",
)  # fmt: skip
_NO_WAY: Final = len("null")  # of a command in Causeway's own dialect
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
    way: Way | None = None  # in another dialect than Causeway's, once it was rendered
    created_by: str = ""  # an actor
    recorded: int = 0  # so many steps of the timeline stand among the changes (devices.models.Change)

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
        created_at, expires_at, None, new.created_by,
    )  # fmt: skip


class KnownCommands:
    """Those of the shards that we own, by id; valid as long as no transaction has failed."""

    def __init__(self) -> None:
        self._kept: dict[UUID, KnownCommand] = {}
        self._others: dict[UUID, int] = {}  # that are over, or too large to be kept; when they were made, Unix ms
        self._since_ms: int | None = None  # Unix ms; all that were made later and that we have met are here

    def get(self, pk: UUID) -> KnownCommand | None:
        """The command; None when it is to be read."""
        return self._kept.get(pk)

    def is_news(self, pk: UUID, made_ms: int, now_ms: int) -> bool:
        """Whether we can't have met it yet: of all others that are not kept nobody here knows what became of them.

        Args:
            pk: its id.
            made_ms: when it was stored, Unix ms.
            now_ms: Unix ms.
        """
        if self._since_ms is None:
            self._since_ms = now_ms + _CLOCKS_MS
        return made_ms > self._since_ms and pk not in self._kept and pk not in self._others

    def keep(self, command: KnownCommand) -> None:
        """It is stored as this. Of one that is over, or too large, it is only kept that there was one."""
        self._kept.pop(command.id, None)
        self._others.pop(command.id, None)
        if command.status in UNFINISHED and command.is_small:
            self._kept[command.id] = command
            if len(self._kept) > MOST:
                self._forget_to(_made_ms(self._kept.pop(next(iter(self._kept)))))
        else:
            self._others[command.id] = _made_ms(command)
            if len(self._others) > MOST:
                self._forget_to(self._others.pop(next(iter(self._others))))

    def _forget_to(self, made_ms: int) -> None:
        if self._since_ms is not None:
            self._since_ms = max(self._since_ms, made_ms)

    def drop_device(self, device: str) -> None:
        """The device is deleted, and its commands with it."""
        for pk in [pk for pk, command in self._kept.items() if command.device == device]:
            del self._kept[pk]
        self._since_ms = None

    def clear(self) -> None:
        """A transaction has failed, or shards have come: nobody knows what is stored."""
        self._kept.clear()
        self._others.clear()
        self._since_ms = None


def _made_ms(command: KnownCommand) -> int:
    return int(command.created_at.timestamp() * 1000)


def read(ids: Iterable[UUID], is_ours: Callable[[str], bool]) -> list[KnownCommand]:
    """The commands of these ids that there are, of devices (by key) that are ours. One query."""
    rows = Command.objects.filter(pk__in=list(ids)).values_list(*_COLUMNS)
    return [_known(row) for row in rows if is_ours(row[2])]


def _known(row: tuple[Any, ...]) -> KnownCommand:
    """The command of a row of ``_COLUMNS``."""
    *others, commit = row
    one = KnownCommand(*others)
    one.way = way_in(one.way)
    one.recorded = len(one.timeline) if commit else 0  # it was told in a commit, or in none yet
    return one


def published_lately(number: int, of: int, since_ms: int) -> list[KnownCommand]:
    """A shard's commands in other dialects whose end no device has told and whose time ended later; the oldest first.

    Args:
        number: of the shard.
        of: so many shards there are.
        since_ms: Unix ms.
    """
    since = _EPOCH + timedelta(milliseconds=since_ms)
    rows = Command.objects.filter(status__in=("delivered", *ENDED_BY_US), expires_at__gte=since)
    rows = rows.annotate(number=F("device__hash") % of, size=Length("way"))
    rows = rows.filter(number=number, size__gt=_NO_WAY).order_by("created_at")
    return [_known(row) for row in rows.values_list(*_COLUMNS)]


def way_in(stored: Any) -> Way | None:
    """The way of a stored command."""
    return convert(stored, Way) if stored else None
