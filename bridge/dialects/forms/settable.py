"""Whether a value may be set, by the property that says what it can be."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.descriptions import Property
from bridge.dialects.dialect import Refused
from bridge.dialects.forms.numbers import within
from bridge.json_limits import text_fault

_STEP_TOLERANCE = 1e-6  # of a step: 0.1 is no binary number


def arguments(args: bytes) -> dict[str, Any] | Refused:
    """A command's arguments."""
    try:
        return msgspec.json.decode(args or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Refused("bad_args", "the arguments are no JSON object")


def refusal(prop: Property, value: Any) -> Refused | None:
    """Why this property can't have that value; None: it can."""
    match prop.kind:
        case "number":
            return _of_number(prop, value)
        case "boolean":
            fits, wanted = isinstance(value, bool), "true or false"
        case "enum":
            fits = isinstance(value, str) and (not prop.values or value in prop.values)
            wanted = "one of " + ", ".join(prop.values[:20])
        case "text":
            fits, wanted = isinstance(value, str) and not text_fault(value), "a text"
        case _:
            fits, wanted = value is not None, "a value"
    return None if fits else Refused("out_of_range", f"{prop.metric} is to be {wanted}")


def _of_number(prop: Property, value: Any) -> Refused | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Refused("out_of_range", f"{prop.metric} is to be a number")
    if abs(value) > 2**53 or not within(value, prop.low, prop.high):
        return Refused("out_of_range", f"{prop.metric} is to be from {prop.low} to {prop.high}")
    if prop.step and not _is_step((value - (prop.low or 0)) / prop.step):
        return Refused("out_of_range", f"{prop.metric} is to be in steps of {prop.step}")
    return None


def _is_step(steps: float) -> bool:
    return abs(steps - round(steps)) <= _STEP_TOLERANCE * max(1.0, abs(steps))


def unknown(names: Mapping[str, Any] | list[str]) -> Refused:
    """Something that the device doesn't have is to be set."""
    return Refused("unknown_property", f"it can't set {', '.join(list(names)[:5])[:200]}")
