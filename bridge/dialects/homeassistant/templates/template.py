"""A whole template: text, expressions, ``if``/``elif``/``else``, ``set``. It renders to text, without blanks around."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from bridge.dialects.homeassistant.templates.closures import Expression
from bridge.dialects.homeassistant.templates.expressions import MOST_DEPTH, Parser
from bridge.dialects.homeassistant.templates.tokens import NotUnderstoodError, Part, parts
from bridge.dialects.homeassistant.templates.values import Scope, TemplateError

_REMEMBERED: Final = 1_024
_REASON_CHARS: Final = 120

Step = Callable[[Scope, list[str]], None]


class NotUnderstood(Struct, frozen=True):
    """A template that is refused, and why, for people."""

    reason: str


class Template:
    """One that is understood. Immutable; safe to share."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def render(self, variables: Mapping[str, Any]) -> str:
        """Its text with these values.

        Raises:
            TemplateError: it has none: something undefined is used, a text is no number, it would take too much work.
        """
        scope, texts = Scope(variables), list[str]()
        try:
            _run(self._steps, scope, texts)
        except (RecursionError, ValueError, OverflowError, AttributeError) as error:
            raise TemplateError(str(error)[:_REASON_CHARS]) from None
        return "".join(texts).strip()


@lru_cache(maxsize=_REMEMBERED)
def template(source: str) -> Template | NotUnderstood:
    """The template that a text is."""
    try:
        reader = _Reader(parts(source))
        steps = reader.block(())
        return Template(steps)
    except NotUnderstoodError as error:
        return NotUnderstood(str(error)[:_REASON_CHARS])


class _Reader:
    def __init__(self, pieces: Sequence[Part]) -> None:
        self._pieces, self._at, self._depth = pieces, 0, 0
        self._end: Parser | None = None  # of the statement that ended a block, behind its first word
        self._ended_by = ""

    def block(self, ends: tuple[str, ...]) -> list[Step]:
        """Steps up to a statement that begins with one of these words."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise NotUnderstoodError(f"over {MOST_DEPTH} levels")
        steps: list[Step] = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            if not piece.is_statement:
                steps += _copied(piece)
                continue
            parser = Parser(piece.tokens or ())
            if word := parser.takes(*ends):
                self._end, self._ended_by = parser, word
                self._depth -= 1
                return steps
            steps.append(self._statement(parser))
        if ends:
            raise NotUnderstoodError(f"{ends[-1]} is missing")
        return steps

    def _statement(self, parser: Parser) -> Step:
        if parser.takes("if"):
            return self._condition(parser)
        if parser.takes("set"):
            name = parser.name()
            parser.needs("=")
            value = parser.expression()
            parser.ended()
            return _assignment(name, value)
        raise NotUnderstoodError("a statement other than if and set")

    def _condition(self, parser: Parser) -> Step:
        """``if``, any number of ``elif``, ``else``, ``endif``."""
        branches: list[tuple[Expression | None, list[Step]]] = []
        condition: Expression | None = parser.expression()
        parser.ended()
        while True:
            is_last = condition is None
            branches.append((condition, self.block(("endif",) if is_last else ("elif", "else", "endif"))))
            end = self._end
            assert end is not None
            condition = end.expression() if self._ended_by == "elif" else None
            end.ended()
            if self._ended_by == "endif":
                return _branching(branches)


def _run(steps: Sequence[Step], scope: Scope, texts: list[str]) -> None:
    for step in steps:
        step(scope, texts)


def _copied(piece: Part) -> list[Step]:
    """Text as it is, or what an expression comes to."""
    if piece.tokens is None:
        text = piece.text
        return [lambda _scope, texts: texts.append(text)] if text else []
    parser = Parser(piece.tokens)
    value = parser.expression()
    parser.ended()
    return [lambda scope, texts: texts.append(scope.text(value(scope)))]


def _assignment(name: str, value: Expression) -> Step:
    def assign(scope: Scope, _texts: list[str]) -> None:
        scope.variables[name] = value(scope)

    return assign


def _branching(branches: Sequence[tuple[Expression | None, list[Step]]]) -> Step:
    def branch(scope: Scope, texts: list[str]) -> None:
        for condition, steps in branches:
            scope.pay()
            if condition is None or condition(scope):
                _run(steps, scope, texts)
                return

    return branch
