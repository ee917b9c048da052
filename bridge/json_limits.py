"""JSON within limits: what may be stored, and exactly why something may not.

RFC 8259 in UTF-8 without byte order mark. Depth, size of integers, NUL, lone surrogates and NaN are bounded here, for
values from any source.
"""

import json
import math
from typing import Any

import msgspec

from bridge.observations import Malformed, PayloadReason

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**53


class MalformedError(Exception):
    """Carries a :class:`Malformed` out of nested checks; a decoder returns what it carries."""

    def __init__(self, reason: PayloadReason, detail: str = "") -> None:
        super().__init__(reason)
        self.malformed = Malformed(reason, detail)


def json_error(value: Any) -> Malformed | None:
    """Why a decoded JSON value may not be stored (depth, integers, NUL, NaN), or None. For values from any source."""
    try:
        _check(value, 1)
    except MalformedError as bad:
        return bad.malformed
    return None


def decode_json(payload: bytes) -> Any:
    """The JSON value in a payload.

    Raises:
        MalformedError: it is none, or beyond the limits.
    """
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _why_not_json(payload) from None
    _check(value, 1)
    return value


def _check(value: Any, depth: int) -> None:
    match value:
        case str():
            check_text(value)
        case bool() | None:
            pass
        case int():
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise MalformedError("integer_too_large")
        case float():
            if not math.isfinite(value):
                raise MalformedError("not_finite")
        case dict() | list():
            _check_container(value, depth)


def _check_container(value: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedError("too_deep", f"over {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key in value:
            check_text(key)
        value = list(value.values())
    for inner in value:
        _check(inner, depth + 1)


def check_text(text: str) -> None:
    """Refuse text that a database would refuse.

    Raises:
        MalformedError: NUL or a lone surrogate.
    """
    if "\0" in text:
        raise MalformedError("bad_text", "NUL")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise MalformedError("bad_text", "lone surrogate")


def decode_utf8(payload: bytes) -> str:
    """The text in a payload.

    Raises:
        MalformedError: it is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("bad_utf8", f"byte {error.start}") from None


def _why_not_json(payload: bytes) -> MalformedError:
    """The exact reason, found the slow way: only for payloads that the strict decoder refused."""
    try:
        value = json.loads(decode_utf8(payload))
        _check(value, 1)
    except MalformedError as bad:
        return bad
    except RecursionError:
        return MalformedError("too_deep", f"over {MAX_DEPTH} levels")
    except json.JSONDecodeError as error:
        return MalformedError("bad_json", f"{error.msg} at {error.pos}")
    except ValueError:  # a number of more digits than Python converts
        return MalformedError("integer_too_large")
    return MalformedError("bad_json")


def json_type(value: Any) -> str:
    """What kind of JSON value it is, for people: "an object", "a number", …"""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
