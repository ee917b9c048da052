"""Topic patterns: which rule has a topic, what it binds, and what to subscribe to for all of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from bridge.topic_filters import covers, overlap, topic_filter_error

DEVICE, METRIC, ANY = "{device}", "{metric}", "+"
_PLACES: Final = frozenset({DEVICE, METRIC, ANY})
_MOST_LEVELS: Final = 20
_MOST_CHARS: Final = 300


class HasPattern(Protocol):
    """Whatever is found by a pattern."""

    @property
    def pattern(self) -> str:
        """The topic pattern."""


R = TypeVar("R", bound=HasPattern)


class Bound(Struct, Generic[R], frozen=True):
    """What a topic is by a rule."""

    rule: R
    device: str  # empty: the pattern doesn't bind it
    metric: str  # likewise


def pattern_fault(pattern: str) -> str:
    """What is wrong with a pattern; empty: nothing."""
    levels = pattern.split("/")
    if not pattern or len(pattern) > _MOST_CHARS or len(levels) > _MOST_LEVELS:
        return f"1 to {_MOST_CHARS} characters, at most {_MOST_LEVELS} levels"
    if pattern.startswith("$"):
        return "topics that begin with $ are the broker's"
    if levels[0] in _PLACES:
        return "its first level is a word: it would take other dialects' topics"
    if levels.count(DEVICE) > 1 or levels.count(METRIC) > 1:
        return "{device} and {metric} stand at most once each"
    if any(("{" in level or "}" in level) and level not in _PLACES for level in levels):
        return "{device} or {metric} is a whole level"
    if "#" in pattern:
        return "it has no #: say each level"
    return topic_filter_error(topic_filter(pattern)) or ""


def topic_filter(pattern: str) -> str:
    """What to subscribe to for a pattern."""
    return "/".join("+" if level in _PLACES else level for level in pattern.split("/"))


class PatternTree(Generic[R]):
    """Rules by their patterns. A literal level beats a place; of two rules with one shape the first counts."""

    def __init__(self, rules: Iterable[R]) -> None:
        self._root: dict[str, Any] = {}
        for rule in rules:
            node = self._root
            for level in topic_filter(rule.pattern).split("/"):
                node = node.setdefault(level, {})
            node.setdefault("\0", rule)  # no level has a NUL

    def find(self, topic: str) -> Bound[R] | None:
        """The rule for a topic, and what its places stand for; None: there is none."""
        levels = topic.split("/")
        if len(levels) > _MOST_LEVELS:
            return None
        rule = _find(self._root, levels, 0)
        return None if rule is None else _bound(rule, levels)


def _find(node: dict[str, Any], levels: Sequence[str], at: int) -> Any:
    if at == len(levels):
        return node.get("\0")
    for name in (levels[at], ANY):
        if name in node and (found := _find(node[name], levels, at + 1)) is not None:
            return found
    return None


def _bound(rule: R, levels: Sequence[str]) -> Bound[R]:
    places = dict(zip(rule.pattern.split("/"), levels, strict=True))
    return Bound(rule, places.get(DEVICE, ""), places.get(METRIC, ""))


def disjoint(filters: Iterable[str]) -> list[str]:
    """Filters that bring all that these bring, no two of which match one topic: so nothing comes twice."""
    found: list[str] = []
    for one in sorted(set(filters)):
        clash = [other for other in found if overlap(one, other)]
        wide = one
        while clash:
            found = [other for other in found if other not in clash]
            for other in clash:
                wide = _joined(wide, other)
            clash = [other for other in found if overlap(wide, other)]
        found.append(wide)
    return found


def _joined(one: str, other: str) -> str:
    """The narrowest filter that covers two without ``#``, that overlap: they have as many levels."""
    if covers(one, other):
        return one
    pairs = zip(one.split("/"), other.split("/"), strict=True)
    return "/".join(mine if mine == theirs else "+" for mine, theirs in pairs)
