"""Figures and tables of the document, as Markdown. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bench.report.report import number

_WORDS: Final[Mapping[str, str]] = {
    "lost": "messages lost",
    "repeated": "messages repeated",
    "disordered": "messages out of order",
}
_UNITS: Final = {"_ms": "ms", "_us": "µs", "_s": "s", "_mib": "MiB", "_bytes": "bytes", "_percent": "%"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> str:
    """A table; the first columns, so many, are text, the others are set to the right."""
    lines = [head, ["---"] * text + ["---:"] * (len(head) - text), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def words(figure: str) -> str:
    """``cpu_us_per_message`` → ``CPU per message, µs``; ``p99_ms`` → ``p99, ms``; ``items_per_s`` → ``items/s``."""
    if found := re.fullmatch(r"(.*)_(us|ms)_per_(.*)", figure):
        return f"{_said(found[1])} per {_said(found[3])}, {_UNITS['_' + found[2]]}"
    if found := re.fullmatch(r"(.*)_per_(cpu_s|s)", figure):
        return f"{_said(found[1])}/{'CPU s' if found[2] == 'cpu_s' else 's'}"
    for ending, unit in _UNITS.items():
        if figure.endswith(ending):
            return f"{_said(figure.removesuffix(ending))}, {unit}"
    return _said(figure)


def _said(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " ").replace("cpu", "CPU"))


def spread(found: Mapping[str, Any] | None) -> str:
    """``5,120 (4,990–5,300)``: median and range of the rounds."""
    if found is None:
        return ""
    low, high = number(found["min"]), number(found["max"])
    return number(found["median"]) + (f" ({low}–{high})" if low != high else "")


def against(one: Mapping[str, Any], figure: str, better: str) -> str:
    """Another installation's figure, and how many times better Causeway's is: ``571 (540–590), 9.0×``."""
    found, ratio = one["figures"].get(figure), one["ratio"].get(figure)
    text = spread(found)
    return f"{text}, **{times(ratio, better)}**" if found and ratio and ratio["median"] else text


def times(ratio: Mapping[str, float], better: str) -> str:
    """How many times better ours is than theirs; the ratio is theirs to ours."""
    better_by = 1 / ratio["median"] if better == "higher" else ratio["median"]
    return f"{better_by:.0f}×" if better_by >= 10 else f"{better_by:.2g}×"


def cores(value: float) -> str:
    """Of a core: ``0.34``, ``2.1``."""
    return f"{value:.2f}" if value < 0.995 else f"{value:.1f}"


def rate(value: float) -> str:
    """A rate rounded to what it is good for: two digits, ``12,000``."""
    return number(float(f"{value:.2g}"))
