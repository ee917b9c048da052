"""Topics on which Home Assistant commands native devices, and is told whether they are there.

    from Home Assistant   causeway/homeassistant/{site}/{device}/set/{control}    the value of a property
                          causeway/homeassistant/{site}/{device}/do/{control}     a press: an action
    to Home Assistant     causeway/homeassistant/{site}/{device}/presence         online | offline, retained

``causeway-bridge/…`` if the root of Causeway's own topics is ``causeway``. A control is a metric's or an action's name,
in the letters that Home Assistant takes.
"""

import re
from hashlib import blake2s
from typing import Final, Literal

from bridge.dialects.dialect import OWN_DOWNLINK, RejectedTopic, Route, Sorted
from bridge.names import is_name

CONTROLS: Final = "homeassistant_controls"  # the name of the dialect; none that DIALECTS could say
Verb = Literal["set", "do"]
_VERBS: Final = ("set", "do")
_LEVELS: Final = 6
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST_ID_CHARS: Final = 160


class ControlTopics:
    """Builds and parses them. Immutable; safe to share.

    Args:
        topic_root: the first level of Causeway's own topics.
    """

    def __init__(self, topic_root: str) -> None:
        self._first = "causeway" if topic_root != "causeway" else "causeway-bridge"
        self._base = f"{self._first}/homeassistant"
        self.filters = tuple(f"{self._base}/+/+/{verb}/+" for verb in _VERBS)
        self.presences = f"{self._base}/+/+/presence"

    def control(self, device: str, verb: Verb, control: str) -> str:
        """On which Home Assistant publishes; the inverse of :meth:`parse`."""
        return f"{self._base}/{device}/{verb}/{control}"

    def presence(self, device: str) -> str:
        """On which it is told whether a device is there."""
        return f"{self._base}/{device}/presence"

    def parse(self, topic: str) -> Sorted | None:
        """Sort a topic name; None: it is none of these. Never raises."""
        levels = topic.split("/")
        if levels[:2] != [self._first, "homeassistant"]:
            return None
        if len(levels) == _LEVELS - 1 and levels[4] == "presence":
            return OWN_DOWNLINK
        if len(levels) != _LEVELS or levels[4] not in _VERBS:
            return RejectedTopic("unknown_suffix")
        _, _, site, name, verb, control = levels
        if not (is_name(site) and is_name(name)) or len(control) > _MOST_ID_CHARS or _NO_ID.search(control):
            return RejectedTopic("bad_name")
        return Route(CONTROLS, f"{site}/{name}", verb, control)


def identifier(text: str) -> str:
    """An id of the letters that Home Assistant takes; with a hash where others stood."""
    plain = _NO_ID.sub("_", text)
    return plain if plain == text else f"{plain[:48]}_{blake2s(text.encode(), digest_size=4).hexdigest()}"
