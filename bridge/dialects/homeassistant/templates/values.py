"""Values in templates, and what can be done with them. All work is paid from a budget: no text grows for ever."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

BUDGET: Final = 20_000  # steps of one rendering; an operation costs one, and one for each 64 characters that it makes
_CHARS_A_STEP: Final = 64
_MOST_NUMBER: Final = 10**40


class TemplateError(Exception):
    """A template can't be rendered with these values: Home Assistant calls such a state unknown."""


class Undefined:
    """What isn't there. It is an empty text where it is shown, and an error where it is used."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""


UNDEFINED: Final = Undefined()


class Scope:
    """The variables of one rendering, and what it may still cost."""

    __slots__ = ("budget", "variables")

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = dict(variables)
        self.budget = BUDGET

    def pay(self, chars: int = 0) -> None:
        """One step is done, which makes or reads so many characters.

        Raises:
            TemplateError: that is too much.
        """
        self.budget -= 1 + chars // _CHARS_A_STEP
        if self.budget < 0:
            raise TemplateError("too much work")

    def text(self, value: Any) -> str:
        """A value as it is shown."""
        if isinstance(value, dict | list):
            self.pay(size(value))
        text = value if isinstance(value, str) else str(value)
        self.pay(len(text))
        return text


def size(value: Any) -> int:
    """About how many characters a value has."""
    total, level = 0, [value]
    while level:
        one = level.pop()
        total += len(one) if isinstance(one, str) else 8
        if isinstance(one, dict):
            level.extend(one.keys())
            level.extend(one.values())
        elif isinstance(one, list):
            level.extend(one)
        if total > BUDGET * _CHARS_A_STEP:
            break
    return total


def calculate(scope: Scope, operator: str, left: Any, right: Any) -> Any:
    """``+ - * / // %`` of two numbers, ``+`` of two texts, ``~`` of anything.

    Raises:
        TemplateError: they aren't, or the result is too large.
    """
    scope.pay()
    if operator == "~":
        return scope.text(left) + scope.text(right)
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        scope.pay(len(left) + len(right))
        return left + right
    return bounded(_calculated(operator, numeric(left), numeric(right)))


def _calculated(operator: str, left: float, right: float) -> float:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "//":
                return left // right
        return left % right
    except (ZeroDivisionError, OverflowError) as error:
        raise TemplateError(str(error)) from None


def numeric(value: Any) -> int | float:
    """A number.

    Raises:
        TemplateError: it is none.
    """
    if isinstance(value, int | float):
        return value
    raise TemplateError(f"{kind(value)} where a number should be")


def bounded(number: float) -> float:
    """A number of a sensible size.

    Raises:
        TemplateError: it is larger.
    """
    if isinstance(number, int) and abs(number) > _MOST_NUMBER:
        raise TemplateError("a number is too large")
    return number


def compare(operator: str, left: Any, right: Any) -> bool:
    """``== != < <= > >= in``, ``not in``.

    Raises:
        TemplateError: they can't be compared.
    """
    try:
        match operator:
            case "==":
                return bool(left == right)
            case "!=":
                return bool(left != right)
            case "in":
                return _within(left, right)
            case "not in":
                return not _within(left, right)
            case "<":
                return bool(left < right)
            case "<=":
                return bool(left <= right)
            case ">":
                return bool(left > right)
        return bool(left >= right)
    except (TypeError, RecursionError) as error:
        raise TemplateError(str(error)) from None


def _within(left: Any, right: Any) -> bool:
    if not isinstance(right, str | list | dict) or isinstance(left, list | dict):
        raise TemplateError(f"nothing is in {kind(right)}")
    return left in right


def item(value: Any, key: Any) -> Any:
    """A member or an element; undefined where there is none.

    Raises:
        TemplateError: the value has none at all.
    """
    if isinstance(value, dict):
        return value.get(key, UNDEFINED) if isinstance(key, str | int | float) or key is None else UNDEFINED
    if isinstance(value, list | str) and isinstance(key, int):
        return value[key] if -len(value) <= key < len(value) else UNDEFINED
    if isinstance(value, Undefined):
        raise TemplateError(f"{str(key)[:40]!r} of what is undefined")
    return UNDEFINED


def part(scope: Scope, value: Any, first: Any, last: Any) -> Any:
    """``value[first:last]``."""
    if not isinstance(value, str | list) or not all(one is None or isinstance(one, int) for one in (first, last)):
        raise TemplateError(f"no part of {kind(value)}")
    found = value[first:last]
    scope.pay(len(found))
    return found


def parsed(text: Any) -> Any:
    """The JSON value in a text.

    Raises:
        TemplateError: there is none.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise TemplateError(str(error)[:100]) from None


def written(scope: Scope, value: Any) -> str:
    """A value as JSON."""
    scope.pay(size(value))
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise TemplateError(str(error)[:100]) from None


def is_number(value: Any) -> bool:
    """Whether it is a finite number, or a text that is one."""
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def kind(value: Any) -> str:
    """What kind of value it is, for people."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", Undefined: "something undefined"}
    return names.get(type(value), "nothing" if value is None else "a number")
