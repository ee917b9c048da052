"""Keeps mappings. Synchronous; also for the command load_mappings."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from bridge import wire
from bridge.dialects.mapping.dialect import NAME
from bridge.dialects.mapping.patterns import topic_filter
from bridge.dialects.mapping.rules import Rule, conflict, rule_of
from bridge.messages import FiltersChanged
from bridge.names import gateway_channel
from devices.gateways import gateway_status
from devices.models import Installation, Mapping
from devices.requests.refusals import BadRequestError, ConflictError
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

MOST: Final = 500
_NUDGE_S: Final = 2.0


def checked(value: Any) -> Rule:
    """A rule that may be kept.

    Raises:
        BadRequestError: what is wrong with it.
        ConflictError: its topics are another's.
    """
    try:
        rule = rule_of(value)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    spoken = settings.DEVICES.dialects
    taken = [(dialect.name, one) for dialect in spoken if dialect.name for one in _filters_of(dialect)]
    if whose := conflict(rule, settings.DEVICES.topic_root, taken):
        raise ConflictError(f"pattern: these topics are read by {whose}")
    return rule


def _filters_of(dialect: Any) -> Iterable[str]:
    yield from (one.topic_filter for one in dialect.filters())
    yield from dialect.downlinks()


def save(rule: Rule, actor: str, row: Mapping | None = None) -> Mapping:
    """Keep a rule, in place of another if ``row`` is given, and tell the gateways.

    Raises:
        ConflictError: there are too many, or another one has these topics.
    """
    with transaction.atomic():
        row = _write(rule, actor, row)
    nudge()
    return row


def _write(rule: Rule, actor: str, row: Mapping | None) -> Mapping:
    Installation.objects.select_for_update().first()  # one at a time
    others = Mapping.objects.exclude(pk=row.pk) if row else Mapping.objects.all()
    if not row and others.count() >= MOST:
        raise ConflictError(f"there are {MOST} mappings, which is the most; delete one first")
    mine = topic_filter(rule.pattern)
    if any(topic_filter(one.rule["pattern"]) == mine for one in others):
        raise ConflictError("pattern: another mapping has one of this shape")
    row = row or Mapping(created_by=actor)
    row.rule, row.changed_ms = as_json(rule), _next_ms()
    row.save()
    return row


def delete(row: Mapping) -> None:
    """Keep it no longer, and tell the gateways. What was accepted by it is read by it."""
    row.delete()
    nudge()


def _next_ms() -> int:
    newest = Mapping.objects.aggregate(newest=Max("changed_ms"))["newest"] or 0
    return max(unix_ms(), int(newest) + 1)


def as_json(rule: Rule) -> dict[str, Any]:
    """All members of a rule."""
    found = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return {**found, "fields": [{name: getattr(one, name) for name in one.__struct_fields__} for one in rule.fields]}


def nudge() -> None:
    """Tell the gateways that rules have changed. One that isn't reached looks by itself within 30 s."""
    async_to_sync(_tell)([one.key for one in gateway_status().gateways if one.alive])


async def _tell(gateways: Sequence[str]) -> None:
    layer, message = get_channel_layer(), wire.pack(FiltersChanged(0, NAME, ""))
    for gateway in gateways:
        try:
            async with asyncio.timeout(_NUDGE_S):
                await layer.send(gateway_channel(gateway), message)
        except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down
            log.info("a gateway could not be told of changed mappings", gateway=gateway, error=type(error).__name__)


def load(values: Iterable[Any], actor: str, *, replace: bool) -> tuple[int, int]:
    """Keep rules of a file: each in place of the one with its site and pattern. All or none.

    Returns:
        How many were loaded, and how many others deleted (with ``replace``).

    Raises:
        BadRequestError, ConflictError: as :func:`checked` and :func:`save`.
    """
    rules = [checked(value) for value in values]
    with transaction.atomic():
        rows = {(row.rule["site"], row.rule["pattern"]): row for row in Mapping.objects.all()}
        wanted = {(rule.site, rule.pattern) for rule in rules}
        gone = [row.pk for place, row in rows.items() if place not in wanted] if replace else []
        Mapping.objects.filter(pk__in=gone).delete()
        for rule in rules:
            _write(rule, actor, rows.get((rule.site, rule.pattern)))
    nudge()
    return len(rules), len(gone)
