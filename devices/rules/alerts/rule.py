"""What an alert rule says, how it is written, and why one can't be. docs/alerts.md."""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import cached_property
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.json_values import MAX_NAME_CHARS
from bridge.names import is_device_key, is_name
from devices.rules.alerts.schedule import Calendar, Schedule, schedule_fault
from devices.rules.described import expressions
from devices.rules.described.expressions import Expression
from devices.rules.twin import Status

Severity = Literal["info", "warning", "critical"]  # the least first
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
Kind = Literal["above", "below", "rate", "no_data", "presence", "event", "expression"]

EVENT_FIRES_S: Final = 300  # how long an event's alert goes on without another, if the rule does not say
_MOST_S: Final = 31 * 86_400
_MOST_NAMES: Final = 1_000
_MOST_CHARS: Final = 200
_MOST_RAISES: Final = 100
_KINDS: Final[dict[str, Kind]] = {
    "above": "above", "below": "below", "rate_above": "rate", "no_data_s": "no_data", "presence": "presence",
    "event": "event", "expression": "expression",
}  # fmt: skip
_WITH: Final[dict[Kind, frozenset[str]]] = {  # what a condition of a kind may say besides
    "above": frozenset({"metric", "clear_below"}),
    "below": frozenset({"metric", "clear_above"}),
    "rate": frozenset({"metric"}),
    "no_data": frozenset({"metric"}),
    "presence": frozenset(),
    "event": frozenset({"clear_event"}),
    "expression": frozenset(),
}


