"""Mappings behind the interface of all dialects. Topics are routed by :class:`Mappings`, in the gateway alone."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from bridge import descriptions
from bridge.dialects.dialect import (
    Command,
    Filter,
    Reading,
    Refused,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms import senml
from bridge.dialects.forms.names import key_part
from bridge.dialects.mapping.patterns import DEVICE, PatternTree, disjoint, topic_filter
from bridge.dialects.mapping.payloads import values_of
from bridge.dialects.mapping.rules import Field, Rule
from bridge.json_limits import MalformedError
from bridge.json_values import MAX_NAME_CHARS, Sieve
from bridge.messages import Delivery
from bridge.observations import Cleared, Described, RawReading, Telemetry

NAME: Final = "mapping"
_MOST_PROPERTIES: Final = 200


class Mappings:
    """The rules that a gateway routes by. Immutable.

    Args:
        rules: without fault; those that are off are left out. Of two with one shape the first counts.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: Final = tuple(rule for rule in rules if rule.enabled)
        self._tree: Final = PatternTree(self.rules)
        self._written: Final[dict[str, str]] = {}  # by pattern
        for rule in self.rules:
            self._written.setdefault(rule.pattern, msgspec.json.encode(rule).decode())

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What to subscribe to: nothing comes by two of them."""
        return tuple(Filter(one) for one in disjoint(topic_filter(rule.pattern) for rule in self.rules))

    def topics(self, key: str, name: str) -> list[str]:
        """The topic filters of what a device says.

        Args:
            key: the device's.
            name: as it stands in topics; empty: unknown.
        """
        site, _, part = key.partition("/")
        found = []
        for rule in self.rules:
            called = (name or part) if DEVICE in rule.pattern.split("/") else rule.device
            if rule.site == site and key_part(called) == part:
                found.append(topic_filter(rule.pattern.replace(DEVICE, called)))
        return found

    def route(self, topic: str) -> Route | None:
        """Whose topic it is, by which rule; None: by none. The rule travels with the delivery."""
        bound = self._tree.find(topic)
        if bound is None:
            return None
        device = bound.device or bound.rule.device
        metric = bound.metric or bound.rule.metric
        written = self._written[bound.rule.pattern]
        return Route(NAME, f"{bound.rule.site}/{key_part(device)}", written, f"{device}/{metric}")


@lru_cache(maxsize=1_000)
def _read(kind: str) -> Rule:
    return msgspec.json.decode(kind, type=Rule)


class Known(Struct, frozen=True, omit_defaults=True):
    """What rules have said of a device."""

    name: str = ""
    properties: tuple[descriptions.Property, ...] = ()


class MappingDialect(SimpleDialect):
    """Reads what was routed by a rule. It subscribes to nothing by itself: the rules change while it runs."""

    name = NAME
    revision = 1
    state_types = (Known, None)

    def filters(self) -> tuple[Filter, ...]:
        """None of its own."""
        return ()

    def route(self, _topic: str) -> Sorted | None:
        """See :meth:`Mappings.route`; what a device's topics are, too, the rules say."""
        return None

    def example(self, _source: str) -> str:
        """None: nothing is published to such a device."""
        return NAME

    def fresh(self) -> State:
        """See the protocol."""
        return State(Known())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        try:
            rule = _read(delivery.kind)
        except msgspec.MsgspecError:
            return Reading(rejected="unknown_mapping")
        device, _, metric = delivery.detail.partition("/")
        try:
            telemetry, units = read_by(rule, metric, delivery.payload, delivery.received_ms)
        except MalformedError as bad:
            return Reading((Said(delivery.source, bad.malformed),))
        known = _known(state.model, device, rule, metric, units)
        if known is state.model:
            return Reading((Said(delivery.source, telemetry),))
        said = (Said(delivery.source, Described(_description(known))), Said(delivery.source, telemetry))
        return Reading(said, state=State(known))

    def describe(self, state: State, _device: str) -> descriptions.Description | None:
        """See the protocol."""
        return _description(state.model) if state.model.name else None

    def render(self, _state: State, _device: str, _command: Command, _now_ms: int) -> Rendered | Refused:
        """Rules only read."""
        return Refused("unknown_command", "a device that is read by a mapping takes no commands")


def read_by(rule: Rule, metric: str, payload: bytes, received_ms: int) -> tuple[Telemetry, dict[str, str]]:
    """What a payload says by a rule, and the units that it says itself, by metric.

    Raises:
        MalformedError: it isn't what the rule says.
    """
    sieve = Sieve(len(payload))
    if rule.payload == "senml":
        pack = senml.read(payload, received_ms, sieve)
        return Telemetry(pack.readings, sieve.notes), pack.units
    metrics = sieve.flattened(values_of(rule, metric, payload))
    return Telemetry((RawReading(None, metrics),) if metrics else (), sieve.notes), {}


def _known(before: Known, device: str, rule: Rule, metric: str, units: dict[str, str]) -> Known:
    """What is known of a device once a rule has been used; the same object when that is nothing new."""
    by_name = {one.metric: one for one in before.properties}
    said = (
        *described(rule, metric),
        *(descriptions.Property(name, kind="number", unit=unit) for name, unit in units.items()),
    )
    new = [one for one in said if by_name.get(one.metric) != one]
    if not new and before.name:
        return before
    by_name |= {one.metric: one for one in new}
    return Known(device[:MAX_NAME_CHARS], tuple(by_name.values())[:_MOST_PROPERTIES])


def described(rule: Rule, metric: str) -> Sequence[descriptions.Property]:
    """The properties of which a rule knows something."""
    if rule.payload in ("number", "text"):
        return (_property(metric, rule, is_number=rule.payload == "number"),)
    prefix = f"{metric}." if metric else ""
    return tuple(
        _property(prefix + one.metric, one, is_number=is_number)
        for one in rule.fields
        if (is_number := rule.payload == "struct" or bool(one.unit) or one.scale != 1) or one.label
    )


def _property(metric: str, of: Field | Rule, *, is_number: bool) -> descriptions.Property:
    kind: Any = "number" if is_number else "text"
    words = of.words if isinstance(of, Rule) else {}
    if words and all(isinstance(one, bool) for one in words.values()):
        kind = "boolean"
    return descriptions.Property(metric[:MAX_NAME_CHARS], of.label, kind, of.unit)


def _description(known: Known) -> descriptions.Description:
    return descriptions.Description(name=known.name, properties=known.properties, origin="mapping", dialect=NAME)
