"""The functions of a scope that expressions become. What isn't reached (an ``if`` not taken) isn't evaluated."""

from collections.abc import Callable
from typing import Any, Final

from bridge.dialects.homeassistant.templates.filters import Function, call
from bridge.dialects.homeassistant.templates.values import (
    UNDEFINED,
    Scope,
    TemplateError,
    calculate,
    compare,
    item,
    kind,
    numeric,
    part,
)

Expression = Callable[[Scope], Any]
Arguments = tuple[list[Expression], dict[str, Expression]]


def constant(value: Any) -> Expression:
    """The same each time."""
    return lambda _scope: value


UNDEFINED_VALUE: Final = constant(UNDEFINED)


def variable(name: str) -> Expression:
    """What has this name."""
    return lambda scope: scope.variables.get(name, UNDEFINED)


def choice(condition: Expression, yes: Expression, no: Expression) -> Expression:
    """``yes if condition else no``."""
    return lambda scope: yes(scope) if condition(scope) else no(scope)


def either(left: Expression, right: Expression) -> Expression:
    """``left or right``."""
    return lambda scope: left(scope) or right(scope)


def both(left: Expression, right: Expression) -> Expression:
    """``left and right``."""
    return lambda scope: left(scope) and right(scope)


def negated(value: Expression, times: int) -> Expression:
    """``not`` so many times; at least once."""
    is_odd = times % 2 == 1
    return lambda scope: bool(value(scope)) is not is_odd


def comparisons(left: Expression, steps: list[tuple[str, Expression]]) -> Expression:
    """``a < b < c``: each with the one before."""

    def compared(scope: Scope) -> bool:
        before = left(scope)
        for operator, right in steps:
            scope.pay()
            after = right(scope)
            if not compare(operator, before, after):
                return False
            before = after
        return True

    return compared


def calculation(operator: str, left: Expression, right: Expression) -> Expression:
    """``left + right`` and the like."""
    return lambda scope: calculate(scope, operator, left(scope), right(scope))


def signed(value: Expression, sign: int) -> Expression:
    """``-value``."""
    return lambda scope: sign * numeric(value(scope))


def element(value: Expression, key: Expression) -> Expression:
    """``value.key``, ``value[key]``."""

    def found(scope: Scope) -> Any:
        scope.pay()
        return item(value(scope), key(scope))

    return found


def section(value: Expression, first: Expression | None, last: Expression | None) -> Expression:
    """``value[first:last]``."""
    return lambda scope: part(scope, value(scope), first and first(scope), last and last(scope))


def listed(elements: list[Expression]) -> Expression:
    """``[a, b]``."""
    return lambda scope: [one(scope) for one in elements]


def mapped(members: list[tuple[Expression, Expression]]) -> Expression:
    """``{a: b}``."""

    def made(scope: Scope) -> dict[Any, Any]:
        try:
            return {key(scope): value(scope) for key, value in members}
        except TypeError as error:
            raise TemplateError(str(error)) from None

    return made


def called(function: Function, arguments: Arguments) -> Expression:
    """``function(a, b=c)``."""
    args, named = arguments

    def result(scope: Scope) -> Any:
        return call(function, scope, *[one(scope) for one in args], **{name: one(scope) for name, one in named.items()})

    return result


def method(value: Expression, of: type, function: Function, arguments: Arguments) -> Expression:
    """``value.method(a, b=c)``."""

    def result(scope: Scope) -> Any:
        owner = value(scope)
        if not isinstance(owner, of):
            raise TemplateError(f"{kind(owner)} has no such method")
        return called(function, ([constant(owner), *arguments[0]], arguments[1]))(scope)

    return result


def tested(value: Expression, test: Callable[[Any], bool]) -> Expression:
    """``value is test``."""
    return lambda scope: test(value(scope))
