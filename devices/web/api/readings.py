"""A device's history: readings in rev order or the newest first, events with the newest first."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from msgspec import Raw, Struct
from ninja import Query, Router

from devices import models
from devices.history.series import with_metrics
from devices.requests.refusals import NotFoundError
from devices.web.api.devices import visible_device
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from devices.web.api.schemas import EventPage, ReadingPage
from devices.web.api.security import access
from devices.web.api.times import parse_ms, rfc3339_of_ms

router = Router(tags=["readings"])

_Order = Literal["rev", "newest"]
_decode = msgspec.json.Decoder().decode


class _Row(Struct, frozen=True):
    """A stored reading. Not a model's instance, nor its metrics decoded: a day at 1 Hz has 86,400 of them."""

    rev: int
    ts: int
    received_ms: int
    metrics: str  # JSON
    clamped: bool


class _EventRow(Struct, frozen=True):
    """A stored event; its data not decoded."""

    rev: int
    name: str
    data: str  # JSON
    ts: int


@router.get("/devices/{site}/{device}/readings", response=ReadingPage)
def list_readings(
    request: HttpRequest,
    site: str,
    device: str,
    metric: Annotated[list[str], Query([], description="only these metrics; may be given several times")],
    since: Annotated[str | None, Query(None, description="ts from here on: Unix ms or RFC 3339")],
    until: Annotated[str | None, Query(None, description="ts before this: Unix ms or RFC 3339")],
    after_rev: Annotated[int | None, Query(None, description="only what came after this rev")],
    order: Annotated[_Order, Query("rev", description="as they came, or by ts, the newest first")],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """Readings within the retention time, in the order in which they came; for charts the newest ``ts`` first.

    Nothing after ``purged_rev`` is missing: who continues from an older ``after_rev`` has a gap.
    """
    owner = visible_device(access(request), f"{site}/{device}", "devices.read")
    rows = with_metrics(models.Reading.objects.filter(device=owner), metric)
    if since is not None:
        rows = rows.filter(ts__gte=parse_ms("since", since))
    if until is not None:
        rows = rows.filter(ts__lt=parse_ms("until", until))
    if after_rev is not None:
        rows = rows.filter(rev__gt=after_rev)
    rows, cursor_after = _ordered(rows, order, cursor)
    texts = rows.annotate(text=Cast("metrics", TextField()))
    found = [_Row(*row) for row in texts.values_list("rev", "ts", "received_ms", "text", "clamped")[: limit + 1]]
    return page(found, limit, lambda row: _json(row, metric), cursor_after, purged_rev=_purged_rev(owner))


def _ordered(
    rows: QuerySet[models.Reading], order: _Order, cursor: str | None
) -> tuple[QuerySet[models.Reading], Callable[[_Row], str]]:
    """The readings in that order from a cursor on; how the cursor after one is written."""
    if order == "newest":
        if cursor is not None:
            ts, rev = decode_cursor("newest readings", cursor, [int, int])
            rows = rows.filter(Q(ts__lt=ts) | Q(rev__lt=rev), ts__lte=ts)
        return rows.order_by("-ts", "-rev"), lambda row: encode_cursor("newest readings", row.ts, row.rev)
    if cursor is not None:
        rows = rows.filter(rev__gt=decode_cursor("readings", cursor, [int])[0])
    return rows.order_by("rev"), lambda row: encode_cursor("readings", row.rev)


def _purged_rev(device: models.Device) -> int:
    """Read after the rows: what has a higher rev was there when they were read.

    Raises:
        NotFoundError: the device was deleted meanwhile.
    """
    found = models.Twin.objects.filter(pk=device.pk).values_list("purged_rev", flat=True).first()
    if found is None:
        raise NotFoundError(f"there is no device {device.key}")
    return found


def _json(row: _Row, names: list[str]) -> dict[str, Any]:
    return {
        "rev": row.rev,
        "ts": row.ts,
        "received_at": rfc3339_of_ms(row.received_ms),
        "metrics": _some(row.metrics, names) if names else Raw(row.metrics),
        "clamped": row.clamped,
    }


def _some(metrics: str, names: list[str]) -> dict[str, Any]:
    known = _decode(metrics)
    return {name: known[name] for name in names if name in known}


@router.get("/devices/{site}/{device}/events", response=EventPage)
def list_events(
    request: HttpRequest,
    site: str,
    device: str,
    name: Annotated[str | None, Query(None)],
    since: Annotated[str | None, Query(None, description="ts from here on: Unix ms or RFC 3339")],
    until: Annotated[str | None, Query(None, description="ts before this: Unix ms or RFC 3339")],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """Events within the retention time, the newest (by rev) first."""
    rows = models.Event.objects.filter(device=visible_device(access(request), f"{site}/{device}", "devices.read"))
    if name is not None:
        rows = rows.filter(name=name)
    if since is not None:
        rows = rows.filter(ts__gte=parse_ms("since", since))
    if until is not None:
        rows = rows.filter(ts__lt=parse_ms("until", until))
    if cursor is not None:
        rows = rows.filter(rev__lt=decode_cursor("events", cursor, [int])[0])
    texts = rows.annotate(text=Cast("data", TextField())).order_by("-rev")
    found = [_EventRow(*row) for row in texts.values_list("rev", "name", "text", "ts")[: limit + 1]]
    return page(found, limit, _event_json, lambda row: encode_cursor("events", row.rev))


def _event_json(row: _EventRow) -> dict[str, Any]:
    return {"rev": row.rev, "name": row.name, "data": Raw(row.data), "ts": row.ts}
