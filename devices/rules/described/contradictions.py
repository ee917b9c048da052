"""Commands against what their device is said to be: what can't be carried out is refused before it is stored. Pure.

``set`` takes values by metric; every other name is an action's, where the device or its dialect gave any. A device of
which nobody said that is given what it is given.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from devices.rules.described.descriptions import Kept
from devices.rules.described.values import expected, fault, off_step

SET: Final = "set"


class Contradiction(Struct, frozen=True):
    """Why a command can't be carried out: where in it, and a sentence."""

    field: str
    message: str


def contradiction(kept: Kept, name: str, args: Mapping[str, Any]) -> Contradiction | None:
    """What in a command contradicts the description; None: nothing."""
    return next(_contradictions(kept, name, args), None)


def _contradictions(kept: Kept, name: str, args: Mapping[str, Any]) -> Iterator[Contradiction]:
    properties = {one["metric"]: one for one in kept.value.get("properties", ())}
    actions = {one["name"]: one for one in kept.value.get("actions", ())}
    if name in actions:
        yield from _of_action(actions[name], args)
    elif name == SET and (properties or not actions):
        yield from _of_set(properties, args)
    elif kept.device.get("actions") or kept.dialect.get("actions"):
        known = ", ".join([*([SET] if any(one.get("settable") for one in properties.values()) else []), *actions])
        yield Contradiction("name", f"the device has no action {name}; it has {known[:400]}")


def _of_set(properties: Mapping[str, Mapping[str, Any]], args: Mapping[str, Any]) -> Iterator[Contradiction]:
    for metric, value in args.items():
        one = properties.get(metric)
        if one is None:
            continue
        if one.get("settable") is False:
            yield Contradiction(f"args.{metric}", f"{metric} can't be set")
        yield from _of_value(f"args.{metric}", metric, value, one)


def _of_action(action: Mapping[str, Any], args: Mapping[str, Any]) -> Iterator[Contradiction]:
    known = {one["metric"]: one for one in action.get("args", ())}
    for name, value in args.items():
        if name in known:
            yield from _of_value(f"args.{name}", name, value, known[name])
        elif known:
            yield Contradiction(f"args.{name}", f"{action['name']} takes {', '.join(known)[:400]}, no {name}")


def _of_value(field: str, name: str, value: Any, one: Mapping[str, Any]) -> Iterator[Contradiction]:
    wanted = expected(one)
    if wanted is None:
        return
    match fault(value, wanted):
        case "wrong_kind":
            yield Contradiction(field, f"{name} is a {wanted.kind}")
        case "out_of_range":
            yield Contradiction(field, f"{name} is from {_end(wanted.low)} to {_end(wanted.high)}")
        case "unknown_value":
            yield Contradiction(field, f"{name} is one of {', '.join(one['values'])[:400]}")
        case None if wanted.kind == "number" and off_step(value, wanted):
            yield Contradiction(field, f"{name} goes by steps of {_end(wanted.step)} from {_end(wanted.low or 0.0)}")


def _end(number: float | None) -> str:
    return "anything" if number is None else f"{number:g}"
