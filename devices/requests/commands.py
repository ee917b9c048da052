"""Storing commands for devices. Once stored, a command is the worker's: sent until the device answers or it expires."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from bridge.json_limits import MAX_PAYLOAD_BYTES, json_error
from bridge.messages import CommandStored, NewCommand
from bridge.names import is_name
from bridge.shards import shard_of
from devices.models import Command
from devices.requests.command_storage import Stored, Wish, store, store_quickly
from devices.requests.nudges import nudge
from devices.requests.refusals import BadRequestError, TooLargeError, UnavailableError
from devices.rules.actors import Actor

MAX_TTL_S: Final = 7 * 86_400
DEFAULT_TTL_S: Final = 60
MAX_IDEMPOTENCY_KEY_CHARS: Final = 200
_MAX_TOLD_BYTES: Final = 16 * 1024  # of arguments in a nudge; who gets it without reads them
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
        ContradictionError: it contradicts what the device is said to be.
        ConflictError: the key was used for another command of this device.
        RateLimitedError: the device has 100 unfinished commands already.
        UnavailableError: the database failed; with an idempotency key it is safe to repeat.
    """
    wish = checked_wish(device_key, name, args, ttl_s, idempotency_key, actor=actor)
    stored = await _stored(wish)
    await nudge(_nudge(wish, stored))
    return stored.command


def checked_wish(device_key: str, name: Any, args: Any, ttl_s: Any, idempotency_key: Any, *, actor: Actor) -> Wish:
    """A command that may be asked for, as far as that shows without the database; as :func:`store_command`.

    Raises:
        BadRequestError, TooLargeError: the arguments are not as they have to be.
    """
    args = {} if args is None else args
    _check_scalars(name, ttl_s, idempotency_key)
    return Wish(uuid.uuid4(), device_key, name, args, _encoded(args), ttl_s, idempotency_key, actor)


async def _stored(wish: Wish) -> Stored:
    try:
        return await store_quickly(wish) or await database_sync_to_async(store)(wish)
    except DatabaseError:
        raise UnavailableError("the database does not answer; whether the command was stored is not known") from None


def _nudge(wish: Wish, stored: Stored) -> CommandStored:
    command, new = stored.command, None
    if stored.is_new and len(wish.args_json) <= _MAX_TOLD_BYTES:
        times = (_us(command.created_at), _us(command.expires_at))
        new = NewCommand(wish.device_key, wish.name, wish.args_json, *times, str(wish.actor))
    return CommandStored(shard_of(wish.device_key, settings.DEVICES.shards), str(command.pk), new)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _check_scalars(name: Any, ttl_s: Any, key: Any) -> None:
    if not isinstance(name, str) or not is_name(name):
        raise BadRequestError("name must be 1 to 64 of A-Z a-z 0-9 _ - . :")
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, int) or not 1 <= ttl_s <= MAX_TTL_S:
        raise BadRequestError(f"ttl_s must be a whole number from 1 to {MAX_TTL_S}")
    if key is not None and not (
        isinstance(key, str) and 0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARS and key.isprintable()
    ):
        raise BadRequestError(f"the idempotency key must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable characters")


def _encoded(args: Any) -> bytes:
    """As JSON, if they may be stored."""
    if not isinstance(args, dict):
        raise BadRequestError("args must be a JSON object")
    if malformed := json_error(args):
        raise BadRequestError(f"args: {malformed.reason} {malformed.detail}".rstrip())
    encoded = msgspec.json.encode(args)
    if len(encoded) > MAX_PAYLOAD_BYTES:
        raise TooLargeError(f"args: over {MAX_PAYLOAD_BYTES} bytes")
    return encoded
