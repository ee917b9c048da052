"""Filters, functions, methods and tests, as Home Assistant has them (its helpers/template).

Its own int, float and round fail without a default, where Jinja's say 0.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from bridge.dialects.homeassistant.templates.values import (
    UNDEFINED,
    Scope,
    TemplateError,
    Undefined,
    bounded,
    calculate,
    is_number,
    item,
    kind,
    numeric,
    parsed,
    written,
)

Function = Callable[..., Any]  # of the scope, the value, and the arguments
_MISSING: Final = object()
_MOST_DIGITS: Final = 40
_TRUE: Final = ("1", "true", "yes", "on", "enable")
_FALSE: Final = ("0", "false", "no", "off", "disable")


def _failed(value: Any, default: Any, what: str) -> Any:
    if default is _MISSING:
        raise TemplateError(f"{kind(value)} is no {what}")
    return default


def _to_float(_scope: Scope, value: Any, default: Any = _MISSING) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return _failed(value, default, "number")


def _to_int(_scope: Scope, value: Any, default: Any = _MISSING, base: int = 10) -> Any:
    try:
        if isinstance(value, str):
            if base != 10 or len(value) <= _MOST_DIGITS:
                return _int_of(value, base)
            return _failed(value, default, "whole number")
        return bounded(int(value))
    except (TypeError, ValueError, OverflowError):
        return _failed(value, default, "whole number")


def _int_of(text: str, base: int) -> int:
    if len(text) > _MOST_DIGITS or base not in (2, 8, 10, 16):
        raise ValueError
    try:
        return int(text, base)
    except ValueError:
        return int(bounded(int(float(text))))


def _round(_scope: Scope, value: Any, precision: Any = 0, method: Any = "common", default: Any = _MISSING) -> Any:
    try:
        digits, number = int(precision), float(value)
        if not -20 <= digits <= 20:
            raise TemplateError("no such precision")
        factor = 10.0**digits
        match method:
            case "ceil":
                number = math.ceil(number * factor) / factor
            case "floor":
                number = math.floor(number * factor) / factor
            case "half":
                number = round(number * 2) / 2
            case _:
                number = round(number, digits)
        return int(number) if digits == 0 else number
    except (TypeError, ValueError, OverflowError):
        return _failed(value, default, "number")


def _default(_scope: Scope, value: Any, default: Any = "", boolean: Any = False) -> Any:
    return default if isinstance(value, Undefined) or (boolean and not value) else value


def _text_function(change: Callable[[str], str]) -> Function:
    def changed(scope: Scope, value: Any) -> str:
        return change(scope.text(value))

    return changed


def _trim(scope: Scope, value: Any, chars: Any = None) -> str:
    return scope.text(value).strip(chars if isinstance(chars, str) else None)


def _replace(scope: Scope, value: Any, old: Any, new: Any, count: Any = -1) -> str:
    text, before, after = scope.text(value), scope.text(old), scope.text(new)
    scope.pay(len(text) + text.count(before) * len(after))
    return text.replace(before, after, count if isinstance(count, int) else -1)


def _is_defined(_scope: Scope, value: Any) -> Any:
    if isinstance(value, Undefined):
        raise TemplateError("it is undefined")
    return value


def _bool(_scope: Scope, value: Any, default: Any = _MISSING) -> Any:
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(value, bool | int | float):
        return value != 0
    if word in _TRUE:
        return True
    return False if word in _FALSE else _failed(value, default, "boolean")


def _among(choose: Callable[[Any], Any]) -> Function:
    def chosen(scope: Scope, value: Any, *more: Any) -> Any:
        values = [value, *more] if more else value
        if not isinstance(values, list) or not values:
            raise TemplateError(f"{kind(value)} where a list should be")
        scope.pay(len(values))
        try:
            return choose(values)
        except TypeError as error:
            raise TemplateError(str(error)) from None

    return chosen


def _length(_scope: Scope, value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TemplateError(f"{kind(value)} has no length")
    return len(value)


def _iif(_scope: Scope, value: Any, yes: Any = True, no: Any = False, unknown: Any = _MISSING) -> Any:
    if value is None and unknown is not _MISSING:
        return unknown
    return yes if value else no


def _join(scope: Scope, value: Any, between: Any = "") -> str:
    if not isinstance(value, list):
        raise TemplateError(f"{kind(value)} where a list should be")
    texts = [scope.text(one) for one in value]
    joint = scope.text(between)
    scope.pay(len(joint) * len(texts))
    return joint.join(texts)


def _split(scope: Scope, value: str, between: Any = None, most: Any = -1) -> list[str]:
    scope.pay(len(value))
    try:
        return value.split(between, most)
    except (TypeError, ValueError) as error:
        raise TemplateError(str(error)) from None


def _times(scope: Scope, value: Any, amount: Any, default: Any = _MISSING) -> Any:
    number = _to_float(scope, value, default if default is not _MISSING else _MISSING)
    return calculate(scope, "*", number, numeric(amount)) if is_number(value) else number


def _plus(scope: Scope, value: Any, amount: Any, default: Any = _MISSING) -> Any:
    number = _to_float(scope, value, default if default is not _MISSING else _MISSING)
    return calculate(scope, "+", number, numeric(amount)) if is_number(value) else number


FILTERS: Final[dict[str, Function]] = {
    "int": _to_int, "float": _to_float, "round": _round, "default": _default, "d": _default, "iif": _iif,
    "lower": _text_function(str.lower), "upper": _text_function(str.upper),
    "capitalize": _text_function(str.capitalize),
    "title": _text_function(str.title), "string": _text_function(str), "trim": _trim, "replace": _replace,
    "tojson": written, "to_json": written, "from_json": lambda _scope, value: parsed(value),
    "is_defined": _is_defined, "abs": lambda _scope, value: abs(numeric(value)), "bool": _bool, "join": _join,
    "min": _among(min), "max": _among(max), "first": lambda _scope, value: item(value, 0),
    "last": lambda _scope, value: item(value, -1), "length": _length, "count": _length,
    "multiply": _times, "add": _plus, "is_number": lambda _scope, value: is_number(value),
}  # fmt: skip
FUNCTIONS: Final[dict[str, Function]] = {
    name: FILTERS[name] for name in ("int", "float", "bool", "iif", "min", "max", "is_number")
}
METHODS: Final[dict[str, tuple[type, Function]]] = {
    "split": (str, _split),
    "strip": (str, _trim),
    "lower": (str, FILTERS["lower"]),
    "upper": (str, FILTERS["upper"]),
    "replace": (str, _replace),
    "startswith": (str, lambda scope, value, start: value.startswith(scope.text(start))),
    "endswith": (str, lambda scope, value, end: value.endswith(scope.text(end))),
    "get": (dict, lambda _scope, value, key, default=None: _got(item(value, key), default)),
}
TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "string": lambda value: isinstance(value, str),
    "mapping": lambda value: isinstance(value, dict),
    "sequence": lambda value: isinstance(value, str | list | dict),
    "iterable": lambda value: isinstance(value, str | list | dict),
    "boolean": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "odd": lambda value: numeric(value) % 2 == 1,
    "even": lambda value: numeric(value) % 2 == 0,
}


def _got(value: Any, default: Any) -> Any:
    return default if value is UNDEFINED else value


def call(function: Function, scope: Scope, *args: Any, **named: Any) -> Any:
    """What a filter, function or method makes of its arguments.

    Raises:
        TemplateError: they are none for it.
    """
    scope.pay()
    try:
        return function(scope, *args, **named)
    except TypeError as error:
        raise TemplateError(str(error)[:100]) from None
