"""A template's text cut into what is copied, what is evaluated (``{{ }}``) and what decides (``{% %}``)."""

import re
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

MOST_CHARS: Final = 4_000
MOST_TOKENS: Final = 600

Kind = Literal["name", "number", "text", "operator"]

_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
    |(?P<close>[-+]?(?:\}\}|%\}))
    |(?P<operator>==|!=|<=|>=|//|\*\*|[-+*/%~|.,:()\[\]{}<>=])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_OPEN: Final = re.compile(r"\{[{%#]")


class NotUnderstoodError(Exception):
    """A template that is no part of what is understood; the text says why."""


class Token(Struct, frozen=True):
    """One word of an expression."""

    kind: Kind
    text: str  # of a text: its content


class Part(Struct, frozen=True):
    """A piece of a template: text that is copied, or what stands between braces."""

    text: str = ""
    tokens: tuple[Token, ...] | None = None  # None: it is text
    is_statement: bool = False


def parts(source: str) -> list[Part]:
    """The pieces of a template.

    Raises:
        NotUnderstoodError: it is too long, or its braces don't match.
    """
    if len(source) > MOST_CHARS:
        raise NotUnderstoodError(f"over {MOST_CHARS} characters")
    found = list(_parts(source.removesuffix("\n")))
    if sum(len(part.tokens or ()) for part in found) > MOST_TOKENS:
        raise NotUnderstoodError(f"over {MOST_TOKENS} words")
    return found


def _parts(source: str) -> Iterator[Part]:
    end, strip = 0, False
    while True:
        opening = _OPEN.search(source, end)
        text = source[end : opening.start() if opening else len(source)]
        if strip:
            text = text.lstrip()
        if opening is None:
            yield Part(text)
            return
        start = opening.end()
        if source[start : start + 1] == "-":
            text, start = text.rstrip(), start + 1
        elif source[start : start + 1] == "+":
            start += 1
        yield Part(text)
        if opening[0] == "{#":
            end, strip = _comment_end(source, start)
            continue
        tokens, end, strip = _tokens(source, start, "}}" if opening[0] == "{{" else "%}")
        yield Part(tokens=tokens, is_statement=opening[0] == "{%")


def _comment_end(source: str, start: int) -> tuple[int, bool]:
    closing = source.find("#}", start)
    if closing < 0:
        raise NotUnderstoodError("a comment without end")
    return closing + 2, source[closing - 1] == "-"


def _tokens(source: str, start: int, close: str) -> tuple[tuple[Token, ...], int, bool]:
    found: list[Token] = []
    depth = 0  # of braces within
    while len(found) <= MOST_TOKENS:
        match = _TOKEN.match(source, start)
        if match is None:
            raise NotUnderstoodError(f"unexpected {source[start : start + 20].strip()!r}")
        start, kind = match.end(), match.lastgroup
        if kind == "close":
            if depth == 0 and match["close"].endswith(close):
                return tuple(found), start, match["close"][0] == "-"
            start = match.end() - len(match["close"]) + 1  # a brace that closes an object
            found.append(Token("operator", match["close"][0]))
            depth -= match["close"][0] == "}"
            continue
        found.append(_token(match, kind))
        depth += (match["operator"] == "{") - (match["operator"] == "}")
    raise NotUnderstoodError(f"over {MOST_TOKENS} words")


def _token(match: re.Match[str], kind: str | None) -> Token:
    text = match[kind or 0]
    match kind:
        case "text":
            return Token("text", _ESCAPE.sub(_unescaped, text[1:-1]))
        case "number" | "name":
            return Token(kind, text)
    return Token("operator", text)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else _ESCAPED.get(found[3], found[3])
