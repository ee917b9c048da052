"""Devices: the registry and the twins."""

from typing import Annotated, Any, Literal

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from msgspec import convert
from ninja import Query, Router, Schema
from pydantic import Field

from devices import models
from devices.requests import deletion
from devices.requests.ask import ask
from devices.requests.refusals import NotFoundError
from devices.rules.capabilities import Capability
from devices.rules.described.descriptions import Kept
from devices.rules.described.silence import MAX_STALE_AFTER_S
from devices.rules.stream import snapshot
from devices.rules.twin import Status, load_value
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, json_response, page, some_at_a_time
from devices.web.api.schemas import Device, DeviceAsOf, DevicePage, DevicePatch, Input, NotePage
from devices.web.api.security import access
from devices.web.api.times import parse_ms, rfc3339, rfc3339_of_ms
from devices.web.auth import Access
from devices.web.device.as_of import device_as_of

router = Router(tags=["devices"])

Seconds = Annotated[int, Field(ge=1, le=MAX_STALE_AFTER_S)]
TagName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-.:]{1,64}$")]


class SiteDefaults(Schema):
    """What holds for a site's devices without a limit of their own."""

    stale_after_s: int | None = Field(description="null: the installation's STALE_AFTER_S")
    tags: dict[str, int] = Field(description="tag → stale_after_s; comes before the site's, of several the longest")


class SiteDefaultsPatch(Input):
    """What is left out stays; null: none."""

    stale_after_s: Seconds | None = None
    tags: dict[TagName, Seconds | None] = Field(default_factory=dict, max_length=100)


