"""Values against what their device is said to be: what is wrong with one. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from bridge.json_values import Notes
from bridge.observations import Note, NoteReason, RawReading, Scalar

ValueFault = Literal["wrong_kind", "out_of_range", "unknown_value"]
_STEP_TOLERANCE: Final = 1e-6  # of a step: 0.3 is no multiple of 0.1 in binary


class Expected(Struct, frozen=True):
    """What is expected of a metric's values."""

    kind: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    values: frozenset[str] | None = None


def expectations(properties: Iterable[Mapping[str, Any]]) -> dict[str, Expected]:
    """What is expected of each metric of a description's properties; those of which anything goes are left out."""
    return {one["metric"]: found for one in properties if (found := expected(one)) is not None}


def expected(one: Mapping[str, Any]) -> Expected | None:
    """What a property says of its values; None: anything goes."""
    kind, values = one.get("kind"), one.get("values")
    if kind == "number":
        return Expected("number", one.get("low"), one.get("high"), one.get("step"))
    if kind == "boolean":
        return Expected("boolean")
    return Expected("enum", values=frozenset(values)) if kind == "enum" and values else None


def fault(value: Any, one: Expected) -> ValueFault | None:
    """What is wrong with a value; None: nothing."""
    if one.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "wrong_kind"
        too_low = one.low is not None and value < one.low
        return "out_of_range" if too_low or (one.high is not None and value > one.high) else None
    if one.kind == "boolean":
        return None if isinstance(value, bool) else "wrong_kind"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "wrong_kind"
    return None if str(value) in (one.values or ()) else "unknown_value"


def off_step(value: float, one: Expected) -> bool:
    """Whether a number is none of the steps from the lowest one."""
    if not one.step:
        return False
    steps = (value - (one.low or 0.0)) / one.step
    return abs(steps - round(steps)) > _STEP_TOLERANCE * max(1.0, abs(steps))


def unexpected(readings: Iterable[RawReading], by_metric: Mapping[str, Expected]) -> tuple[Note, ...]:
    """Notes of the values that are not as expected. A null says nothing, so it is never one."""
    notes = Notes()
    for reading in readings:
        for name, value in reading.metrics.items():
            one = by_metric.get(name)
            if one is not None and value is not None:
                _look(notes, name, value, one)
    return notes.notes


def _look(notes: Notes, name: str, value: Scalar, one: Expected) -> None:
    reason: NoteReason | None = fault(value, one)
    if reason:
        notes.note(reason, name, value)
