"""Numbers in texts, as devices write them."""

import math
import re
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?\Z", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d{1,400}\Z", re.ASCII)
_NO_NUMBER: Final = frozenset({"nan", "-nan", "+nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"})


def number_in(text: str) -> int | float | None:
    """The number that a text is; None: it is none. What is beyond a double is infinite (bridge.json_values: a gap)."""
    if not _NUMBER.match(text):
        return None
    return int(text) if _INTEGER.match(text) else float(text)


def is_no_number(text: str) -> bool:
    """Whether a text says that there is no number: nan, inf."""
    return text.lower() in _NO_NUMBER


def within(value: float, low: float | None, high: float | None) -> bool:
    """Whether a number is finite and in a range; None: open."""
    return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)


def written(value: float) -> str:
    """A number as text: the shortest that gives it back, without an exponent where that is short, ``40`` for 40.0."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 2**53):
        return str(int(value))
    return repr(value)