@router.get("/devices", response=DevicePage)
def list_devices(
    request: HttpRequest,
    site: Annotated[str | None, Query(None)],
    q: Annotated[str | None, Query(None, description="a part of the key or of the name, upper or lower case")],
    tag: Annotated[str | None, Query(None)],
    status: Annotated[Status | None, Query(None)],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """The devices that you may see, by key."""
    rows = models.Device.objects.select_related("twin", "description").filter(access(request).device_filter())
    rows = selected(rows, site=site, tag=tag, status=status)
    if cursor is not None:
        rows = rows.filter(key__gt=decode_cursor("devices", cursor, [str])[0])
    if q:
        rows = rows.filter(key__in=keys_found(rows, q, limit + 1))
    found = some_at_a_time(rows.order_by("key"), limit)
    return page(found, limit, device_json, lambda row: encode_cursor("devices", row.key))


def selected(
    rows: QuerySet[models.Device], *, site: str | None, tag: str | None, status: str | None
) -> QuerySet[models.Device]:
    """Those of the devices that a filter selects."""
    if site is not None:
        rows = rows.filter(site__name=site)
    if tag is not None:
        rows = rows.filter(pk__in=models.DeviceTag.objects.filter(tag=tag).values("device"))
    if status is not None:
        rows = rows.filter(twin__status=status)
    return rows


def with_part(rows: QuerySet[models.Device], q: str) -> tuple[QuerySet[models.Device], QuerySet[models.Device]]:
    """Those that have ``q`` in their key, and those that have it in their name, in upper or lower case, by key.

    They are two questions, as there is an index for each: for both together a database would read all devices.
    """
    named = models.Description.objects.filter(folded_name__contains=q.casefold()).values("pk")
    return rows.filter(key__icontains=q).order_by("key"), rows.filter(pk__in=named).order_by("key")


def keys_found(rows: QuerySet[models.Device], q: str, most: int | None = None) -> set[str]:
    """The keys of those that have ``q`` in their key or their name; ``most``: at least the first so many, by key."""
    return {key for part in with_part(rows, q) for key in part.values_list("key", flat=True)[:most]}


@router.get("/devices/{site}/{device}", response=Device | DeviceAsOf)
def get_device(
    request: HttpRequest,
    site: str,
    device: str,
    at: Annotated[str | None, Query(None, description="as it was known then: Unix ms or RFC 3339")],
) -> HttpResponse:
    """One device: its entry in the registry, and its twin.

    With `at`: what was known of it at a time within RETENTION_DAYS, but for its readings, even if it was deleted since.
    """
    key, who = f"{site}/{device}", access(request)
    if at is None:
        return json_response(device_json(visible_device(who, key, "devices.read")))
    at_ms = parse_ms("at", at)
    who.require("devices.read", key)
    row = models.Device.objects.select_related("twin", "description").filter(key=key).first()
    twin, kept = (load_value(row.twin.doc), kept_description(row)) if row else (None, None)
    return json_response(device_as_of(key, twin, kept, at_ms))


@router.patch("/devices/{site}/{device}", response=Device)
async def change_device(request: HttpRequest, site: str, device: str, payload: DevicePatch) -> HttpResponse:
    """Change tags or limits. Needs the role admin."""
    key, wanted = f"{site}/{device}", payload.model_dump(exclude_unset=True)
    who = access(request)
    await sync_to_async(visible_device)(who, key, "devices.manage")
    if "tags" in wanted:
        await ask(key, "tags", {"tags": wanted["tags"] or []}, actor=who.actor)
    if "stale_after_s" in wanted:
        await ask(key, "settings", {"stale_after_s": wanted["stale_after_s"]}, actor=who.actor)
    return json_response(device_json(await sync_to_async(visible_device)(who, key, "devices.read")))


@router.get("/sites/{site}/defaults", response=SiteDefaults)
def get_site_defaults(request: HttpRequest, site: str) -> HttpResponse:
    """How long a site's devices may be silent, by default and by tag."""
    return json_response(_defaults(_site(access(request), site, "devices.read")))


@router.patch("/sites/{site}/defaults", response=SiteDefaults)
def change_site_defaults(request: HttpRequest, site: str, payload: SiteDefaultsPatch) -> HttpResponse:
    """Change how long a site's devices may be silent; it holds within 5 s. Needs the role admin."""
    its = _site(access(request), site, "devices.manage")
    wanted = payload.model_dump(exclude_unset=True)
    with transaction.atomic():
        if "stale_after_s" in wanted:
            models.Site.objects.filter(pk=its.pk).update(stale_after_s=wanted["stale_after_s"])
        for tag, limit_s in wanted.get("tags", {}).items():
            if limit_s is None:
                its.tag_defaults.filter(tag=tag).delete()
            else:
                its.tag_defaults.update_or_create(tag=tag, defaults={"stale_after_s": limit_s})
    return json_response(_defaults(models.Site.objects.get(pk=its.pk)))


def _site(who: Access, name: str, capability: Capability) -> models.Site:
    found = models.Site.objects.filter(name=name).first() if who.sees(name) else None
    if found is None:
        raise NotFoundError(f"there is no site {name}")
    who.require(capability, name)
    return found


def _defaults(site: models.Site) -> dict[str, Any]:
    by_tag = site.tag_defaults.order_by("tag").values_list("tag", "stale_after_s")
    return {"stale_after_s": site.stale_after_s, "tags": dict(by_tag)}


@router.delete("/devices/{site}/{device}", response={204: None})
async def delete_device(
    request: HttpRequest,
    site: str,
    device: str,
    retained: Annotated[
        Literal["clear"] | None, Query(None, description="clear: have the broker forget what it retains of the device")
    ],
) -> HttpResponse:
    """Delete a device with its readings, events, commands and quarantine. Needs the role admin.

    What has changed of it stays on record for RETENTION_DAYS.

    It stays deleted, whatever the broker retains of it, until it publishes: then it becomes a new device, if
    BRIDGE_AUTO_REGISTER lets it.
    """
    key = f"{site}/{device}"
    who = access(request)
    await sync_to_async(visible_device)(who, key, "devices.delete")
    await deletion.delete_device(key, who.actor, clear_retained=retained == "clear")
    return HttpResponse(status=204)


@router.get("/devices/{site}/{device}/notes", response=NotePage)
def list_notes(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """What of the device's messages was not taken as it came: the latest kinds, the newest first."""
    twin = load_value(visible_device(access(request), f"{site}/{device}", "devices.read").twin.doc)
    notes = [
        {
            "reason": note.reason,
            "metric": note.metric,
            "count": note.count,
            "sample": note.sample,
            "last_at": rfc3339_of_ms(note.at_ms),
        }
        for note in reversed(twin.notes)
    ]
    return json_response({"items": notes, "next": None})


@router.delete("/devices/{site}/{device}/metrics/{path:name}", response={204: None})
async def remove_metric(request: HttpRequest, site: str, device: str, name: str) -> HttpResponse:
    """Take a metric out of the twin; what was measured stays in the history. Needs the role admin.

    A device that sends it again brings it back.
    """
    key, who = f"{site}/{device}", access(request)
    await sync_to_async(visible_device)(who, key, "devices.manage")
    await ask(key, "metric", {"remove": name}, actor=who.actor)
    return HttpResponse(status=204)


def visible_device(who: Access, key: str, capability: Capability) -> models.Device:
    """A device with its twin, for somebody who needs ``capability`` there.

    Raises:
        NotFoundError: there is none, or its site is not visible.
        ForbiddenError: the role at its site does not allow that.
    """
    who.require("devices.read", key)
    device = models.Device.objects.select_related("twin", "description").filter(key=key).first()
    if device is None:
        raise NotFoundError(f"there is no device {key}")
    who.require(capability, key)
    return device


def kept_description(device: models.Device) -> Kept | None:
    """What was said of what a device is; None: nothing ever was."""
    row: models.Description | None = getattr(device, "description", None)
    return convert(row.doc, Kept) if row else None


def device_json(device: models.Device) -> dict[str, Any]:
    """A device with its twin as clients see it: schemas.Device."""
    twin = load_value(device.twin.doc)
    site, _, name = device.key.partition("/")
    return snapshot(device.key, twin, kept_description(device)) | {
        "site": site,
        "name": name,
        "created_at": rfc3339(device.created_at),
        "stale_after_s": device.stale_after_s,
        "last_seen_at": rfc3339_of_ms(twin.last_seen_ms) if twin.last_seen_ms else None,
    }
