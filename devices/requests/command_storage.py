"""How commands get into their table: one by one, or all that come while others are being stored in one statement.

The one way is exact, whatever may be the matter: the device's row is locked, the key for repeats is looked up, what
waits is counted. The other is for all that is as usual, and leaves the rest to the first: of a command that it has not
stored, for whatever reason, nothing is known. It locks no device, so it stays far below the limit of what may wait; of
devices that are described, it stores none: a command must not contradict what its device is said to be.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
import structlog
from django.db import IntegrityError, connection, transaction
from msgspec import Struct

from devices.models import Command, Description, Device
from devices.requests.refusals import ConflictError, ContradictionError, NotFoundError, RateLimitedError
from devices.rules.actors import Actor
from devices.rules.commands import UNFINISHED, begun
from devices.rules.described.contradictions import contradiction
from devices.rules.described.descriptions import Kept
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import asked_now
from runtime.request_database import commands as own_connection

log = structlog.get_logger(__name__)

MAX_OPEN_COMMANDS: Final = 100  # a device
_USUAL: Final = 20  # so few may wait at a device for the quick way
_MOST: Final = 100  # commands in one statement
_MOST_WAITING: Final = 1_000  # for the next ones; beyond, each goes its own way

# The unfinished ones are named as in UNFINISHED, and in the condition of the index on them.
_INSERT: Final = """\
INSERT INTO devices_command (id, device_id, name, args, status, timeline, result, reason, created_at, expires_at,
    created_by, user_id, idempotency_key, "commit")
SELECT wish.id, device.id, wish.name, wish.args, 'accepted', wish.timeline, 'null', '', wish.created_at,
    wish.expires_at, wish.created_by, NULLIF(wish.user_id, 0), NULLIF(wish.idempotency_key, ''), 0
FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
    %s::timestamptz[], %s::text[], %s::bigint[], %s::text[])
    AS wish(id, key, place, name, args, timeline, created_at, expires_at, created_by, user_id, idempotency_key)
JOIN devices_device AS device ON device.key = wish.key
LEFT JOIN devices_description AS description ON description.device_id = device.id
WHERE description.device_id IS NULL AND wish.place + (
    SELECT count(*) FROM devices_command AS other WHERE other.device_id = device.id
    AND other.status IN ('accepted', 'sent', 'delivered') AND other.expires_at > wish.created_at
) < %s
ON CONFLICT DO NOTHING
RETURNING id, device_id"""


class Wish(Struct, frozen=True):
    """A command asked for, whose fields are as they may be."""

    command_id: UUID
    device_key: str
    name: str
    args: dict[str, Any]
    args_json: bytes
    ttl_s: int
    idempotency_key: str | None
    actor: Actor


class Stored(Struct, frozen=True):
    """A wish that is stored."""

    command: Command
    is_new: bool  # not a repeat


async def store_quickly(wish: Wish) -> Stored | None:
    """Store it, together with all that come at the same time; None: it takes :func:`store`."""
    return await _of_this_loop().store(wish) if own_connection.is_there else None


class _Together:
    """One event loop's wishes: those that come while a statement is under way go with the next."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Wish, asyncio.Future[Stored | None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, wish: Wish) -> Stored | None:
        """As :func:`store_quickly`."""
        if len(self._waiting) >= _MOST_WAITING:
            return None
        future: asyncio.Future[Stored | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, future))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all(), name="commands-storing")
        return await future

    async def _store_all(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                stored = await own_connection.run(_insert_all, [wish for wish, _ in some])
            except Exception as error:
                if not isinstance(error, DatabaseUnavailableError):
                    log.exception("commands could not be stored together: a bug")
                stored = {}
            for wish, future in some:
                if not future.done():  # whoever asked may have left
                    future.set_result(stored.get(wish.command_id))


_by_loop: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Together]] = WeakKeyDictionary()


def _of_this_loop() -> _Together:
    return _by_loop.setdefault(asyncio.get_running_loop(), _Together())


