"""The operations of calculated metrics. Who sees a site sees its; they are its admins' to change."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices import models
from devices.requests.refusals import ForbiddenError, NotFoundError
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import ALL_SITES, Access
from devices.web.device.calculated import schemas, store
from devices.web.device.calculated.preview import preview

router = Router(tags=["calculated metrics"])


@router.get("/calculated-metrics", response=schemas.CalculatedList)
def list_calculated_metrics(request: HttpRequest) -> HttpResponse:
    """What is calculated: all of the sites that you may see, and of all sites."""
    rows = models.CalculatedMetric.objects.filter(store.visible(access(request))).order_by("pk")
    return json_response({"items": [_json(row) for row in rows], "next": None})


@router.post("/calculated-metrics", response={201: schemas.CalculatedOut})
def create_calculated_metric(request: HttpRequest, payload: schemas.CalculatedIn) -> HttpResponse:
    """Calculate a metric from now on. 409: a device sends it itself. Needs the role admin at its site, or at all."""
    who, calculated = access(request), store.checked(written(payload))
    _require(who, store.site_of(calculated))
    return json_response(_json(store.save(calculated, str(who.actor))), HTTPStatus.CREATED)


@router.post("/calculated-metrics/preview", response=schemas.Preview)
def preview_calculated_metric(request: HttpRequest, payload: schemas.PreviewIn) -> HttpResponse:
    """What it would have come to at a device, by what is stored. 429: two previews run already."""
    who = access(request)
    calculated = store.checked(written(payload.calculated))
    device = models.Device.objects.filter(who.device_filter(), key=payload.device).first()
    if device is None:
        raise NotFoundError(f"there is no device {payload.device}")
    return json_response(preview(calculated, device, payload.since, payload.until))


@router.get("/calculated-metrics/{int:calculated_id}", response=schemas.CalculatedOut)
def get_calculated_metric(request: HttpRequest, calculated_id: int) -> HttpResponse:
    """One of them. Its version is the ETag."""
    return _answer(_row(access(request), calculated_id))


@router.put("/calculated-metrics/{int:calculated_id}", response=schemas.CalculatedOut)
def replace_calculated_metric(request: HttpRequest, calculated_id: int, payload: schemas.CalculatedIn) -> HttpResponse:
    """Calculate something else in its place, from now on. What it has come to stays."""
    who = access(request)
    row, calculated = _row(who, calculated_id), store.checked(written(payload))
    _require(who, row.site)
    _require(who, store.site_of(calculated))
    return _answer(store.save(calculated, str(who.actor), row))


@router.delete("/calculated-metrics/{int:calculated_id}", response={204: None})
def delete_calculated_metric(request: HttpRequest, calculated_id: int) -> HttpResponse:
    """Calculate it no longer. What it has come to stays, as a metric that nobody sends."""
    who = access(request)
    row = _row(who, calculated_id)
    _require(who, row.site)
    store.delete(row)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def written(payload: schemas.CalculatedIn) -> dict[str, Any]:
    """One as it was meant: what is null or left out is not said."""
    return payload.model_dump(exclude_none=True)


def _require(who: Access, site: str) -> None:
    if not who.may("alerts.manage", site or ALL_SITES):
        where = f"site {site}" if site else "all sites"
        raise ForbiddenError(f"this needs the role admin at {where}")


def _row(who: Access, calculated_id: int) -> models.CalculatedMetric:
    row = models.CalculatedMetric.objects.filter(store.visible(who), pk=calculated_id).first()
    if row is None:
        raise NotFoundError("there is no such calculated metric")
    return row


def _answer(row: models.CalculatedMetric) -> HttpResponse:
    return json_response(_json(row), ETag=f'"{row.version}"')


def _json(row: models.CalculatedMetric) -> dict[str, Any]:
    made = {"created_at": rfc3339(row.created_at), "created_by": row.created_by, "changed_by": row.changed_by}
    return {"id": row.pk, "version": row.version, **row.calculated, **made}
