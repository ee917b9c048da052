"""Many devices deleted by a filter; keys that are blocked, so that what is deleted does not come back."""

from http import HTTPStatus
from typing import Annotated

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Query

from bridge.names import is_device_key
from devices import models
from devices.requests import deletion
from devices.requests.refusals import BadRequestError, ConflictError, NotFoundError
from devices.rules.twin import Status
from devices.web.api.devices import keys_found, router, selected
from devices.web.api.paging import json_response
from devices.web.api.schemas import Blocked, BulkDeletion
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import Access


@router.delete("/devices", response={200: BulkDeletion, 202: BulkDeletion})
async def delete_devices(
    request: HttpRequest,
    site: Annotated[str | None, Query(None)],
    q: Annotated[str | None, Query(None, description="a part of the key or of the name, upper or lower case")],
    tag: Annotated[str | None, Query(None)],
    status: Annotated[Status | None, Query(None)],
    dry_run: Annotated[bool, Query(False, description="only count them")],
    expect: Annotated[int | None, Query(None, ge=0, description="delete if they are still that many")],
) -> HttpResponse:
    """Delete all devices that a filter selects. Needs the role admin at each of their sites.

    At least one of site, q, tag and status is demanded. Count first (``dry_run=true``), then delete with
    ``expect=COUNT``: 409 if they are another number by now. 202: the workers are still at it.
    """
    who = access(request)
    if not (site or q or tag or status):
        raise BadRequestError("give a filter: site, q, tag or status")
    if not dry_run and expect is None:
        raise BadRequestError("count them with dry_run=true, then give their number as expect")
    keys = await sync_to_async(_deletable)(who, site=site, q=q, tag=tag, status=status)
    if dry_run:
        return json_response({"count": len(keys), "deleted": False})
    if len(keys) != expect:
        raise ConflictError(f"the filter selects {len(keys)} devices, not {expect}; nothing was deleted")
    done = await deletion.delete_devices(keys, who.actor)
    answer = json_response({"count": len(keys), "deleted": done})
    answer.status_code = HTTPStatus.OK if done else HTTPStatus.ACCEPTED
    return answer


def _deletable(who: Access, *, site: str | None, q: str | None, tag: str | None, status: str | None) -> list[str]:
    rows = selected(models.Device.objects.filter(who.device_filter()), site=site, tag=tag, status=status)
    keys = sorted(keys_found(rows, q) if q else rows.values_list("key", flat=True))
    for name in sorted({key.partition("/")[0] for key in keys}):
        who.require("devices.delete", name)
    return keys


@router.get("/devices/{site}/{device}/block", response=Blocked)
def get_block(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """Since when a key is blocked. 404: it is not."""
    key = f"{site}/{device}"
    access(request).require("devices.read", key)
    row = models.BlockedKey.objects.filter(key=key).first()
    if row is None:
        raise NotFoundError(f"{key} is not blocked")
    return json_response({"device": key, "blocked_at": rfc3339(row.created_at), "blocked_by": row.created_by})


@router.post("/devices/{site}/{device}/block", response={204: None})
async def block(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """Take nothing any more that is published under this key, nor from devices behind it. Needs the role admin.

    What comes is rejected, with the reason ``blocked``. A device that is there stays as it is; a deleted one does not
    come back.
    """
    return await _set_blocked(request, f"{site}/{device}", blocked=True)


@router.delete("/devices/{site}/{device}/block", response={204: None})
async def unblock(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """Take again what is published under this key. Needs the role admin."""
    return await _set_blocked(request, f"{site}/{device}", blocked=False)


async def _set_blocked(request: HttpRequest, key: str, *, blocked: bool) -> HttpResponse:
    who = access(request)
    who.require("devices.delete", key)
    if not is_device_key(key):
        raise BadRequestError(f"{key[:200]!r} is no key of a device")
    await deletion.block_key(key, who.actor, blocked=blocked)
    return HttpResponse(status=204)