def _insert_all(wishes: list[Wish]) -> dict[UUID, Stored]:
    """Those that are stored now, by id. May be called again: the ids are theirs from the start."""
    now = asked_now()
    made = {wish.command_id: _new(wish, now) for wish in wishes}
    places: dict[str, int] = {}
    rows = []
    for wish, command in zip(wishes, made.values(), strict=True):
        place = places[wish.device_key] = places.get(wish.device_key, -1) + 1
        timeline, user_id = msgspec.json.encode(command.timeline).decode(), wish.actor.user_id or 0
        rows.append((
            wish.command_id, wish.device_key, place, wish.name, wish.args_json.decode(), timeline, now,
            command.expires_at, command.created_by, user_id, wish.idempotency_key or "",
        ))  # fmt: skip
    values = [*(list(column) for column in zip(*rows, strict=True)), _USUAL]
    stored, database = {}, cast("Any", connection)
    for command_id, device_id in database.prepared(_INSERT, values):
        made[command_id].device_id = device_id
        stored[command_id] = Stored(made[command_id], is_new=True)
    return stored


def _new(wish: Wish, now: datetime, device: Device | None = None) -> Command:
    progress = begun(int(now.timestamp() * 1000))
    return Command(
        id=wish.command_id,
        device=device,
        name=wish.name,
        args=wish.args,
        status=progress.status,
        timeline=list(progress.timeline),
        created_at=now,
        expires_at=now + timedelta(seconds=wish.ttl_s),
        created_by=str(wish.actor),
        user_id=wish.actor.user_id,
        idempotency_key=wish.idempotency_key,
    )


def store(wish: Wish) -> Stored:
    """Store it, unless it is stored. Synchronous.

    Raises:
        NotFoundError, ConflictError, ContradictionError, RateLimitedError: as
            :func:`devices.requests.commands.store_command`.
        django.db.Error: the database failed.
    """
    try:
        with transaction.atomic():
            device = _locked_device(wish.device_key)
            known = Command.objects.filter(pk=wish.command_id).first() or _repeated(device, wish)
            return Stored(known, is_new=False) if known else Stored(_insert(device, wish), is_new=True)
    except IntegrityError:
        if known := Command.objects.filter(pk=wish.command_id).first():  # the quick way was slow
            return Stored(known, is_new=False)
        raise NotFoundError(f"there is no device {wish.device_key}") from None  # it was deleted meanwhile


def _locked_device(key: str) -> Device:
    """The device; one command at a time is added to it. (Not against those who only refer to it, like the worker.)"""
    device = Device.objects.select_for_update(no_key=True).filter(key=key).first()
    if device is None:
        raise NotFoundError(f"there is no device {key}")
    return device


def _repeated(device: Device, wish: Wish) -> Command | None:
    """The command that this idempotency key already made."""
    if wish.idempotency_key is None:
        return None
    command = Command.objects.filter(device=device, idempotency_key=wish.idempotency_key).first()
    if command is not None and not _same(command, wish):
        raise ConflictError("this idempotency key was used for another command of this device")
    return command


def _same(command: Command, wish: Wish) -> bool:
    ttl = command.expires_at - command.created_at
    return (
        command.name == wish.name and ttl == timedelta(seconds=wish.ttl_s) and _canon(command.args) == _canon(wish.args)
    )


def _canon(args: Any) -> bytes:
    """As JSON, by value: ``1.0`` is ``1``, members in any order; in Python ``True == 1``, too."""
    return msgspec.json.encode(_by_value(args), order="sorted")


def _by_value(value: Any) -> Any:
    match value:
        case dict():
            return {key: _by_value(one) for key, one in value.items()}
        case list():
            return [_by_value(one) for one in value]
        case float() if value.is_integer() and abs(value) <= 2**53:
            return int(value)
    return value


def _check(device: Device, wish: Wish) -> None:
    """See that it does not contradict what the device is said to be.

    Raises:
        ContradictionError: it does.
    """
    doc = Description.objects.filter(device=device).values_list("doc", flat=True).first()
    wrong = contradiction(msgspec.convert(doc, Kept), wish.name, wish.args) if doc else None
    if wrong:
        raise ContradictionError(wrong.message, wrong.field)


def _insert(device: Device, wish: Wish) -> Command:
    now = asked_now()
    unfinished = Command.objects.filter(device=device, status__in=UNFINISHED, expires_at__gt=now).count()
    _check(device, wish)
    if unfinished >= MAX_OPEN_COMMANDS:
        raise RateLimitedError(
            f"{wish.device_key} has {unfinished} unfinished commands; at most {MAX_OPEN_COMMANDS} may wait"
        )
    command = _new(wish, now, device)
    command.save(force_insert=True)
    return command
