"""Quarantine: messages of known devices, and of sources, whose content was wrong."""

from base64 import b64encode
from typing import Annotated, Any, Final

from asgiref.sync import sync_to_async
from django.db.models import BinaryField, F, Q, QuerySet
from django.db.models.functions import Length, Substr
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from devices import models
from devices.models.registry import DELETED_PREFIX
from devices.requests.ask import ask
from devices.requests.refusals import ConflictError, NotFoundError
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, json_response, page
from devices.web.api.schemas import Quarantined, QuarantinePage, Replayed
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.auth import Access

_PREVIEW_BYTES: Final = 4096

router = Router(tags=["operations"])


@router.get("/quarantine", response=QuarantinePage)
def list_quarantine(
    request: HttpRequest,
    device: Annotated[str | None, Query(None, description="the key of a device or of a source")],
    reason: Annotated[str | None, Query(None)],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """Quarantined messages of the devices and sources that you may see, the newest first."""
    rows = _visible(access(request))
    if device is not None:
        rows = rows.filter(Q(device__key=device) | Q(device=None, source=device))
    if reason is not None:
        rows = rows.filter(reason=reason)
    if cursor is not None:
        rows = rows.filter(pk__lt=decode_cursor("quarantine", cursor, [int])[0])
    found = list(_sized(rows, _PREVIEW_BYTES).order_by("-pk")[: limit + 1])
    return page(found, limit, _json, lambda row: encode_cursor("quarantine", row.pk))


@router.get("/quarantine/{entry_id}", response=Quarantined)
def get_quarantined(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One quarantined message with all that was kept of its payload."""
    row = _sized(_visible(access(request)).filter(pk=entry_id)).first()
    if row is None:
        raise NotFoundError("there is no such quarantined message")
    return json_response(_json(row))


@router.post("/quarantine/{entry_id}/replay", response=Replayed)
async def replay_quarantined(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Carry a quarantined message out once more, as of when it came. Needs the role operator.

    It leaves quarantine when it is applied or rejected; quarantined again, it stays with the new reason, as ``entry``.
    409: only its beginning was kept, or nothing is published on its topic any more.
    """
    who = access(request)
    entry = await sync_to_async(_replayable)(who, entry_id)
    result = await ask(entry.owner, "replay", {"quarantined_id": entry.pk}, actor=who.actor)
    if result["outcome"] == "quarantined":
        still_there = await sync_to_async(_sized(_visible(who).filter(pk=entry_id)).first)()
        result |= {"entry": still_there and _json(still_there)}
    return json_response(result)


@router.delete("/quarantine/{entry_id}", response={204: None})
def delete_quarantined(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Discard a quarantined message. Needs the role operator. The ledger goes on counting it as quarantined."""
    who = access(request)
    entry = _visible(who).defer("payload").filter(pk=entry_id).first()
    if entry is None:
        raise NotFoundError("there is no such quarantined message")
    who.require("quarantine.replay", entry.owner)
    models.Quarantined.objects.filter(pk=entry_id).delete()
    return HttpResponse(status=204)


def _replayable(who: Access, entry_id: int) -> models.Quarantined:
    entry = _visible(who).defer("payload").filter(pk=entry_id).first()
    if entry is None:
        raise NotFoundError("there is no such quarantined message")
    who.require("quarantine.replay", entry.owner)
    if entry.truncated:
        raise ConflictError("only the beginning of this message was kept: it is not replayable")
    return entry


def _visible(who: Access) -> QuerySet[models.Quarantined]:
    there = models.Quarantined.objects.exclude(device__isnull=False, device__key__startswith=DELETED_PREFIX)
    seen = Q() if who.sees_all else who.device_filter("device__") | Q(device=None, site__in=sorted(who.sites))
    return there.select_related("device").filter(seen)


def _sized(rows: QuerySet[models.Quarantined], limit_bytes: int | None = None) -> QuerySet[Any]:
    """With ``size`` in bytes, and ``shown``: the payload or its beginning. (A page of whole ones could be 256 MiB.)"""
    shown = F("payload") if limit_bytes is None else Substr("payload", 1, limit_bytes, output_field=BinaryField())
    return rows.defer("payload").annotate(size=Length("payload"), shown=shown)


def _json(row: Any) -> dict[str, Any]:
    text, encoding = as_text(bytes(row.shown))
    return {
        "id": row.pk,
        "device": row.owner,
        "topic": row.topic,
        "reason": row.reason,
        "detail": row.detail,
        "received_at": rfc3339_of_ms(row.received_ms),
        "qos": row.qos,
        "retain": row.retain,
        "truncated": row.truncated,
        "payload_bytes": row.size,
        "payload": text,
        "encoding": encoding,
    }


def as_text(payload: bytes) -> tuple[str, str]:
    """A payload for JSON, and how it is written: as ``utf-8`` where it is that, else as ``base64``.

    A character cut off at the end of a preview doesn't make it base64.
    """
    try:
        return payload.decode(), "utf-8"
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data" and len(payload) == _PREVIEW_BYTES
        return (payload[: error.start].decode(), "utf-8") if cut_off else (b64encode(payload).decode(), "base64")
