"""The operations of alerts. Who sees a device sees its alerts; what is done to one is done by the device's worker."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from devices import models
from devices.requests.ask import ask
from devices.requests.refusals import BadRequestError, NotFoundError
from devices.rules.alerts.alert import MAX_SNOOZE_MS, Asked, alert_json
from devices.web.alerts import schemas
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, json_response, page, some_at_a_time
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.auth import Access
from runtime.database_clock import unix_ms

router = Router(tags=["alerts"])


@router.get("/alerts", response=schemas.AlertPage)
def list_alerts(
    request: HttpRequest,
    state: Annotated[Literal["firing", "acknowledged", "resolved"] | None, Query(None, description="all, if left out")],
    device: Annotated[str | None, Query(None, description="its key")],
    site: Annotated[str | None, Query(None)],
    rule: Annotated[int | None, Query(None, description="its id")],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """Alerts of the devices that you may see, the newest first."""
    rows = _visible(access(request))
    given = {"state": state, "device": device, "site": site, "rule": rule}
    rows = rows.filter(**{name: value for name, value in given.items() if value is not None})
    if cursor is not None:
        raised_ms, pk = decode_cursor("alerts", cursor, [int, str])
        rows = rows.filter(Q(raised_ms__lt=raised_ms) | Q(raised_ms=raised_ms, pk__lt=_id(pk)))
    found = some_at_a_time(rows.order_by("-raised_ms", "-pk"), limit)
    return page(found, limit, alert_json, lambda row: encode_cursor("alerts", row.raised_ms, str(row.pk)))


@router.get("/alerts/{alert_id}", response=schemas.Alert)
def get_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    """One alert."""
    return json_response(alert_json(_row(access(request), alert_id)))


@router.post("/alerts/{alert_id}/acknowledge", response=schemas.Alert)
async def acknowledge_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    """Say that you see to it. Needs the role operator. Safe to repeat; 409: it is resolved."""
    return await _done(request, alert_id, acknowledge=True)


@router.post("/alerts/{alert_id}/snooze", response=schemas.Alert)
async def snooze_alert(request: HttpRequest, alert_id: str, payload: schemas.SnoozeIn) -> HttpResponse:
    """Hear nothing of it for a while. Needs the role operator. 409: it is resolved."""
    now_ms = unix_ms()
    if (payload.until is None) == (payload.for_s is None):
        raise BadRequestError("until or for_s: say one of them")
    until_ms = payload.until if payload.for_s is None else now_ms + 1000 * payload.for_s
    if until_ms is None or not 0 <= until_ms <= now_ms + MAX_SNOOZE_MS:
        raise BadRequestError("until: at most 31 days from now, in Unix ms")
    return await _done(request, alert_id, snooze_until_ms=until_ms if until_ms > now_ms else 0)


@router.post("/alerts/{alert_id}/comment", response=schemas.Alert)
async def comment_on_alert(request: HttpRequest, alert_id: str, payload: schemas.CommentIn) -> HttpResponse:
    """Say something about it. Needs the role operator. The last 100 comments are kept."""
    return await _done(request, alert_id, comment=payload.text)


@router.post("/alerts/{alert_id}/assign", response=schemas.Alert)
async def assign_alert(request: HttpRequest, alert_id: str, payload: schemas.AssignIn) -> HttpResponse:
    """Say who sees to it. Needs the role operator."""
    return await _done(request, alert_id, assignee=payload.assignee or "")


async def _done(request: HttpRequest, alert_id: str, **what: Any) -> HttpResponse:
    who = access(request)
    row = await sync_to_async(_row)(who, alert_id)
    who.require("alerts.acknowledge", row.device)
    asked = Asked(str(row.pk), rfc3339_of_ms(unix_ms()), **what)
    return json_response(await ask(row.device, "alert", msgspec.to_builtins(asked), actor=who.actor))


def _visible(who: Access) -> QuerySet[models.Alert]:
    rows = models.Alert.objects.all()
    return rows if who.sees_all else rows.filter(site__in=sorted(who.sites))


def _row(who: Access, alert_id: str) -> models.Alert:
    row = _visible(who).filter(pk=_id(alert_id)).first()
    if row is None:
        raise NotFoundError("there is no such alert")
    return row


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError("there is no such alert") from None
