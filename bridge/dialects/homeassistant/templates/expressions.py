"""Expressions of templates, made functions of a scope. Precedence is Jinja's (jinja2/parser.py)."""

from collections.abc import Sequence
from typing import Final

from bridge.dialects.homeassistant.templates import closures
from bridge.dialects.homeassistant.templates.closures import Arguments, Expression
from bridge.dialects.homeassistant.templates.filters import FILTERS, FUNCTIONS, METHODS, TESTS
from bridge.dialects.homeassistant.templates.tokens import NotUnderstoodError, Token

MOST_DEPTH: Final = 24  # of what stands within something else
_CONSTANTS: Final = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_KEYWORDS: Final = frozenset({"if", "else", "and", "or", "not", "in", "is"})
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LEVELS: Final = (("+", "-"), ("~",), ("*", "/", "//", "%"))  # weakest first
_MOST_ARGS: Final = 16


class Parser:
    """Reads one expression after the other from tokens.

    Args:
        tokens: of one pair of braces.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    @property
    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def takes(self, *texts: str) -> str:
        """The next word, taken, if it is one of these; else an empty text."""
        token = self._next
        if token is None or token.kind in ("text", "number") or token.text not in texts:
            return ""
        self._at += 1
        return token.text

    def needs(self, text: str) -> None:
        """Take this word.

        Raises:
            NotUnderstoodError: another stands there.
        """
        if not self.takes(text):
            raise NotUnderstoodError(f"{text!r} is missing")

    def name(self) -> str:
        """Take a name.

        Raises:
            NotUnderstoodError: none stands there.
        """
        token = self._next
        if token is None or token.kind != "name" or token.text in _KEYWORDS:
            raise NotUnderstoodError("a name is missing")
        self._at += 1
        return token.text

    def ended(self) -> None:
        """Nothing follows.

        Raises:
            NotUnderstoodError: something does.
        """
        if (token := self._next) is not None:
            raise NotUnderstoodError(f"unexpected {token.text[:20]!r}")

    def expression(self) -> Expression:
        """``a if b else c``, and all that binds closer."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise NotUnderstoodError(f"over {MOST_DEPTH} levels")
        value = self._either()
        while self.takes("if"):
            condition = self._either()
            other = self.expression() if self.takes("else") else closures.UNDEFINED_VALUE
            value = closures.choice(condition, value, other)
        self._depth -= 1
        return value

    def _either(self) -> Expression:
        left = self._both()
        while self.takes("or"):
            left = closures.either(left, self._both())
        return left

    def _both(self) -> Expression:
        left = self._negation()
        while self.takes("and"):
            left = closures.both(left, self._negation())
        return left

    def _negation(self) -> Expression:
        times = 0
        while self.takes("not"):
            times += 1
        value = self._comparison()
        return closures.negated(value, times) if times else value

    def _comparison(self) -> Expression:
        left = self._sum(0)
        steps: list[tuple[str, Expression]] = []
        while True:
            if operator := self.takes(*_COMPARISONS, "in"):
                steps.append((operator, self._sum(0)))
            elif self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].text == "in" and self.takes("not"):
                self.needs("in")
                steps.append(("not in", self._sum(0)))
            else:
                return closures.comparisons(left, steps) if steps else left

    def _sum(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._signed()
        left = self._sum(level + 1)
        while operator := self.takes(*_LEVELS[level]):
            left = closures.calculation(operator, left, self._sum(level + 1))
        return left

    def _signed(self) -> Expression:
        sign = 1
        signs = 0
        while operator := self.takes("-", "+"):
            signs += 1
            sign = -sign if operator == "-" else sign
        value = self._inner(self._primary())
        if signs:
            value = closures.signed(value, sign)
        return self._filtered(value)

    def _primary(self) -> Expression:
        token = self._next
        if token is None:
            raise NotUnderstoodError("it ends too early")
        if token.kind == "name":
            return self._named(self.name())
        self._at += 1
        match token.kind, token.text:
            case "text", text:
                return closures.constant(text)
            case "number", text:
                return closures.constant(float(text) if set(text) & set(".eE") else int(text))
            case _, "(":
                value = self.expression()
                self.needs(")")
                return value
            case _, "[":
                return closures.listed(self._listed("]"))
            case _, "{":
                return self._object()
        raise NotUnderstoodError(f"unexpected {token.text[:20]!r}")

    def _named(self, name: str) -> Expression:
        if name in _CONSTANTS:
            return closures.constant(_CONSTANTS[name])
        if not self.takes("("):
            return closures.variable(name)
        if name not in FUNCTIONS:
            raise NotUnderstoodError(f"the function {name}")
        return closures.called(FUNCTIONS[name], self._arguments())

    def _inner(self, value: Expression) -> Expression:
        """Members, elements and methods."""
        while operator := self.takes(".", "["):
            if operator == "[":
                value = self._element(value)
                continue
            token = self._next
            if token is not None and token.kind == "number" and token.text.isdigit():
                self._at += 1
                value = closures.element(value, closures.constant(int(token.text)))
                continue
            name = self.name()
            if not self.takes("("):
                value = closures.element(value, closures.constant(name))
            elif name in METHODS:
                value = closures.method(value, *METHODS[name], self._arguments())
            else:
                raise NotUnderstoodError(f"the method {name}")
        return value

    def _element(self, value: Expression) -> Expression:
        first = None if self.takes(":") else self.expression()
        if first is not None and self.takes("]"):
            return closures.element(value, first)
        if first is not None:
            self.needs(":")
        last = None if self.takes("]") else self.expression()
        if last is not None:
            self.needs("]")
        return closures.section(value, first, last)

    def _filtered(self, value: Expression) -> Expression:
        while True:
            if self.takes("|"):
                name = self.name()
                if name not in FILTERS:
                    raise NotUnderstoodError(f"the filter {name}")
                args, named = self._arguments() if self.takes("(") else ([], {})
                value = closures.called(FILTERS[name], ([value, *args], named))
            elif self.takes("is"):
                value = self._test(value)
            else:
                return value

    def _test(self, value: Expression) -> Expression:
        negated = bool(self.takes("not"))
        token = self._next
        if token is None or token.kind != "name" or token.text not in TESTS | {"in": None}:
            raise NotUnderstoodError(f"the test {token.text[:20] if token else ''}")
        self._at += 1
        if token.text == "in":
            return closures.negated(closures.comparisons(value, [("in", self._sum(0))]), int(negated) or 2)
        return closures.negated(closures.tested(value, TESTS[token.text]), int(negated) or 2)

    def _arguments(self) -> Arguments:
        """After ``(``: arguments, some of them by name."""
        args: list[Expression] = []
        named: dict[str, Expression] = {}
        while not self.takes(")"):
            if args or named:
                self.needs(",")
            following = self._tokens[self._at + 1].text if self._at + 1 < len(self._tokens) else ""
            if following == "=" and self._next is not None and self._next.kind == "name":
                name = self.name()
                self.needs("=")
                named[name] = self.expression()
            else:
                args.append(self.expression())
            if len(args) + len(named) > _MOST_ARGS:
                raise NotUnderstoodError(f"over {_MOST_ARGS} arguments")
        return args, named

    def _listed(self, end: str) -> list[Expression]:
        found: list[Expression] = []
        while not self.takes(end):
            if found:
                self.needs(",")
                if self.takes(end):
                    break
            found.append(self.expression())
        return found

    def _object(self) -> Expression:
        members: list[tuple[Expression, Expression]] = []
        while not self.takes("}"):
            if members:
                self.needs(",")
                if self.takes("}"):
                    break
            key = self.expression()
            self.needs(":")
            members.append((key, self.expression()))
        return closures.mapped(members)
