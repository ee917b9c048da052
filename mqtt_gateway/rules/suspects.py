"""Which publication makes the broker hang up. Pure.

A broker without a word for "no" (MQTT 3.1.1 has none) closes the connection on what it does not take: too large, or
forbidden. All that it had not confirmed then is suspect, and goes alone on later connections, one after the other. What
is alone under way when the connection breaks once more, and again, is set aside.
"""

from collections.abc import Hashable
from typing import Final

CONVICTED: Final = 2  # times alone under way when the connection broke
_REMEMBERED: Final = 1_000


class Suspects:
    """What one gateway process knows of them, over all its connections."""

    def __init__(self) -> None:
        self._under_way: set[Hashable] = set()
        self._times: dict[Hashable, int] = {}  # how often each suspect was alone when the connection broke
        self._set_aside: dict[Hashable, None] = {}  # oldest first

    def __bool__(self) -> bool:
        return bool(self._times)

    def is_set_aside(self, key: Hashable) -> bool:
        """Whether it is not to be published any more."""
        return key in self._set_aside

    def may_go(self, key: Hashable) -> bool:
        """Whether it may be published now: a suspect only alone, and nothing beside one."""
        return not self._under_way or not (key in self._times or self._times.keys() & self._under_way)

    def goes(self, key: Hashable) -> None:
        """It is published."""
        self._under_way.add(key)

    def ends(self, key: Hashable) -> None:
        """The broker has answered, and is still there: it is no suspect."""
        self._under_way.discard(key)
        self._times.pop(key, None)

    def breaks(self) -> list[Hashable]:
        """The connection is lost. Returns what is set aside from now on."""
        under_way, self._under_way = self._under_way, set()
        if len(under_way) != 1:
            for key in under_way:
                self._times.setdefault(key, 0)
            return []
        (key,) = under_way
        self._times[key] = self._times.get(key, -1) + 1
        if self._times[key] < CONVICTED:
            return []
        del self._times[key]
        self._set_aside[key] = None
        if len(self._set_aside) > _REMEMBERED:
            del self._set_aside[next(iter(self._set_aside))]
        return [key]