class Scope(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose devices. What is left out does not narrow; what is given does, each of it."""

    site: str | None = None
    tags: tuple[str, ...] = ()  # devices that have one of them
    model: str | None = None  # as their description says
    devices: tuple[str, ...] = ()  # keys

    def covers(self, key: str, tags: Iterable[str], model: Callable[[], str]) -> bool:
        """Whether a device is among them; its model is asked for only if that matters."""
        if self.site is not None and key.partition("/")[0] != self.site:
            return False
        if self.devices and key not in self.devices:
            return False
        if self.tags and not any(tag in self.tags for tag in tags):
            return False
        return self.model is None or model() == self.model


class Condition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, dict=True):
    """When it holds, and when it does so no longer. Exactly one of the first seven is given."""

    above: float | UnsetType = UNSET
    below: float | UnsetType = UNSET
    rate_above: float | UnsetType = UNSET  # a second
    no_data_s: int | UnsetType = UNSET
    presence: Status | tuple[Status, ...] | UnsetType = UNSET
    event: str | UnsetType = UNSET
    expression: str | UnsetType = UNSET
    metric: str | UnsetType = UNSET
    clear_below: float | UnsetType = UNSET  # of above; left out: at the threshold or below
    clear_above: float | UnsetType = UNSET  # of below
    clear_event: str | UnsetType = UNSET  # of event; left out: when no other has come for keep_firing_s

    @cached_property
    def kind(self) -> Kind:
        """Of what kind it is."""
        return next(kind for name, kind in _KINDS.items() if getattr(self, name) is not UNSET)

    @cached_property
    def statuses(self) -> tuple[Status, ...]:
        """Of a presence: which."""
        return (self.presence,) if isinstance(self.presence, str) else self.presence or ()

    @cached_property
    def parsed(self) -> Expression:
        """Of an expression. Raises ValueError."""
        return expressions.parse(str(self.expression))

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The metrics that it is about; empty: none, or any."""
        if self.kind == "expression":
            return self.parsed.metrics
        return frozenset({self.metric}) if isinstance(self.metric, str) else frozenset()


class Flap(Struct, frozen=True, forbid_unknown_fields=True):
    """After so many raises within so many seconds, the next one stays, and counts, until that long none has come."""

    count: int = 5
    within_s: int = 600


class Rule(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A rule as it is written."""

    name: str
    condition: Condition
    scope: Scope = Scope()
    for_s: int = 0  # how long it must hold
    keep_firing_s: int = 0  # how long it must not hold any more
    severity: Severity = "warning"
    enabled: bool = True
    flap: Flap | None = Flap()
    schedule: Schedule | None = None
    note: str = ""  # for who gets the alert

    @cached_property
    def keep_firing_ms(self) -> int:
        """Of an event that nothing clears, some time at least: it is over as soon as it has happened."""
        fires_s = EVENT_FIRES_S if self.condition.kind == "event" and self.condition.clear_event is UNSET else 0
        return 1000 * (self.keep_firing_s or fires_s)


class TimedRule(Struct, frozen=True):
    """A rule, and the times of its schedule. What :mod:`devices.rules.alerts.steps` goes by."""

    rule: Rule
    calendar: Calendar | None = None  # None: always


def rule_of(value: Any, zone_of: Callable[[str], tzinfo]) -> TimedRule:
    """A rule from JSON.

    Args:
        value: as it was sent.
        zone_of: a time zone by its name; raises ValueError if there is none.

    Raises:
        ValueError: what is wrong with it, and where.
    """
    try:
        rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if fault := _fault(rule):
        raise ValueError(fault)
    if rule.schedule is None:
        return TimedRule(rule)
    try:
        return TimedRule(rule, Calendar(rule.schedule, zone_of(rule.schedule.time_zone)))
    except ValueError as error:
        raise ValueError(f"schedule: time_zone: {error}") from None


def as_json(rule: Rule) -> dict[str, Any]:
    """All that it says, with what was left out as it is meant."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rule))
    return found


def _fault(rule: Rule) -> str:
    if not (rule.name.strip() and len(rule.name) <= _MOST_CHARS and rule.name.isprintable()):
        return f"name: 1 to {_MOST_CHARS} characters"
    if len(rule.note) > 10 * _MOST_CHARS:
        return f"note: at most {10 * _MOST_CHARS} characters"
    if not (0 <= rule.for_s <= _MOST_S and 0 <= rule.keep_firing_s <= _MOST_S):
        return f"for_s, keep_firing_s: 0 to {_MOST_S} seconds"
    if rule.flap and not (1 <= rule.flap.count <= _MOST_RAISES and 1 <= rule.flap.within_s <= _MOST_S):
        return f"flap: count 1 to {_MOST_RAISES}, within_s 1 to {_MOST_S}"
    if rule.schedule and (fault := schedule_fault(rule.schedule)):
        return f"schedule: {fault}"
    return scope_fault(rule.scope) or _condition_fault(rule)


def scope_fault(scope: Scope) -> str:
    """What is wrong with it; empty: nothing."""
    if scope.site is not None and not is_name(scope.site):
        return "scope: site: 1 to 64 of A-Z a-z 0-9 _ - . :"
    if len(scope.tags) > _MOST_NAMES or not all(map(is_name, scope.tags)):
        return f"scope: tags: at most {_MOST_NAMES}, each 1 to 64 of A-Z a-z 0-9 _ - . :"
    if len(scope.devices) > _MOST_NAMES or not all(map(is_device_key, scope.devices)):
        return f"scope: devices: at most {_MOST_NAMES} keys site/device"
    if scope.site is not None and any(key.partition("/")[0] != scope.site for key in scope.devices):
        return f"scope: devices: all of them at the site {scope.site}"
    if scope.model is not None and not 0 < len(scope.model) <= _MOST_CHARS:
        return f"scope: model: 1 to {_MOST_CHARS} characters"
    return ""


def _condition_fault(rule: Rule) -> str:
    condition = rule.condition
    given = [name for name in condition.__struct_fields__ if getattr(condition, name) is not UNSET]
    kinds = [name for name in given if name in _KINDS]
    if len(kinds) != 1:
        return f"condition: exactly one of {', '.join(_KINDS)}"
    kind = condition.kind
    if odd := set(given) - set(kinds) - _WITH[kind]:
        return f"condition: {', '.join(sorted(odd))}: not with {kinds[0]}"
    if kind in ("above", "below", "rate") and condition.metric is UNSET:
        return f"condition: metric: {kinds[0]} needs one"
    if isinstance(condition.metric, str) and not 0 < len(condition.metric) <= MAX_NAME_CHARS:
        return f"condition: metric: 1 to {MAX_NAME_CHARS} characters"
    if kind == "event" and rule.for_s:
        return "for_s: an event has no duration"
    fault = _value_fault(condition)
    return f"condition: {fault}" if fault else ""


def _value_fault(condition: Condition) -> str:
    match condition:
        case Condition(above=float() as above, clear_below=float() as clear) if clear > above:
            return "clear_below: not over above"
        case Condition(below=float() as below, clear_above=float() as clear) if clear < below:
            return "clear_above: not under below"
        case Condition(no_data_s=int() as no_data_s) if not 1 <= no_data_s <= _MOST_S:
            return f"no_data_s: 1 to {_MOST_S}"
        case Condition(presence=str() | tuple()) if not condition.statuses or "unknown" in condition.statuses:
            return "presence: online, offline or stale, or several of them; what is unknown raises nothing"
    if any(isinstance(name, str) and not is_name(name) for name in (condition.event, condition.clear_event)):
        return "event: 1 to 64 of A-Z a-z 0-9 _ - . :"
    if condition.kind == "expression":
        try:
            _ = condition.parsed
        except ValueError as error:
            return f"expression: {error}"
    return ""
