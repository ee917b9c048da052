"""Figures and tables as Markdown. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_WORDS: Final = (
    (r"^(.+)_(us|ms|bytes)_per_(.+)$", r"\1 per \3, \2"),
    (r"^([^/,]+)_per_(cpu_s|s)$", r"\1/\2"),
    (r"^([^/,]+)_(us|ms|s|percent)$", r"\1, \2"),
    (r"^(lost|repeated)", r"messages \1"),
    (r"^disordered", "messages out of order"),
    (r"\bus$", "µs"),
    (r"\bpercent$", "%"),
    (r"_", " "),
    (r"\bcpu\b", "CPU"),
)
"""What becomes of a figure's name, from first to last."""


_ALIKE: Final = 0.95
"""From here on it is not said which is the better one: ``1×``."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> str:
    """A table; the first columns, so many, are text, the others are set to the right."""
    lines = [head, ["---"] * text + ["---:"] * (len(head) - text), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def words(figure: str) -> str:
    """``cpu_us_per_message`` → ``CPU per message, µs``; ``p99_ms`` → ``p99, ms``; ``items_per_s`` → ``items/s``."""
    for pattern, instead in _WORDS:
        figure = re.sub(pattern, instead, figure)
    return figure


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


def rate(value: float) -> str:
    """A rate rounded to what it is good for: two digits, ``12,000``."""
    return number(float(f"{value:.2g}"))


def spread(found: Mapping[str, Any] | None) -> str:
    """``5,120 (4,990–5,300)``: median and range of the rounds."""
    if found is None:
        return ""
    low, high = number(found["min"]), number(found["max"])
    return number(found["median"]) + (f" ({low}–{high})" if low != high else "")


def times(ratio: Mapping[str, float], better: str, figure: str = "") -> str:
    """``3.5×``: how many times better Causeway is; ``14× slower``: how many times worse. The ratio: theirs to ours."""
    better_by = 1 / ratio["median"] if better == "higher" else ratio["median"]
    if better_by >= _ALIKE:
        return _factor(better_by)
    return f"{_factor(1 / better_by)} {_worse(figure, better)}"


def _factor(value: float) -> str:
    return f"{value:.0f}×" if value >= 10 else f"{value:.2g}×"


def _worse(figure: str, better: str) -> str:
    """Of what: fewer messages a second, slower answers, more CPU or memory."""
    if better == "higher":
        return "fewer"
    return "slower" if "cpu" not in figure and figure.endswith(("_ms", "_s")) else "more"
