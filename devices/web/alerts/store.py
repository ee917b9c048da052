"""Keeps alert rules, and tells the workers. Synchronous; also for the command load_alert_rules."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from bridge.messages import RequestStored
from devices.models import AlertRule, AlertRuleVersion, Installation
from devices.requests.alert_rules import read_rule
from devices.requests.nudges import nudge
from devices.requests.refusals import BadRequestError, ConflictError
from devices.rules.alerts.rule import Rule, as_json
from devices.web.auth import Access
from runtime.database_clock import unix_ms

MOST: Final = 2_000
MOST_VERSIONS: Final = 100  # of a rule
_JUDGES: Final = ("condition", "for_s", "keep_firing_s", "flap", "schedule", "enabled")  # what its progress depends on


def checked(value: Any) -> Rule:
    """A rule that may be kept.

    Raises:
        BadRequestError: what is wrong with it.
    """
    try:
        return read_rule(value).rule
    except ValueError as error:
        raise BadRequestError(str(error)) from None


def site_of(rule: Rule) -> str:
    """The site whose matter the rule is; "": all sites'."""
    sites = {key.partition("/")[0] for key in rule.scope.devices}
    return rule.scope.site or (sites.pop() if len(sites) == 1 else "")


def visible(who: Access) -> Q:
    """The rules that somebody may see: those of their sites, and those of all."""
    return Q() if who.sees_all else Q(site__in=["", *who.sites])


def save(rule: Rule, actor: str, row: AlertRule | None = None) -> AlertRule:
    """Keep a rule, in place of another if ``row`` is given.

    Raises:
        ConflictError: there are too many.
    """
    with transaction.atomic():
        Installation.objects.select_for_update().first()  # one at a time
        row = _write(rule, actor, row)
    tell()
    return row


def delete(row: AlertRule) -> None:
    """Judge by it no longer."""
    row.delete()
    tell()


def tell() -> None:
    """Tell the workers that rules have changed. One that isn't reached looks by itself within about a second."""
    async_to_sync(_nudge_all)()


async def _nudge_all() -> None:
    await asyncio.gather(*(nudge(RequestStored(shard, 0, "")) for shard in range(settings.DEVICES.shards)))


def _write(rule: Rule, actor: str, row: AlertRule | None) -> AlertRule:
    if row is None and AlertRule.objects.count() >= MOST:
        raise ConflictError(f"there are {MOST} alert rules, which is the most; delete one first")
    value = as_json(rule)
    if row is None:
        row = AlertRule(created_by=actor)
    else:
        row.version += 1
        if any(row.rule.get(name) != value[name] for name in _JUDGES):
            row.judged_as = row.version
    row.name, row.site, row.rule, row.changed_by, row.changed_ms = rule.name, site_of(rule), value, actor, _next_ms()
    row.save()
    AlertRuleVersion.objects.create(number=row.pk, version=row.version, rule=value, author=actor)
    AlertRuleVersion.objects.filter(number=row.pk, version__lte=row.version - MOST_VERSIONS).delete()
    return row


def _next_ms() -> int:
    newest = AlertRule.objects.aggregate(newest=Max("changed_ms"))["newest"] or 0
    return max(unix_ms(), int(newest) + 1)


def load(values: Iterable[Any], actor: str, *, replace: bool) -> tuple[int, int]:
    """Keep rules of a file: each in place of the one with its site and name, if it says anything else. All or none.

    Returns:
        How many were changed, and how many others deleted (with ``replace``).

    Raises:
        BadRequestError, ConflictError: as :func:`checked` and :func:`save`.
    """
    rules = [checked(value) for value in values]
    wanted = {(site_of(rule), rule.name): rule for rule in rules}
    if len(wanted) < len(rules):
        raise BadRequestError("two rules have the same name, at the same site")
    with transaction.atomic():
        Installation.objects.select_for_update().first()
        rows = {(row.site, row.name): row for row in AlertRule.objects.order_by("-pk")}
        gone = [row.pk for place, row in rows.items() if place not in wanted] if replace else []
        AlertRule.objects.filter(pk__in=gone).delete()
        changed = 0
        for place, rule in wanted.items():
            row = rows.get(place)
            if row is None or row.rule != as_json(rule):
                _write(rule, actor, row)
                changed += 1
    tell()
    return changed, len(gone)
