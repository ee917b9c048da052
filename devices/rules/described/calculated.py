"""Metrics that are calculated from others of the same device: what is written of them, and what they come to.

A calculation is made with each reading that has one of its metrics, as of the reading's time: of what the reading does
not say, the latest value counts, unless that is newer than the reading. What can't be known then is unknown.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from bridge.json_limits import text_fault
from bridge.json_values import MAX_NAME_CHARS
from bridge.observations import Scalar
from devices.rules.alerts.rule import Scope, scope_fault
from devices.rules.described.expressions import Expression, parse_value
from devices.rules.described.windows import Samples

Kind = Literal["number", "boolean", "text"]
Latest = Mapping[str, tuple[Scalar, int]]
"""Values by metric, each with its time."""

_MOST_CHARS: Final = 200
_MOST_UNIT_CHARS: Final = 32


class Calculated(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A calculated metric as it is written."""

    metric: str
    expression: str
    scope: Scope = Scope()
    kind: Kind = "number"
    unit: str = ""
    note: str = ""
    enabled: bool = True

    @cached_property
    def parsed(self) -> Expression:
        """Raises ValueError."""
        return parse_value(self.expression)

    def fits(self, value: Scalar) -> bool:
        """Whether a value is of its kind."""
        match self.kind:
            case "boolean":
                return isinstance(value, bool)
            case "text":
                return isinstance(value, str)
        return isinstance(value, int | float) and not isinstance(value, bool)


def calculated_of(value: Any) -> Calculated:
    """One from JSON.

    Raises:
        ValueError: what is wrong with it, and where.
    """
    try:
        found = msgspec.convert(value, Calculated)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    name = found.metric
    if not 0 < len(name) <= MAX_NAME_CHARS or text_fault(name) or name == "ts":
        raise ValueError(f"metric: 1 to {MAX_NAME_CHARS} characters, and not ts")
    if len(found.unit) > _MOST_UNIT_CHARS or len(found.note) > 10 * _MOST_CHARS:
        raise ValueError(f"unit, note: at most {_MOST_UNIT_CHARS} and {10 * _MOST_CHARS} characters")
    if text_fault(found.unit) or text_fault(found.note):
        raise ValueError("unit, note: a character that can't be stored")
    if fault := scope_fault(found.scope):
        raise ValueError(fault)
    try:
        parsed = found.parsed
    except ValueError as error:
        raise ValueError(f"expression: {error}") from None
    if name in parsed.metrics:
        raise ValueError("expression: it names the metric itself")
    return found


def as_json(calculated: Calculated) -> dict[str, Any]:
    """All that it says, with what was left out as it is meant."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(calculated))
    return found


def calculate(
    those: Collection[Calculated],
    ts: int,
    metrics: Mapping[str, Scalar],
    latest: Latest,
    samples: Callable[[str], Samples],
) -> dict[str, Scalar]:
    """What they come to with a reading; null: that is not known. Each sees what those before it came to.

    Args:
        those: of the device.
        ts: the reading's, Unix ms.
        metrics: the reading's.
        latest: the device's; may hold the reading already.
        samples: a metric's for windows, the reading's included; what is calculated is added to its own.
    """
    sampled = {window.metric for one in those for window in one.parsed.windows}
    known = {name: value for name, (value, at) in latest.items() if at <= ts}
    known.update(metrics)
    came, found = set(metrics), dict[str, Scalar]()
    for one in those:
        parsed = one.parsed
        if parsed.metrics.isdisjoint(came):
            continue
        for window in parsed.windows:
            known[window.name] = samples(window.metric).value_of(window, ts)
        value = parsed.value(known)
        found[one.metric] = known[one.metric] = value if one.fits(value) else None
        came.add(one.metric)
        if one.metric in sampled:
            samples(one.metric).add(ts, found[one.metric])
    return found


def spans(those: Iterable[Calculated]) -> dict[str, int]:
    """The longest window of each metric that has any, in ms."""
    longest: dict[str, int] = {}
    for one in those:
        for window in one.parsed.windows:
            longest[window.metric] = max(longest.get(window.metric, 0), window.span_ms)
    return longest
