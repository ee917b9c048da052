"""Texts, numbers and lists in descriptions that devices and their servers send, made storable. Nothing raises."""

import math
from typing import Any, Final

from bridge.json_values import shown

MOST_CHOICES: Final = 256  # values of an enum
_LABEL_CHARS: Final = 128


def label(value: Any, most_chars: int = _LABEL_CHARS) -> str:
    """A short text for people or a name; numbers as text; of anything else nothing. NULs and blanks around it go."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)[:_LABEL_CHARS] if not isinstance(value, int) or abs(value) < 2**64 else ""
    if not isinstance(value, str):
        return ""
    return shown(value.strip("\0 \t\r\n"), most_chars)


def number(value: Any) -> float | None:
    """A finite number within what a double holds exactly, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 2**53 and math.isfinite(value) else None


def choices(values: Any) -> tuple[str, ...]:
    """The values of an enum, as texts, each once."""
    if not isinstance(values, list):
        return ()
    return tuple(dict.fromkeys(text for one in values[:MOST_CHOICES] if (text := label(one))))
