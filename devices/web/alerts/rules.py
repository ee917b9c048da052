"""The operations of alert rules. Who sees a site sees its rules; they are its admins' to change."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices import models
from devices.requests.refusals import ForbiddenError, NotFoundError
from devices.rules.alerts.rule import Rule
from devices.web.alerts import schemas, store
from devices.web.alerts.backtest import backtest
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import ALL_SITES, Access

router = Router(tags=["alerts"])


@router.get("/alert-rules", response=schemas.Rules)
def list_alert_rules(request: HttpRequest) -> HttpResponse:
    """When there are alerts: all rules of the sites that you may see, and those of all sites."""
    rows = models.AlertRule.objects.filter(store.visible(access(request))).order_by("pk")
    return json_response({"items": [_json(row) for row in rows], "next": None})


@router.post("/alert-rules", response={201: schemas.Rule})
def create_alert_rule(request: HttpRequest, payload: schemas.RuleIn) -> HttpResponse:
    """Judge by a new rule, what is known by now included. Needs the role admin at its site, or at all sites."""
    who, rule = access(request), store.checked(written(payload))
    _require(who, store.site_of(rule))
    return json_response(_json(store.save(rule, str(who.actor))), HTTPStatus.CREATED)


@router.post("/alert-rules/backtest", response=schemas.Backtest)
def backtest_alert_rule(request: HttpRequest, payload: schemas.BacktestIn) -> HttpResponse:
    """What alerts a rule would have raised, by what is stored of the devices that you may see. 429: two run already."""
    who = access(request)
    rule: Rule = store.checked(written(payload.rule))
    return json_response(backtest(rule, payload.since, payload.until, who.device_filter("device__")))


@router.get("/alert-rules/{int:rule_id}", response=schemas.Rule)
def get_alert_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """One rule. Its version is the ETag."""
    return _answer(_row(access(request), rule_id))


@router.put("/alert-rules/{int:rule_id}", response=schemas.Rule)
def replace_alert_rule(request: HttpRequest, rule_id: int, payload: schemas.RuleIn) -> HttpResponse:
    """Put another rule in a rule's place. Alerts that fire stay, if it judges as before and covers their devices."""
    who = access(request)
    row, rule = _row(who, rule_id), store.checked(written(payload))
    _require(who, row.site)
    _require(who, store.site_of(rule))
    return _answer(store.save(rule, str(who.actor), row))


@router.delete("/alert-rules/{int:rule_id}", response={204: None})
def delete_alert_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Judge by it no longer. Its alerts that fire are over; all stay in the list."""
    who = access(request)
    row = _row(who, rule_id)
    _require(who, row.site)
    store.delete(row)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@router.get("/alert-rules/{int:rule_id}/versions", response=schemas.Versions)
def list_alert_rule_versions(request: HttpRequest, rule_id: int) -> HttpResponse:
    """What the rule has said, and who said so: the last 100 versions."""
    row = _row(access(request), rule_id)
    rows = models.AlertRuleVersion.objects.filter(number=row.pk).order_by("-version")
    items = [{"version": one.version, "author": one.author, "at": rfc3339(one.at), "rule": one.rule} for one in rows]
    return json_response({"items": items, "next": None})


def written(payload: schemas.RuleIn) -> dict[str, Any]:
    """A rule as it was meant: what is null or left out is not said."""
    given = payload.model_dump(by_alias=True, exclude_none=True)
    return {**given, "flap": None} if payload.flap is None else given


def _require(who: Access, site: str) -> None:
    if not who.may("alerts.manage", site or ALL_SITES):
        where = f"site {site}" if site else "all sites"
        raise ForbiddenError(f"this needs the role admin at {where}")


def _row(who: Access, rule_id: int) -> models.AlertRule:
    row = models.AlertRule.objects.filter(store.visible(who), pk=rule_id).first()
    if row is None:
        raise NotFoundError("there is no such alert rule")
    return row


def _answer(row: models.AlertRule) -> HttpResponse:
    return json_response(_json(row), ETag=f'"{row.version}"')


def _json(row: models.AlertRule) -> dict[str, Any]:
    made = {"created_at": rfc3339(row.created_at), "created_by": row.created_by, "changed_by": row.changed_by}
    return {"id": row.pk, "version": row.version, **row.rule, **made}
