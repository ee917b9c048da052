"""The picture of where the time goes: one stacked bar a process, each with its own key. Pure: numbers in, SVG out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from bench.report.areas import AREAS

_WIDTH: Final = 860
_MARGIN: Final = 24
_INSIDE: Final = _WIDTH - 2 * _MARGIN
_HEAD: Final = 64  # title and subtitle
_BAR: Final = 22
_LINE: Final = 20  # of keys
_ABOVE: Final = 26  # a bar's heading
_BELOW: Final = 14
_NARROW, _WIDE, _USUAL = 4.3, 10.0, 7.6  # px of a letter of the 13 px type, about; keys are set by it
_KEY: Final = 17  # px of a key's square and the gap behind it
_GAP: Final = 16  # px between keys

_COLOURS: Final = dict(
    zip(
        AREAS,
        (
            ("#b35900", "#f0883e"),
            ("#9a6700", "#d4a72c"),
            ("#0a7ea4", "#39c5cf"),
            ("#57606a", "#8b949e"),
            ("#7d4e57", "#c297a0"),
            ("#bf3989", "#f778ba"),
            ("#0550ae", "#58a6ff"),
            ("#1f7a4d", "#56d364"),
            ("#6639ba", "#bc8cff"),
            ("#a40e26", "#ff7b72"),
            ("#2f6f8f", "#7bb8d9"),
            ("#4d7c0f", "#a3c644"),
            ("#afb8c1", "#6e7681"),
            ("#d0d7de", "#484f58"),
        ),
        strict=True,
    )
)
"""Of each area, on a light and on a dark ground."""
_SERVER: Final = ("#8c959f", "#768390")
"""Of a process that was not looked into."""


@dataclass(frozen=True)
class Bar:
    """One process, or several of one role.

    Attributes:
        name: what it is.
        parts: area → amount, in the picture's unit. A name that is no area is drawn in the servers' colour.
    """

    name: str
    parts: Mapping[str, float]

    @property
    def whole(self) -> float:
        """The sum of its parts."""
        return sum(self.parts.values())


def draw(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """An SVG of its own, for light and dark surroundings.

    Args:
        title: what is shown.
        unit: of the amounts, ``µs of CPU a message``.
        bars: from top to bottom. The longest reaches from edge to edge.
    """
    longest = max((bar.whole for bar in bars), default=0.0) or 1.0
    drawn: list[str] = []
    top = float(_HEAD)
    for bar in bars:
        lines = _key_lines(bar)
        drawn += _bar(bar, lines, top, _INSIDE / longest)
        top += _ABOVE + _BAR + len(lines) * _LINE + _BELOW
    return "\n".join([*_opening(title, unit, bars, round(top)), *drawn, "</svg>", ""])


def amount(value: float) -> str:
    """Two significant digits below ten, whole numbers above: 0.34, 5.6, 112."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def _opening(title: str, unit: str, bars: Sequence[Bar], height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="title desc">'
    )
    yield f'  <title id="title">{escape(title)}</title>'
    yield f'  <desc id="desc">{escape(_told(unit, bars))}</desc>'
    yield from _style(sorted({part for bar in bars for part in bar.parts}, key=_class))
    yield f'  <rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>'
    yield f'  <text class="title" x="{_MARGIN}" y="30">{escape(title)}</text>'
    yield f'  <text class="soft" x="{_MARGIN}" y="49">{escape(unit)}</text>'


def _told(unit: str, bars: Sequence[Bar]) -> str:
    """The picture in words, for who cannot see it."""
    each = (
        f"{bar.name} {amount(bar.whole)}: " + ", ".join(f"{part} {amount(value)}" for part, value in bar.parts.items())
        for bar in bars
    )
    return f"In {unit}. " + "; ".join(each) + "."


def _style(parts: Sequence[str]) -> Iterator[str]:
    yield "  <style>"
    yield "    .ground { fill: #ffffff; stroke: #d0d7de } text { fill: #1f2328 }"
    yield "    .title { font-size: 16px; font-weight: 600 } .name { font-weight: 600 }"
    yield "    .soft { fill: #57606a } .part { stroke: #ffffff; stroke-width: 1 }"
    yield "    " + " ".join(f".{_class(part)} {{ fill: {_colours(part)[0]} }}" for part in parts)
    yield "    @media (prefers-color-scheme: dark) {"
    yield "      .ground { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 } .soft { fill: #9da7b3 }"
    yield "      .part { stroke: #0d1117 }"
    yield "      " + " ".join(f".{_class(part)} {{ fill: {_colours(part)[1]} }}" for part in parts)
    yield "    }"
    yield "  </style>"


def _colours(part: str) -> tuple[str, str]:
    return _COLOURS.get(part, _SERVER)


def _class(part: str) -> str:
    return f"a{AREAS.index(part):02d}" if part in AREAS else "server"


def _bar(bar: Bar, lines: Sequence[Sequence[tuple[str, float]]], top: float, px_a_unit: float) -> Iterator[str]:
    heading = f'<tspan class="name">{escape(bar.name)}</tspan> <tspan class="soft">{amount(bar.whole)}</tspan>'
    yield f'  <text x="{_MARGIN}" y="{top + 18:g}">{heading}</text>'
    left = float(_MARGIN)
    for part, value in bar.parts.items():
        width = value * px_a_unit
        place = f'x="{left:.2f}" y="{top + _ABOVE:g}" width="{width:.2f}" height="{_BAR}"'
        yield f'  <rect class="part {_class(part)}" {place}/>'
        left += width
    for number, line in enumerate(lines):
        yield from _keys(line, top + _ABOVE + _BAR + number * _LINE)


def _keys(line: Sequence[tuple[str, float]], top: float) -> Iterator[str]:
    left = float(_MARGIN)
    for part, value in line:
        yield f'  <rect class="{_class(part)}" x="{left:.1f}" y="{top + 7:g}" width="11" height="11" rx="2"/>'
        label = f'{escape(part)} <tspan class="soft">{amount(value)}</tspan>'
        yield f'  <text x="{left + _KEY:.1f}" y="{top + 17:g}">{label}</text>'
        left += _key_px(part, value)


def _key_lines(bar: Bar) -> list[list[tuple[str, float]]]:
    """The bar's keys, as many in a line as fit. Whoever is drawn as one piece needs none."""
    lines: list[list[tuple[str, float]]] = []
    left = float(_INSIDE)
    for part, value in bar.parts.items() if len(bar.parts) > 1 else ():
        width = _key_px(part, value)
        if not lines or left + width > _INSIDE:
            lines.append([])
            left = 0.0
        lines[-1].append((part, value))
        left += width
    return lines


def _key_px(part: str, value: float) -> float:
    text = f"{part} {amount(value)}"
    return _KEY + sum(map(_letter_px, text)) + _GAP


def _letter_px(letter: str) -> float:
    if letter in "fijlrt,. ":
        return _NARROW
    return _WIDE if letter.isupper() or letter in "mw" else _USUAL
