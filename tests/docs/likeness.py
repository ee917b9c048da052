"""Is what was printed or answered like what a page shows? Pure.

``…`` stands for anything. JSON is alike if its members are the same and their values of the same type; anything else if
it is the same text.
"""

import json
import re
from typing import Any, Final

ANYTHING: Final = "…"
_MAPS: Final = {"metrics", "quarantined", "rejected", "reported", "desired"}
"""Members whose own members are names of the installation's."""


def is_like(shown: str, actual: str) -> bool:
    """Is a text, or one JSON value, like the one shown?"""
    try:
        expected, found = json.loads(_as_json(shown)), json.loads(actual)
    except ValueError:
        return re.fullmatch(_pattern(shown), actual.strip(), re.DOTALL) is not None
    return _alike(expected, found)


def _as_json(shown: str) -> str:
    """``{…}``, ``[…]`` and a bare ``…`` become a text; ``,…}`` a member that stands for others."""
    shown = re.sub(r"\{…\}|\[…\]", '"…"', shown)
    shown = re.sub(r",\s*…\s*(?=\})", ',"…":"…"', shown)
    return re.sub(r"(?<=[:\[,])\s*…(?=\s*[,}\]])", '"…"', shown)


def _pattern(shown: str) -> str:
    words = [r"\s+".join(map(re.escape, part.split())) for part in shown.strip().split(ANYTHING)]
    return r"\s*.*?\s*".join(words)


def _alike(shown: Any, actual: Any, *, is_map: bool = False) -> bool:
    if shown == ANYTHING or shown is None or actual is None:
        return True
    if isinstance(shown, dict):
        return isinstance(actual, dict) and (is_map or _same_members(shown, actual))
    if isinstance(shown, list):
        return isinstance(actual, list) and all(any(_alike(one, other) for other in actual) for one in shown)
    return _type(shown) is _type(actual)


def _same_members(shown: dict[str, Any], actual: dict[str, Any]) -> bool:
    named = shown.keys() - {ANYTHING}
    complete = named == actual.keys() if ANYTHING not in shown else named <= actual.keys()
    return complete and all(_alike(shown[name], actual[name], is_map=name in _MAPS) for name in named)


def _type(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
