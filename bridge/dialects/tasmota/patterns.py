"""Tasmota's FullTopic: where prefix and device topic stand in a topic name. Built and parsed only here.

    %prefix%/%topic%/      cmnd/plug/POWER1, stat/plug/RESULT, tele/plug/STATE
    haus/%topic%/%prefix%/ haus/plug/cmnd/POWER1

A device topic may have several levels; what stands behind the pattern is the last level of the name, the levels before
it belong to a device behind a bridge (SetOption89).
"""

import re
from typing import Final, Literal

from msgspec import Struct

Prefix = Literal["cmnd", "stat", "tele"]

USUAL: Final = "%prefix%/%topic%/"
_TOKENS: Final = re.compile(r"(%prefix%|%topic%|%hostname%|%id%)")
_MAX_CHARS: Final = 100


class Parsed(Struct, frozen=True):
    """A topic name understood."""

    prefix: str
    topic: str  # of the device, with the levels of a device behind it
    what: str  # the last level: STATE, RESULT, POWER1


class Pattern:
    """One FullTopic pattern with the usual prefixes.

    Args:
        text: the pattern, or the levels before the usual one; "": the usual one.

    Raises:
        ValueError: commands and answers would share topics, or devices would.
    """

    def __init__(self, text: str) -> None:
        text = text.strip("/")
        if "%" not in text:
            text = f"{text}/{USUAL}" if text else USUAL
        self.text: Final = text.rstrip("/") + "/"
        if problem := pattern_error(self.text):
            raise ValueError(f"a pattern (FullTopic): {problem}")
        self._regex = re.compile(_regex(self.text))

    def filters(self) -> tuple[str, str]:
        """The topic filters of all that devices say."""
        return tuple(self._filter(prefix) for prefix in ("tele", "stat"))  # type: ignore[return-value]

    def downlinks(self) -> str:
        """The topic filter of all commands."""
        return self._filter("cmnd")

    def filters_of(self, topic: str) -> tuple[str, str]:
        """The topic filters of all that one device says."""
        return tuple(self._filter(prefix, topic) for prefix in ("tele", "stat"))  # type: ignore[return-value]

    def _filter(self, prefix: Prefix, topic: str = "%topic%") -> str:
        one = self.stem(prefix, topic)
        return "/".join("+" if "%" in level else level for level in one.rstrip("/").split("/")) + "/#"

    def parse(self, topic: str) -> Parsed | None:
        """What a topic name says; None: it isn't of this pattern."""
        found = self._regex.match(topic)
        if found is None:
            return None
        inner, _, what = found["what"].rpartition("/")
        device = f"{found['topic']}/{inner}" if inner else found["topic"]
        return Parsed(found["prefix"], device, what) if what else None

    def stem(self, prefix: Prefix, topic: str) -> str:
        """The name of a device's topics but for the last level, slash included."""
        return self.text.replace("%prefix%", prefix).replace("%topic%", topic)

    def covers(self, stem: str, topic: str) -> bool:
        """Whether topics with this stem (``tele``) are understood as this device's."""
        parsed = self.parse(f"{stem}STATE")
        return parsed is not None and (parsed.prefix, parsed.topic) == ("tele", topic)


def pattern_error(text: str) -> str:
    """Why a FullTopic can't be used; empty: it can."""
    if "%prefix%" not in text:
        return "without %prefix% commands and answers share their topics"
    if "%topic%" not in text:
        return "without %topic% all devices share their topics"
    if text.count("%prefix%") + text.count("%topic%") > 2:
        return "%prefix% and %topic% stand once each"
    if any(sign in text for sign in "+#\0") or text.startswith("$") or len(text) > _MAX_CHARS:
        return "it is no topic name"
    return ""


def _regex(text: str) -> str:
    """``tele/kitchen/plug/STATE``: the device topic takes all levels but the last where nothing stands behind it."""
    parts = {
        "%prefix%": "(?P<prefix>cmnd|stat|tele)",
        "%topic%": "(?P<topic>[^/]+(?:/[^/]+)*)",
        "%hostname%": "[^/]+",
        "%id%": "[0-9A-Fa-f]{6}",
    }
    return "".join(parts.get(one) or re.escape(one) for one in _TOKENS.split(text)) + r"(?P<what>.+)\Z"
