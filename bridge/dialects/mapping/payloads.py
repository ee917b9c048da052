"""Payloads by a rule: each kind makes values by metric. Bad ones are malformed, with what is wrong."""

import binascii
import re
import struct
from collections.abc import Callable
from typing import Any, Final

from bridge.dialects.forms.cbor import CborError, decode, is_cbor
from bridge.dialects.forms.numbers import is_no_number, number_in
from bridge.dialects.mapping.rules import NUMBERS, Field, Rule
from bridge.json_limits import (
    MAX_PAYLOAD_BYTES,
    MalformedError,
    bare,
    check_leaves,
    check_size,
    decode_json,
    decode_utf8,
)
from bridge.observations import Scalar

Values = dict[str, Any]  # by metric; of JSON without fields they may be nested

_PAIRS: Final = re.compile(r"[\s,;&]+")
_MOST_PAIRS: Final = 2_000
_DIGITS: Final = 12  # significant ones of a scaled number: 258 × 0.1 is 25.8


def values_of(rule: Rule, metric: str, payload: bytes) -> Values:
    """What a payload says.

    Args:
        rule: by which it is read.
        metric: of number and text, or before the names of others' (empty: none).
        payload: as received.

    Raises:
        MalformedError: it isn't what the rule says.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedError("too_large", f"{len(payload)} bytes")
    found = _READERS[rule.payload](rule, metric, payload)
    if rule.payload in ("number", "text") or not metric:
        return found
    return {f"{metric}.{name}": value for name, value in found.items()}


def _number(rule: Rule, metric: str, payload: bytes) -> Values:
    return {metric: _as_number(rule, decode_utf8(bare(payload)).strip(), rule.scale, metric)}


def _text(rule: Rule, metric: str, payload: bytes) -> Values:
    text = decode_utf8(bare(payload)).strip()
    return {metric: rule.words.get(text, text)}


def _as_number(rule: Rule, text: str, scale: float, metric: str) -> Scalar:
    if text in rule.words:
        return rule.words[text]
    if rule.decimal == "," and "," in text:
        text = text.replace(".", "").replace(" ", "").replace(",", ".")
    if is_no_number(text):
        return None
    number = number_in(text)
    if number is None:
        raise MalformedError("not_a_number", f"{metric[:64]} is {text[:64]!r}")
    found: Scalar = scaled(number, scale)
    return found


def scaled(number: Any, scale: float) -> Any:
    """A number times the scale, without the noise of binary fractions; what is no number stays."""
    if scale == 1 or isinstance(number, bool) or not isinstance(number, int | float):
        return number
    return float(f"{number * scale:.{_DIGITS}g}")


# JSON -------------------------------------------------------------------------------------------------------------


def _json(rule: Rule, _metric: str, payload: bytes) -> Values:
    value = _decoded(payload)
    check_size(value)
    if not rule.fields:
        if not isinstance(value, dict):
            raise MalformedError("not_an_object", "without fields it has to be one")
        return {name: rule.words.get(one, one) if isinstance(one, str) else one for name, one in value.items()}
    found = {one.metric: _in_json(rule, one, value) for one in rule.fields}
    return {name: one for name, one in found.items() if one is not _MISSING}


def _decoded(payload: bytes) -> Any:
    """JSON, or the same as CBOR."""
    if is_cbor(payload):
        try:
            return decode(payload)
        except CborError as error:
            raise MalformedError("bad_cbor", str(error)) from None
    check_leaves(payload)
    return decode_json(payload)


class _Missing:
    """There is nothing at a pointer."""


_MISSING: Final = _Missing()


def _in_json(rule: Rule, one: Field, value: Any) -> Any:
    for token in one.path.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(value):
            value = value[int(name[:9])]
        else:
            return _MISSING
    if isinstance(value, str):
        number = number_in(value.replace(",", ".") if rule.decimal == "," else value) if one.scale != 1 else None
        return rule.words.get(value, value if number is None else scaled(number, one.scale))
    return scaled(value, one.scale)


# Texts ------------------------------------------------------------------------------------------------------------


def _pairs(rule: Rule, _metric: str, payload: bytes) -> Values:
    text = decode_utf8(bare(payload)).strip()
    parts = text.split(rule.separator) if rule.separator else _PAIRS.split(text)
    pairs = [part.partition("=") for part in parts[:_MOST_PAIRS] if "=" in part]
    if not pairs:
        raise MalformedError("not_an_object", "no key=value in it")
    said = {key.strip(): value.strip() for key, _, value in pairs}
    if not rule.fields:
        return {key: _guessed(rule, value, 1) for key, value in said.items() if key}
    return {
        one.metric: _guessed(rule, said[one.path or one.metric], one.scale)
        for one in rule.fields
        if (one.path or one.metric) in said
    }


def _csv(rule: Rule, _metric: str, payload: bytes) -> Values:
    columns = decode_utf8(bare(payload)).strip().split(rule.separator or ",", _MOST_PAIRS)
    return {
        one.metric: _guessed(rule, columns[int(one.path)].strip(), one.scale)
        for one in rule.fields
        if int(one.path) < len(columns)
    }


def _guessed(rule: Rule, text: str, scale: float) -> Scalar:
    """A number where it is one, else the text; empty: null."""
    if not text:
        return None
    try:
        return _as_number(rule, text, scale, "")
    except MalformedError:
        return text


# Bytes ------------------------------------------------------------------------------------------------------------


def _struct(rule: Rule, _metric: str, payload: bytes) -> Values:
    if rule.hex:
        try:
            payload = binascii.unhexlify(b"".join(payload.split()))
        except binascii.Error:
            raise MalformedError("not_a_number", "no hex digits") from None
    found: Values = {}
    for one in rule.fields:
        code, size = NUMBERS[one.type]
        at = int(one.path)
        if at + size <= len(payload):
            found[one.metric] = scaled(struct.unpack_from(code, payload, at)[0], one.scale)
    if not found:
        raise MalformedError("not_a_number", f"{len(payload)} bytes are too few")
    return found


_READERS: Final[dict[str, Callable[[Rule, str, bytes], Values]]] = {
    "number": _number,
    "text": _text,
    "json": _json,
    "pairs": _pairs,
    "csv": _csv,
    "struct": _struct,
}
"""But for SenML, whose readings have times of their own (bridge.dialects.forms.senml)."""
