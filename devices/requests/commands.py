"""Storing commands for devices. Once stored, a command is the worker's: sent until the device answers or it expires."""

from datetime import timedelta
from typing import Any, Final

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from msgspec import Struct

from bridge.json_limits import MAX_PAYLOAD_BYTES, json_error
from bridge.messages import CommandStored
from bridge.names import is_name
from bridge.shards import shard_of
from devices.models import Command, Device
from devices.requests.nudges import nudge
from devices.requests.refusals import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    TooLargeError,
    UnavailableError,
)
from devices.rules.actors import Actor
from devices.rules.commands import UNFINISHED, begun
from runtime.database_clock import asked_now

MAX_TTL_S: Final = 7 * 86_400
DEFAULT_TTL_S: Final = 60
MAX_OPEN_COMMANDS: Final = 100  # a device
MAX_IDEMPOTENCY_KEY_CHARS: Final = 200


class _Wish(Struct, frozen=True):
    """A command asked for. ``Any`` until :func:`_checked`: clients may send anything."""

    device_key: str
    name: Any
    args: Any
    ttl_s: Any
    idempotency_key: Any
    actor: Actor


async def store_command(
    device_key: str,
    name: Any,
    args: Any = None,
    ttl_s: Any = DEFAULT_TTL_S,
    idempotency_key: Any = None,
    *,
    actor: Actor,
) -> Command:
    """Store a command and nudge the device's worker. Whoever calls has checked the right to.

    Safe to repeat with an ``idempotency_key``: the same key for the same device gives the same command.

    Args:
        device_key: ``site/device``.
        name: 1-64 of ``A-Z a-z 0-9 _ - . :``.
        args: a JSON object, at most 256 KiB as JSON; None: none.
        ttl_s: 1 … 604,800; how long it may take to reach the device.
        idempotency_key: 1-200 printable characters, or None.
        actor: who asks.

    Returns:
        The command as it is now; a repeated one may have gone on already.

    Raises:
        BadRequestError, TooLargeError: the arguments are not as above.
        NotFoundError: there is no such device.
        ConflictError: the key was used for another command of this device.
        RateLimitedError: the device has 100 unfinished commands already.
        UnavailableError: the database failed; with an idempotency key it is safe to repeat.
    """
    wish = _checked(_Wish(device_key, name, {} if args is None else args, ttl_s, idempotency_key, actor))
    try:
        command: Command = await database_sync_to_async(_store)(wish)
    except DatabaseError:
        raise UnavailableError("the database does not answer; whether the command was stored is not known") from None
    await nudge(CommandStored(shard_of(device_key, settings.DEVICES.shards), str(command.pk)))
    return command


def _checked(wish: _Wish) -> _Wish:
    """The wish, if it can be granted: now its fields are what :func:`store_command` says."""
    if not isinstance(wish.name, str) or not is_name(wish.name):
        raise BadRequestError("name must be 1 to 64 of A-Z a-z 0-9 _ - . :")
    if isinstance(wish.ttl_s, bool) or not isinstance(wish.ttl_s, int) or not 1 <= wish.ttl_s <= MAX_TTL_S:
        raise BadRequestError(f"ttl_s must be a whole number from 1 to {MAX_TTL_S}")
    if not isinstance(wish.args, dict):
        raise BadRequestError("args must be a JSON object")
    if malformed := json_error(wish.args):
        raise BadRequestError(f"args: {malformed.reason} {malformed.detail}".rstrip())
    if len(msgspec.json.encode(wish.args)) > MAX_PAYLOAD_BYTES:
        raise TooLargeError(f"args: over {MAX_PAYLOAD_BYTES} bytes")
    key = wish.idempotency_key
    if key is not None and not (
        isinstance(key, str) and 0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARS and key.isprintable()
    ):
        raise BadRequestError(f"the idempotency key must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable characters")
    return wish


def _store(wish: _Wish) -> Command:
    try:
        with transaction.atomic():
            device = _locked_device(wish.device_key)
            return _repeated(device, wish) or _insert(device, wish)
    except IntegrityError:  # the device was deleted meanwhile
        raise NotFoundError(f"there is no device {wish.device_key}") from None


def _locked_device(key: str) -> Device:
    """The device; one command at a time is added to it. (Not against those who only refer to it, like the worker.)"""
    device = Device.objects.select_for_update(no_key=True).filter(key=key).first()
    if device is None:
        raise NotFoundError(f"there is no device {key}")
    return device


def _repeated(device: Device, wish: _Wish) -> Command | None:
    """The command that this idempotency key already made."""
    if wish.idempotency_key is None:
        return None
    command = Command.objects.filter(device=device, idempotency_key=wish.idempotency_key).first()
    if command is not None and not _same(command, wish):
        raise ConflictError("this idempotency key was used for another command of this device")
    return command


def _same(command: Command, wish: _Wish) -> bool:
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


def _insert(device: Device, wish: _Wish) -> Command:
    now = asked_now()
    unfinished = Command.objects.filter(device=device, status__in=UNFINISHED, expires_at__gt=now).count()
    if unfinished >= MAX_OPEN_COMMANDS:
        raise RateLimitedError(
            f"{wish.device_key} has {unfinished} unfinished commands; at most {MAX_OPEN_COMMANDS} may wait"
        )
    progress = begun(int(now.timestamp() * 1000))
    return Command.objects.create(
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
