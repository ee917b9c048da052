"""Asking a device's shard worker for a change, and giving it commands. Everybody but the worker goes through here.

A request is stored first and carried out by the one writer of its device; the nudge that tells the worker is only for
speed (it sweeps the table anyway), so this works while the channel layer is down. An asker who gives up takes the
request back by compare-and-set on its status: either it was settled before that, or it never will be.
"""

import asyncio
import time
from typing import Any, Final

import msgspec
import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from bridge import wire
from bridge.messages import RequestSettled, RequestStored
from bridge.shards import device_hash, shard_of
from devices.models import Request
from devices.requests.nudges import nudge
from devices.requests.refusals import ConflictError, UnavailableError, refusal
from devices.rules.actors import Actor

_LOOK_EVERY_S: Final = 0.5  # at the row, whether or not an answer was heard

log = structlog.get_logger(__name__)


async def ask(
    device_key: str,
    kind: str,
    body: dict[str, Any],
    timeout_s: float = 5.0,
    *,
    actor: Actor,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Have the device's shard worker carry out a change, and wait for it.

    Args:
        device_key: ``site/device``.
        kind: see devices.models.Request, as for ``body`` and the result.
        body: JSON.
        timeout_s: how long to wait for the worker.
        actor: who asks.
        idempotency_key: the same key for the same device is the same request, whose ``body`` has a ``digest``.

    Returns:
        The result: the change is committed.

    Raises:
        RefusalError: nothing was changed, for a reason of the worker's (NotFoundError, ConflictError, …), or because
            no worker took it in time (UnavailableError). Only when the database fails meanwhile may it have happened
            nevertheless; the message of UnavailableError says so.
    """
    deadline = time.monotonic() + timeout_s
    request_id = await _store(device_key, kind, body, actor, idempotency_key)
    if idempotency_key is not None and (known := await _settled_result(request_id)) is not None:
        return _result(known)
    layer = get_channel_layer()
    reply_to = await _reply_channel(layer)
    shard = shard_of(device_key, settings.DEVICES.shards)
    await nudge(RequestStored(shard, request_id, reply_to))
    result = await _settled(layer, reply_to, request_id, deadline)
    return _result(await _withdrawn(request_id) if result is None else result)


async def _store(
    device_key: str, kind: str, body: dict[str, Any], actor: Actor, idempotency_key: str | None = None
) -> int:
    def insert() -> int:
        row = Request.objects.create(
            device_key=device_key,
            hash=device_hash(device_key),
            kind=kind,
            body=body,
            created_by=str(actor),
            idempotency_key=idempotency_key,
        )
        return int(row.pk)

    def insert_once() -> int:
        try:
            with transaction.atomic():
                return insert()
        except IntegrityError:
            return _repeated(device_key, kind, body, idempotency_key)

    try:
        request_id: int = await database_sync_to_async(insert if idempotency_key is None else insert_once)()
    except DatabaseError:
        raise UnavailableError("the database does not answer; nothing was changed") from None
    return request_id


def _repeated(device_key: str, kind: str, body: dict[str, Any], idempotency_key: str | None) -> int:
    """The request that this key already made; one that was withdrawn, as nobody carried it out, is asked anew.

    Raises:
        ConflictError: it asked for something else.
    """
    row = Request.objects.get(device_key=device_key, idempotency_key=idempotency_key)
    if row.kind != kind or row.body.get("digest") != body.get("digest"):
        raise ConflictError("this idempotency key was used for something else")
    Request.objects.filter(pk=row.pk, status=Request.Status.WITHDRAWN).update(status=Request.Status.PENDING, body=body)
    return int(row.pk)


async def _reply_channel(layer: Any) -> str:
    try:
        return str(await layer.new_channel())
    except Exception:  # noqa: BLE001  as above; without one, the row is looked at
        return ""


async def _settled(layer: Any, reply_to: str, request_id: int, deadline: float) -> dict[str, Any] | None:
    """The result, or None when the time is over. It stands in the row; an answer says when, and mostly what."""
    answer = asyncio.create_task(_answer(layer, reply_to))
    try:
        while (left_s := deadline - time.monotonic()) > 0:
            pause_s = min(left_s, _LOOK_EVERY_S)
            await (asyncio.sleep(pause_s) if answer.done() else asyncio.wait({answer}, timeout=pause_s))
            told = _told(answer.result(), request_id) if answer.done() else None
            result = told if told is not None else await _settled_result(request_id)
            if result is not None:
                return result
    finally:
        answer.cancel()
    return None


def _told(answer: dict[str, Any], request_id: int) -> dict[str, Any] | None:
    message = wire.unpack(answer)
    if not isinstance(message, RequestSettled) or message.request_id != request_id or not message.result:
        return None
    result: dict[str, Any] = msgspec.json.decode(message.result)
    return result


async def _answer(layer: Any, reply_to: str) -> dict[str, Any]:
    """Wait until the worker answers; for ever when the layer fails."""
    try:
        if reply_to:
            answer: dict[str, Any] = await layer.receive(reply_to)
            return answer
    except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down
        log.debug("no answer through the layer", error=repr(error))
    await asyncio.Event().wait()
    raise AssertionError


async def _settled_result(request_id: int) -> dict[str, Any] | None:
    def find() -> Request | None:
        return Request.objects.filter(pk=request_id, status=Request.Status.SETTLED).first()

    try:
        row: Request | None = await database_sync_to_async(find)()
    except DatabaseError:
        return None  # it may be back before the time is over
    return None if row is None else row.result or {}


async def _withdrawn(request_id: int) -> dict[str, Any]:
    """Take the request back. Returns the result when the worker was quicker.

    Raises:
        UnavailableError: it is withdrawn.
    """

    def withdraw() -> Request | None:
        pending = Request.objects.filter(pk=request_id, status=Request.Status.PENDING)
        if pending.update(status=Request.Status.WITHDRAWN):
            return None
        return Request.objects.get(pk=request_id)

    try:
        row: Request | None = await database_sync_to_async(withdraw)()
    except DatabaseError:
        raise UnavailableError("the database does not answer; whether it was done is not known") from None
    if row is None:
        raise UnavailableError("no worker answered for this device; nothing was changed")
    return row.result or {}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    if "error" in result:
        raise refusal(result["error"], result.get("message", ""))
    return result
