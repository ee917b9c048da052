"""Values of files made storable, by the same rules as those that devices send (bridge.json_values)."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bridge.json_limits import MAX_INTEGER, MalformedError, text_fault
from bridge.json_values import MAX_NAME_CHARS, Notes, Sieve
from bridge.observations import Note, Scalar
from bridge.timestamps import timestamp_ms

_SHORT: Final = 1_000_000  # bytes; what a sieve may make of a record that is in memory anyway

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder().decode


def metrics_of(raw: Mapping[str, Any]) -> tuple[dict[str, Scalar], tuple[Note, ...]]:
    """Metrics from any JSON object: what is storable already stays as it is; the rest as if a device had sent it.

    Raises:
        MalformedError: it is too deep.
    """
    if all(_is_storable(name, value) for name, value in raw.items()):
        return dict(raw), ()
    sieve = Sieve(_SHORT)
    metrics: dict[str, Scalar] = {}
    for name, value in raw.items():
        if isinstance(value, dict | list):
            metrics |= sieve.flattened({name: value})
        elif is_bad_name(name):
            sieve.note("bad_metric_name", name, value)
        else:
            metrics[name] = sieve.scalar(value, name)
    return metrics, sieve.notes


def is_bad_name(name: str) -> bool:
    """Whether no metric may have it."""
    return not 0 < len(name) <= MAX_NAME_CHARS or bool(text_fault(name))


def _is_storable(name: str, value: Any) -> bool:
    kind = type(value)
    if kind is float:
        good = math.isfinite(value)
    elif kind is str:
        good = not text_fault(value)
    elif kind is int:
        good = -MAX_INTEGER <= value <= MAX_INTEGER
    else:
        good = kind is bool or value is None
    return good and not is_bad_name(name)


def bad_name(name: str, value: object) -> tuple[Note, ...]:
    """What is noted of a metric that is left out."""
    notes = Notes()
    notes.note("bad_metric_name", name, value)
    return notes.notes


def data_of(raw: Any) -> tuple[bytes, tuple[Note, ...]]:
    """An event's data as JSON, from any JSON value.

    Raises:
        MalformedError: it is too deep.
    """
    sieve = Sieve(_SHORT)
    try:
        return encode(sieve.storable(raw)), sieve.notes
    except RecursionError:
        raise MalformedError("too_deep", "too many levels") from None


def time_of(value: Any) -> int:
    """Unix ms of a record's time: Unix ms, as a number or in digits, or RFC 3339.

    Raises:
        MalformedError: it is none, or before 2000.
    """
    text = value.strip() if isinstance(value, str) else ""
    ms = timestamp_ms(int(text) if text.isascii() and text.isdigit() and len(text) < 20 else value)
    if ms is None:
        raise MalformedError("bad_ts", "there is none")
    return ms


def number_of(text: str) -> int | float | None:
    """A number from its text: one without fraction stays an integer; None: it is none.

    NaN and infinities are numbers here, and become null later, as those of devices do.
    """
    try:
        value = decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        try:
            return float(text) if text.strip("+-").isalpha() else None
        except ValueError:
            return None
    return value if type(value) in (int, float) else None
