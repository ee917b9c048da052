"""Values of Homie properties, both ways: text by datatype, and whether it fits."""

import json
from typing import Any, Final

from bridge import descriptions
from bridge.dialects.dialect import Refused
from bridge.dialects.forms.numbers import is_no_number, number_in, within, written
from bridge.dialects.homie.model import Property, metric_of
from bridge.json_limits import MalformedError, check_size, decode_json

EMPTY: Final = b"\0"  # an empty text: an empty payload would clear the topic
KINDS: Final[dict[str, descriptions.Kind]] = {
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
    "enum": "enum",
    "json": "json",
}


class Unfit:
    """The text is no value of the datatype: receivers ignore it."""


UNFIT: Final = Unfit()


def value_of(one: Property, payload: bytes) -> Any:
    """The value that a payload stands for, or :data:`UNFIT`."""
    if one.datatype == "json":
        return _json(payload)
    try:
        text = "" if payload == EMPTY else payload.decode()
    except UnicodeDecodeError:
        return UNFIT
    match one.datatype:
        case "integer" | "float" | "percent":
            number = float("nan") if is_no_number(text) else number_in(text)
            return UNFIT if number is None else number
        case "boolean":
            return {"true": True, "false": False}.get(text, UNFIT)
    return text


def _json(payload: bytes) -> Any:
    try:
        value = decode_json(payload)
        check_size(value)
    except MalformedError:
        return UNFIT
    return value if isinstance(value, dict | list) else UNFIT


def range_of(one: Property) -> tuple[float | None, float | None, float | None]:
    """Least, most and step of a number, None where the format leaves it open."""
    if KINDS.get(one.datatype) != "number":
        return None, None, None
    found = [number_in(part.strip()) for part in one.format.split(":")[:3]]
    low, high, step = (*found, None, None, None)[:3]
    return low, high, step or (1 if one.datatype == "integer" else None)


def choices_of(one: Property) -> tuple[str, ...]:
    """The values of an enum, or what false and true of a boolean mean."""
    if one.datatype not in ("enum", "boolean") or not one.format:
        return ()
    return tuple(one.format.split(","))


def described(path: str, one: Property) -> descriptions.Property:
    """A property as all dialects describe it."""
    low, high, step = range_of(one)
    return descriptions.Property(
        metric=metric_of(path),
        label=one.name,
        kind=KINDS.get(one.datatype, "text"),
        unit=one.unit,
        low=low,
        high=high,
        step=step,
        values=choices_of(one),
        settable=one.settable and one.retained,
    )


def payload_of(one: Property, value: Any) -> bytes | Refused:
    """A value as it is sent to the device."""
    kind = KINDS.get(one.datatype, "text")
    if kind == "json" and isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if kind == "boolean" and isinstance(value, bool):
        return b"true" if value else b"false"
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(one, value)
    if kind in ("enum", "text") and isinstance(value, str):
        if kind == "enum" and value not in choices_of(one):
            return Refused("out_of_range", f"{value[:64]!r} is none of {one.format[:200]}")
        return value.encode() or EMPTY
    return Refused("bad_args", f"it takes a value of type {one.datatype[:32]}")


def _number(one: Property, value: float) -> bytes | Refused:
    low, high, _ = range_of(one)
    if not within(value, low, high):
        return Refused("out_of_range", f"{value} is not within {one.format[:64]}")
    if one.datatype == "integer" and value != int(value):
        return Refused("bad_args", f"{value} is no integer")
    return written(value).encode()
