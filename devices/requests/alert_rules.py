"""Alert rules as they are stored: read by the workers, checked by whoever writes them."""

from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db.models import Count, Max
from msgspec import Struct

from devices.models import AlertRule
from devices.rules.alerts.rule import TimedRule, rule_of

log = structlog.get_logger(__name__)


class KnownRule(Struct, frozen=True):
    """One that is enabled."""

    number: int  # AlertRule.pk
    judged_as: int
    timed: TimedRule


def read_rule(value: Any) -> TimedRule:
    """A rule from JSON.

    Raises:
        ValueError: what is wrong with it.
    """
    return rule_of(value, _zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a path, a text that is none, or a zone that nobody knows
        raise ValueError(f"{name[:64]!r} is no time zone") from None


def stamp() -> tuple[int, int]:
    """Another one whenever a rule has come, gone or changed. One query, of an index."""
    found = AlertRule.objects.aggregate(count=Count("pk"), newest=Max("changed_ms"))
    return found["count"], found["newest"] or 0


def enabled_rules() -> tuple[KnownRule, ...]:
    """The oldest first; one that this release can't read is left out. One query."""
    found = []
    for number, judged_as, value in AlertRule.objects.order_by("pk").values_list("pk", "judged_as", "rule"):
        try:
            timed = read_rule(value)
        except ValueError as error:
            log.warning("an alert rule is left out", rule=number, reason=str(error))
            continue
        if timed.rule.enabled:
            found.append(KnownRule(number, judged_as, timed))
    return tuple(found)
