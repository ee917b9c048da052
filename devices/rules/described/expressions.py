"""Conditions and calculations over metrics of a device: a small part of Python's expressions, never run as code.

::

    supply - return_ > 8 and pump == "on"        metrics by name; a dot goes deeper: air.temperature
    abs(metric("set point") - t) >= 2            metric("…") for names that are no Python names
    integral(power, "1d") / 1000                 of calculations only: a window up to now (rules.described.windows)

Numbers, texts, ``true``, ``false``; ``+ - * / %``; comparisons, also chained; ``and``, ``or``, ``not``; ``abs``,
``min``, ``max``, ``round``. What is not known (a metric without a value, a division by zero, a text where a number is
needed) is unknown, and so is what follows from it: Kleene's logic, ``false and unknown`` is false.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from bridge.observations import Scalar
from devices.rules.described.windows import KINDS, Window, span_ms

MAX_CHARS: Final = 500
MAX_NODES: Final = 100
_MAX_DEPTH: Final = 30
_MAX_INTEGER: Final = 2**53

Values = Mapping[str, Scalar]
_Node = Callable[[Values], Scalar]

_ARITHMETIC: Final = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}  # fmt: skip
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., float], int, int]]] = {  # with the least and the most arguments
    "abs": (abs, 1, 1), "min": (min, 2, 10), "max": (max, 2, 10), "round": (round, 1, 1),
}  # fmt: skip
_WORDS: Final[Mapping[str, Scalar]] = {"true": True, "false": False}


class Expression(Struct, frozen=True):
    """One that can be asked.

    Args:
        text: as it was written.
        metrics: those that it names, those of its windows included.
    """

    text: str
    metrics: frozenset[str]
    node: Callable[[Values], Scalar]
    windows: frozenset[Window] = frozenset()  # whose values stand among the others, by their names

    def value(self, values: Values) -> Scalar:
        """What it comes to; None: that is not known."""
        return self.node(values)

    def holds(self, values: Values) -> bool | None:
        """Whether it is true of these values; None: that is not known."""
        found = self.node(values)
        return found if isinstance(found, bool) else None


def parse(text: str) -> Expression:
    """Read a condition.

    Raises:
        ValueError: what is wrong with it.
    """
    tree, found = _read(text, windows=False)
    if isinstance(tree, ast.BinOp | ast.Call | ast.UnaryOp) and not _is_truth(tree):
        raise ValueError("it is no condition: compare it with something")
    return found


def parse_value(text: str) -> Expression:
    """Read a calculation, of any kind of value; it may have windows.

    Raises:
        ValueError: what is wrong with it.
    """
    return _read(text, windows=True)[1]


def _read(text: str, *, windows: bool) -> tuple[ast.expr, Expression]:
    if len(text) > MAX_CHARS:
        raise ValueError(f"at most {MAX_CHARS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError("it is no expression") from None
    if sum(1 for _ in ast.walk(tree)) > 3 * MAX_NODES:  # operators and contexts are nodes, too
        raise ValueError("it is too long")
    reader = _Reader(windows=windows)
    node = reader.read(tree, 0)
    if not reader.metrics:
        raise ValueError("it names no metric")
    return tree, Expression(text, frozenset(reader.metrics), node, frozenset(reader.windows))


def _is_truth(tree: ast.expr) -> bool:
    """Whether it may be true or false: a call of metric(…) may, and what is negated by ``not`` is."""
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.Not)
    return isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "metric"


class _Reader:
    """Makes functions of what is allowed; whatever is not named here is not.

    Args:
        windows: whether there may be any.
    """

    def __init__(self, *, windows: bool) -> None:
        self._may_have_windows = windows
        self.metrics: set[str] = set()
        self.windows: set[Window] = set()

    def read(self, tree: ast.expr, depth: int) -> _Node:
        """A part of the expression as a function of the values."""
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        match tree:
            case ast.Constant():
                return _constant(tree.value)
            case ast.Name() | ast.Attribute():
                return self._name(tree)
            case ast.BoolOp():
                parts = [self.read(one, depth + 1) for one in tree.values]
                return _all(parts) if isinstance(tree.op, ast.And) else _any(parts)
            case ast.UnaryOp():
                return _unary(tree.op, self.read(tree.operand, depth + 1))
            case ast.BinOp() if type(tree.op) in _ARITHMETIC:
                both = (self.read(tree.left, depth + 1), self.read(tree.right, depth + 1))
                return _calculation(_ARITHMETIC[type(tree.op)], both)
            case ast.Compare() if all(type(one) in _COMPARISONS for one in tree.ops):
                parts = [self.read(one, depth + 1) for one in (tree.left, *tree.comparators)]
                return _comparison([_COMPARISONS[type(one)] for one in tree.ops], parts)
            case ast.Call(func=ast.Name()) if not tree.keywords:
                return self._call(tree, depth)
        raise ValueError(f"{type(tree).__name__} is not allowed")

    def _name(self, tree: ast.expr) -> _Node:
        name = ast.unparse(tree)
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError("a metric is a name, or several with dots between")
        if name in _WORDS:
            return _constant(_WORDS[name])
        return self._metric(name)

    def _metric(self, name: str) -> _Node:
        self.metrics.add(name)
        return lambda values: values.get(name)

    def _call(self, tree: ast.Call, depth: int) -> _Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ""
        if name == "metric":
            match tree.args:
                case [ast.Constant(value=str() as metric)] if metric:
                    return self._metric(metric)
            raise ValueError('write metric("its name")')
        if name in KINDS and (name not in _FUNCTIONS or _is_span(tree.args)):
            return self._window(name, tree.args)
        if name not in _FUNCTIONS:
            raise ValueError(f"there is no function {name[:40]!r}")
        function, least, most = _FUNCTIONS[name]
        if not least <= len(tree.args) <= most:
            raise ValueError(f"{name} takes {least} to {most} arguments")
        return _calculation(function, [self.read(one, depth + 1) for one in tree.args])

    def _window(self, kind: str, arguments: list[ast.expr]) -> _Node:
        if not self._may_have_windows:
            raise ValueError(f"{kind} of a time is for calculated metrics")
        match arguments:
            case [of, ast.Constant(value=str() as span)]:
                metric, equals = self._of_window(kind, of)
                window = Window(kind, metric, span_ms(span), equals)
                self.windows.add(window)
                return self._given(window.name)
        raise ValueError(f'write {kind}(metric, "10m")')

    def _of_window(self, kind: str, of: ast.expr) -> tuple[str, Scalar]:
        """The metric, and of a duty the value that counts."""
        equals: Scalar = True
        if kind == "duty" and isinstance(of, ast.Compare):
            if not (len(of.ops) == 1 and isinstance(of.ops[0], ast.Eq) and isinstance(of.comparators[0], ast.Constant)):
                raise ValueError('duty is of a metric, or of metric == "a value"')
            equals = _constant(of.comparators[0].value)({})
            of = of.left
        if not (isinstance(of, ast.Name | ast.Attribute) or (isinstance(of, ast.Call) and _is_truth(of))):
            raise ValueError(f"{kind} is of one metric, not of a calculation")
        before, self.metrics = self.metrics, set()
        self.read(of, _MAX_DEPTH)
        named, self.metrics = self.metrics, before | self.metrics
        if len(named) != 1:
            raise ValueError(f"{kind} is of one metric")
        return next(iter(named)), equals

    @staticmethod
    def _given(name: str) -> _Node:
        return lambda values: values.get(name)


def _is_span(arguments: list[ast.expr]) -> bool:
    return len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and isinstance(arguments[1].value, str)


def _constant(value: object) -> _Node:
    if isinstance(value, bool | str):
        return lambda _: value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= _MAX_INTEGER:
        return lambda _: value
    raise ValueError("a constant is a number, a text, true or false")


def _number(value: Scalar) -> float | None:
    return None if isinstance(value, bool | str) else value


def _calculation(function: Callable[..., float], parts: "list[_Node] | tuple[_Node, ...]") -> _Node:
    def calculate(values: Values) -> Scalar:
        numbers = [_number(part(values)) for part in parts]
        if None in numbers:
            return None
        try:
            found = function(*numbers)
        except (ArithmeticError, ValueError):
            return None
        return found if math.isfinite(found) else None

    return calculate


def _unary(kind: ast.unaryop, part: _Node) -> _Node:
    if isinstance(kind, ast.Not):
        return lambda values: None if not isinstance(found := part(values), bool) else not found
    if isinstance(kind, ast.USub):
        return _calculation(operator.neg, [part])
    if isinstance(kind, ast.UAdd):
        return part
    raise ValueError("~ is not allowed")


def _comparison(kinds: list[Callable[[Any, Any], bool]], parts: list[_Node]) -> _Node:
    def compare(values: Values) -> Scalar:
        found = [part(values) for part in parts]
        return _conjunction([_compared(kind, *found[index : index + 2]) for index, kind in enumerate(kinds)])

    return compare


def _compared(kind: Callable[[Any, Any], bool], one: Scalar, other: Scalar) -> bool | None:
    """Numbers with numbers, texts with texts, truths with truths by equality; anything else is unknown."""
    if one is None or other is None:
        return None
    if isinstance(one, bool) != isinstance(other, bool) or isinstance(one, str) != isinstance(other, str):
        return None
    if isinstance(one, bool) and kind not in (operator.eq, operator.ne):
        return None
    return kind(one, other)


def _truth(value: Scalar) -> bool | None:
    return value if isinstance(value, bool) else None


def _conjunction(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _all(parts: list[_Node]) -> _Node:
    return lambda values: _conjunction([_truth(part(values)) for part in parts])


def _any(parts: list[_Node]) -> _Node:
    def any_of(values: Values) -> Scalar:
        found = [_truth(part(values)) for part in parts]
        return True if True in found else None if None in found else False

    return any_of
