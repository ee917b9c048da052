"""Figures and tables as Markdown, and the register of blocks that a page is made of. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

Results = Mapping[str, Any]
"""results.json."""
Block = Callable[[Results], str]
BLOCKS: Final[dict[str, Block]] = {}
"""By name, what ``$name`` in the page's template stands for."""
_WORDS: Final[Mapping[str, str]] = {
    "lost": "messages lost",
    "repeated": "messages repeated",
    "disordered": "messages out of order",
}
_UNITS: Final = {"ms": "ms", "us": "µs", "s": "s", "percent": "%"}


def block(function: Block) -> Block:
    """Make it a block, by its name."""
    BLOCKS[function.__name__] = function
    return function


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> str:
    """A table; the first columns, so many, are text, the others are set to the right."""
    lines = [head, ["---"] * text + ["---:"] * (len(head) - text), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def words(figure: str) -> str:
    """``cpu_us_per_message`` → ``CPU per message, µs``; ``p99_ms`` → ``p99, ms``; ``items_per_s`` → ``items/s``."""
    if found := re.fullmatch(r"(.*)_(us|ms)_per_(.*)", figure):
        return f"{_said(found[1])} per {_said(found[3])}, {_UNITS[found[2]]}"
    if found := re.fullmatch(r"(.*)_per_(cpu_s|s)", figure):
        return f"{_said(found[1])}/{_said(found[2])}"
    name, _, unit = figure.rpartition("_")
    return f"{_said(name)}, {_UNITS[unit]}" if unit in _UNITS else _said(figure)


def _said(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " ").replace("cpu", "CPU"))


def number(value: float | None) -> str:
    """``12,345``, ``345``, ``34.5``, ``3.45``, ``0``; nothing: ""."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def amount(value: float | None) -> str:
    """Two significant digits below ten, whole numbers above: 0.34, 5.6, 112; nothing: ""."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def cores(value: float) -> str:
    """Of a core: ``0.34``, ``2.1``."""
    return f"{value:.2f}" if value < 0.995 else f"{value:.1f}"


def rate(value: float) -> str:
    """A rate rounded to what it is good for: two digits, ``12,000``."""
    return number(float(f"{value:.2g}"))


def spread(found: Mapping[str, Any] | None) -> str:
    """``5,120 (4,990–5,300)``: median and range of the rounds."""
    if found is None:
        return ""
    low, high = number(found["min"]), number(found["max"])
    return number(found["median"]) + (f" ({low}–{high})" if low != high else "")


def times(ratio: Mapping[str, float], better: str) -> str:
    """How many times better ours is than theirs; the ratio is theirs to ours."""
    better_by = 1 / ratio["median"] if better == "higher" else ratio["median"]
    return f"{better_by:.0f}×" if better_by >= 10 else f"{better_by:.2g}×"
