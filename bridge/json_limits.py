"""JSON within limits: what may be stored, and exactly why something may not.

RFC 8259 in UTF-8. Depth, leaves, size of integers, NUL, lone surrogates and NaN are bounded here: strictly for what
people and programs ask (:func:`json_error`); what devices send is read as they write it (:func:`decode_json`), and
bridge.json_values makes of each value what can be stored.
"""

import json
import math
import re
from typing import Any, Final

import msgspec

from bridge.observations import Malformed, PayloadReason

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_BIG_PAYLOAD_BYTES = 8 * 1024 * 1024  # by filters that say so (bridge.dialects.dialect.Filter.big)
MAX_DEPTH = 32
MAX_INTEGER = 2**53
MAX_ELEMENT_LEAVES = 2_000
MAX_MESSAGE_LEAVES = 10_000

_MOST_DIGITS: Final = 4_000  # of an integer that Python converts; longer ones stay text
_PADDING: Final = b"\0 \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# A text, closed or not, or a number that JSON doesn't have. Linear: a text is never read twice.
_BARE: Final = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|(?<![\w.+-])([+-]?)(nan|inf|infinity)(?![\w.+-])', re.DOTALL | re.IGNORECASE
)
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class MalformedError(Exception):
    """Carries a :class:`Malformed` out of nested checks; a decoder returns what it carries."""

    def __init__(self, reason: PayloadReason, detail: str = "") -> None:
        super().__init__(reason)
        self.malformed = Malformed(reason, detail)


class IntegerText(str):
    """The digits of an integer that is too long for Python's own."""

    __slots__ = ()


def json_error(value: Any) -> Malformed | None:
    """Why a decoded JSON value may not be stored (depth, integers, NUL, NaN), or None. For values from any source."""
    try:
        _check(value, 1)
    except MalformedError as bad:
        return bad.malformed
    return None


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
    if fault := text_fault(text):
        raise MalformedError("bad_text", fault)


def text_fault(text: str) -> str:
    """What a database would refuse a text for; empty: nothing."""
    if "\0" in text:
        return "NUL"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "lone surrogate"
    return ""


# What devices send ------------------------------------------------------------------------------------------------


def bare(payload: bytes) -> bytes:
    """A payload without byte order mark, and without trailing NULs and blanks."""
    return payload.removeprefix(_BYTE_ORDER_MARK).rstrip(_PADDING)


def decode_json(payload: bytes) -> Any:
    """The JSON value in a payload, as it was written: NaN, infinities, NULs, lone surrogates, integers of any size.

    Of members with one name the last one counts.

    Raises:
        MalformedError: there is none.
    """
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _read_slowly(decode_utf8(bare(payload)))


def _read_slowly(text: str) -> Any:
    """What the strict decoder refused, also with numbers that JSON doesn't have."""
    try:
        return json.loads(_BARE.sub(_as_python_reads_it, text), parse_int=_integer)
    except RecursionError:
        raise MalformedError("too_deep", f"over {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise MalformedError("bad_json", f"{error.msg} at {error.pos}") from None


def _as_python_reads_it(found: re.Match[str]) -> str:
    sign, word = found.groups()
    if word is None:
        return found[0]
    return "NaN" if word.lower() == "nan" else f"{sign.strip('+')}Infinity"


def _integer(digits: str) -> int | IntegerText:
    return int(digits) if len(digits) <= _MOST_DIGITS else IntegerText(digits)


def decode_utf8(payload: bytes) -> str:
    """The text in a payload.

    Raises:
        MalformedError: it is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("bad_utf8", f"byte {error.start}") from None


def check_leaves(payload: bytes, most: int = MAX_ELEMENT_LEAVES) -> None:
    """Refuse a payload by its commas, before it costs a hundred times as much to decode it.

    Outside of texts JSON has one comma less than leaves. (A payload that is no JSON, and has as many, is refused, too.)

    Raises:
        MalformedError: its leaves are too many.
    """
    if payload.count(b",") >= most and _TEXT.sub(b"", payload).count(b",") >= most:
        raise MalformedError("too_many_leaves", f"over {most}")


def check_size(value: Any, most_leaves: int = MAX_ELEMENT_LEAVES) -> int:
    """How many leaves a value has; empty objects and arrays count as one.

    Raises:
        MalformedError: they are too many, or too deep.
    """
    leaves, depth, level = 0, 0, [value]
    while level:
        containers = [one for one in level if isinstance(one, dict | list)]
        leaves += len(level) - sum(map(bool, containers))
        depth += bool(containers)
        if depth > MAX_DEPTH:
            raise MalformedError("too_deep", f"over {MAX_DEPTH} levels")
        if leaves > most_leaves:
            raise MalformedError("too_many_leaves", f"over {most_leaves}")
        level = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
    return leaves


def json_type(value: Any) -> str:
    """What kind of JSON value it is, for people: "an object", "a number", …"""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
