"""Commands to devices, and what became of them."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router

from devices import models
from devices.requests.ask import ask
from devices.requests.commands import store_command
from devices.requests.refusals import BadRequestError, NotFoundError
from devices.rules.capabilities import Capability
from devices.rules.commands import Status, brief, command_json
from devices.web.api.devices import visible_device
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, json_response, page, some_at_a_time
from devices.web.api.schemas import Command, CommandIn, CommandPage
from devices.web.api.security import access
from devices.web.auth import Access

router = Router(tags=["commands"])
_FIRST_YEAR, _LAST_YEAR = 2000, 9000

IdempotencyKey = Annotated[
    str | None,
    Header(
        None,
        alias="Idempotency-Key",
        description="1-200 characters. The same key and the same content: the same command. Other content: 409",
    ),
]


@router.post("/devices/{site}/{device}/commands", response={202: Command})
async def send_command(
    request: HttpRequest, site: str, device: str, payload: CommandIn, idempotency_key: IdempotencyKey
) -> HttpResponse:
    """Store a command; it is sent until the device answers or its time is over. Needs the role operator."""
    key, who = f"{site}/{device}", access(request)
    if not who.may("devices.command", site):  # otherwise storing finds out whether the device exists
        await sync_to_async(visible_device)(who, key, "devices.command")
    command = await store_command(key, payload.name, payload.args, payload.ttl_s, idempotency_key, actor=who.actor)
    location = f"{settings.PATH_PREFIX}/api/v1/commands/{command.pk}"
    return json_response(command_json(command, key), status=202, Location=location)


@router.get("/devices/{site}/{device}/commands", response=CommandPage)
def list_commands(
    request: HttpRequest,
    site: str,
    device: str,
    status: Annotated[Status | None, Query(None)],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """A device's commands, the newest first. A large result is cut, with a link to the whole."""
    owner = visible_device(access(request), f"{site}/{device}", "devices.read")
    rows = models.Command.objects.filter(device=owner)
    if status is not None:
        rows = rows.filter(status=status)
    if cursor is not None:
        rows = rows.filter(_after(cursor))
    found = some_at_a_time(rows.order_by("-created_at", "-id"), limit)
    return page(found, limit, lambda row: brief(command_json(row, owner.key)), _cursor)


def _cursor(row: models.Command) -> str:
    return encode_cursor("commands", row.created_at.isoformat(), str(row.pk))


def _after(cursor: str) -> Q:
    """The commands that come after the cursor's in the order newest first."""
    created_text, id_text = decode_cursor("commands", cursor, [str, str])
    try:
        created_at, command_id = datetime.fromisoformat(created_text), UUID(id_text)
        created_at = created_at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequestError("cursor: it is none of ours") from None
    if not _FIRST_YEAR <= created_at.year <= _LAST_YEAR:  # beyond, databases and time zones overflow
        raise BadRequestError("cursor: it is none of ours")
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=command_id)


@router.get("/commands/{command_id}", response=Command)
def get_command(request: HttpRequest, command_id: str) -> HttpResponse:
    """One command with its timeline."""
    command = visible_command(access(request), command_id, "devices.read")
    return json_response(command_json(command, command.device.key))


@router.post("/commands/{command_id}/cancel", response=Command)
async def cancel_command(request: HttpRequest, command_id: str) -> HttpResponse:
    """Take a command back that the device has not answered yet; 409 when it is over. Needs the role operator.

    It may have reached the device already: if that answers, the timeline says so.
    """
    who = access(request)
    command = await sync_to_async(visible_command)(who, command_id, "devices.command")
    await ask(command.device.key, "cancel", {"command_id": str(command.pk)}, actor=who.actor)
    command = await sync_to_async(visible_command)(who, command_id, "devices.read")
    return json_response(command_json(command, command.device.key))


def visible_command(who: Access, command_id: str, capability: Capability) -> models.Command:
    """A command with its device, for somebody who needs ``capability`` there.

    Raises:
        NotFoundError: there is none, or its site is not visible.
        ForbiddenError: the role at its site does not allow that.
    """
    missing = NotFoundError("there is no such command")
    try:
        command = models.Command.objects.select_related("device").filter(pk=UUID(command_id)).first()
    except ValueError:
        raise missing from None
    if command is None or not who.sees(command.device.key.partition("/")[0]):
        raise missing
    who.require(capability, command.device.key)
    return command
