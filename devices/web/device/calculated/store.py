"""Calculated metrics kept: checked, written, taken from a file."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Max, Q, TextField
from django.db.models.functions import Cast
from msgspec import json

from devices.models import CalculatedMetric, Installation, Twin
from devices.requests.refusals import BadRequestError, ConflictError
from devices.rules.described.calculated import Calculated, as_json, calculated_of
from devices.rules.described.descriptions import load as load_description
from devices.rules.twin import load, upgraded
from devices.web.alerts.store import tell
from devices.web.auth import Access
from runtime.database_clock import unix_ms

MOST: Final = 500


def checked(value: Any) -> Calculated:
    """One that may be kept.

    Raises:
        BadRequestError: what is wrong with it.
    """
    try:
        return calculated_of(value)
    except ValueError as error:
        raise BadRequestError(str(error)) from None


def site_of(calculated: Calculated) -> str:
    """The site whose matter it is; "": all sites'."""
    sites = {key.partition("/")[0] for key in calculated.scope.devices}
    return calculated.scope.site or (sites.pop() if len(sites) == 1 else "")


def visible(who: Access) -> Q:
    """Those that somebody may see: of their sites, and of all."""
    return Q() if who.sees_all else Q(site__in=["", *who.sites])


def save(calculated: Calculated, actor: str, row: CalculatedMetric | None = None) -> CalculatedMetric:
    """Keep one, in place of another if ``row`` is given.

    Raises:
        ConflictError: a device sends that metric itself; there is another of its name and scope; there are too many.
    """
    with transaction.atomic():
        Installation.objects.select_for_update().first()  # one at a time
        row = _write(calculated, actor, row)
    tell()
    return row


def delete(row: CalculatedMetric) -> None:
    """Calculate it no longer; what it has come to stays."""
    row.delete()
    tell()


def load_all(values: Iterable[Any], actor: str, *, replace: bool) -> tuple[int, int]:
    """Keep those of a file, each in place of the one with its site and metric, if it says anything else. All or none.

    Returns:
        How many were changed, and how many others deleted (with ``replace``).

    Raises:
        BadRequestError, ConflictError: as :func:`checked` and :func:`save`.
    """
    those = [checked(value) for value in values]
    wanted = {(site_of(one), one.metric): one for one in those}
    if len(wanted) < len(those):
        raise BadRequestError("two have the same metric, at the same site")
    with transaction.atomic():
        Installation.objects.select_for_update().first()
        rows = {(row.site, row.metric): row for row in CalculatedMetric.objects.order_by("-pk")}
        gone = [row.pk for place, row in rows.items() if place not in wanted] if replace else []
        CalculatedMetric.objects.filter(pk__in=gone).delete()
        changed = 0
        for place, one in wanted.items():
            row = rows.get(place)
            if row is None or row.calculated != as_json(one):
                _write(one, actor, row)
                changed += 1
    tell()
    return changed, len(gone)


def _write(calculated: Calculated, actor: str, row: CalculatedMetric | None) -> CalculatedMetric:
    others = CalculatedMetric.objects.exclude(pk=row.pk if row else 0)
    if row is None and others.count() >= MOST:
        raise ConflictError(f"there are {MOST} calculated metrics, which is the most; delete one first")
    value = as_json(calculated)
    if any(one.calculated["scope"] == value["scope"] for one in others.filter(metric=calculated.metric)):
        raise ConflictError(f"{calculated.metric} is calculated at the same devices already")
    if calculated.enabled and (key := next(_senders(calculated), None)):
        raise ConflictError(
            f"{key} sends {calculated.metric} itself: give it another name, or remove the device's metric"
        )
    if row is None:
        row = CalculatedMetric(created_by=actor)
    else:
        row.version += 1
    row.metric, row.site, row.calculated, row.changed_by = calculated.metric, site_of(calculated), value, actor
    newest = CalculatedMetric.objects.aggregate(newest=Max("changed_ms"))["newest"] or 0
    row.changed_ms = max(unix_ms(), int(newest) + 1)
    row.save()
    return row


def _senders(calculated: Calculated) -> Iterator[str]:
    """Devices in its scope that send such a metric themselves."""
    scope, name = calculated.scope, json.encode(calculated.metric).decode()
    twins = Twin.objects.annotate(text=Cast("doc", TextField())).filter(text__contains=name)
    if scope.site is not None:
        twins = twins.filter(device__site__name=scope.site)
    if scope.devices:
        twins = twins.filter(device__key__in=scope.devices)
    rows = twins.annotate(said=Cast("device__description__doc", TextField()), key=F("device__key"))
    for key, text, said in rows.values_list("key", "text", "said").iterator():
        twin = load(upgraded(text))
        if calculated.metric not in twin.metrics or calculated.metric in twin.calculated:
            continue
        if scope.covers(key, twin.tags, partial(_model, said)):
            yield key


def _model(said: str | None) -> str:
    return str(load_description(said).value.get("model", "")) if said else ""
