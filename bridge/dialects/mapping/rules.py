"""A rule, how it is written, and why one can't be."""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from bridge.dialects.mapping.patterns import pattern_fault, topic_filter
from bridge.json_values import MAX_NAME_CHARS
from bridge.names import is_name
from bridge.observations import Scalar
from bridge.topic_filters import covers, overlap

PayloadKind = Literal["number", "text", "json", "pairs", "csv", "struct", "senml"]
NUMBERS: Final = {
    "u8": ("B", 1), "i8": ("b", 1),
    "u16be": (">H", 2), "i16be": (">h", 2), "u32be": (">I", 4), "i32be": (">i", 4),
    "u16le": ("<H", 2), "i16le": ("<h", 2), "u32le": ("<I", 4), "i32le": ("<i", 4),
    "u64be": (">Q", 8), "i64be": (">q", 8), "u64le": ("<Q", 8), "i64le": ("<q", 8),
    "f32be": (">f", 4), "f64be": (">d", 8), "f32le": ("<f", 4), "f64le": ("<d", 8),
}  # fmt: skip
"""Of a struct: what a field's type is to Python's struct, and how many bytes it has."""

_MOST_FIELDS: Final = 200
_MOST_WORDS: Final = 100
_MOST_CHARS: Final = 200
_OWN: Final = ("causeway", "causeway-bridge")  # first levels of Causeway's own topics, beside its root


class Field(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One value in a payload."""

    metric: str
    path: str = ""  # a JSON pointer; of pairs the key; of csv the column, from 0; of a struct the byte, from 0
    type: str = ""  # of a struct: one of NUMBERS
    label: str = ""
    unit: str = ""
    scale: float = 1


class Rule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the topics of a pattern are read."""

    site: str
    pattern: str  # levels; {device} and {metric} stand for one each, + for any one
    payload: PayloadKind
    device: str = ""  # its name, where the pattern has no {device}
    metric: str = ""  # its name, where the pattern has no {metric}, of number and text
    label: str = ""
    unit: str = ""
    scale: float = 1
    decimal: Literal[".", ","] = "."
    words: dict[str, Scalar] = {}  # what texts mean: {"an": true, "aus": false}
    fields: tuple[Field, ...] = ()  # none: all members of JSON, all pairs
    separator: str = ""  # between pairs or columns; empty: blanks, "," ";" "&" between pairs, "," between columns
    hex: bool = False  # a struct comes as hex digits
    enabled: bool = True


def rule_of(value: Any) -> Rule:
    """A rule from JSON.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if fault := rule_fault(rule):
        raise ValueError(fault)
    return rule


def rule_fault(rule: Rule) -> str:
    """What is wrong with a rule in itself; empty: nothing."""
    if not is_name(rule.site):
        return "site: 1 to 64 of A-Z a-z 0-9 _ - . :"
    if fault := pattern_fault(rule.pattern):
        return f"pattern: {fault}"
    has_device, has_metric = ("{device}" in rule.pattern.split("/"), "{metric}" in rule.pattern.split("/"))
    if has_device == bool(rule.device):
        return "device: say it where the pattern has no {device}, and only there"
    if rule.payload in ("number", "text") and has_metric == bool(rule.metric):
        return "metric: say it where the pattern has no {metric}, and only there"
    if len(rule.device) > MAX_NAME_CHARS or len(rule.metric) > MAX_NAME_CHARS or set(rule.device) & set("/\0"):
        return f"device, metric: at most {MAX_NAME_CHARS} characters, the device's without /"
    if len(rule.words) > _MOST_WORDS or any(len(word) > _MOST_CHARS for word in rule.words):
        return f"words: at most {_MOST_WORDS}"
    if max(len(rule.unit), len(rule.label), len(rule.separator)) > _MOST_CHARS:
        return f"unit, label, separator: at most {_MOST_CHARS} characters"
    return _fields_fault(rule)


def _fields_fault(rule: Rule) -> str:
    if len(rule.fields) > _MOST_FIELDS:
        return f"fields: at most {_MOST_FIELDS}"
    if rule.payload in ("csv", "struct") and not rule.fields:
        return f"fields: {rule.payload} needs some"
    if rule.payload in ("number", "text", "senml") and rule.fields:
        return f"fields: {rule.payload} has none"
    names = [one.metric for one in rule.fields]
    if len(set(names)) < len(names):
        return "fields: two have the same metric"
    return next(
        (f"fields: {one.metric[:64]!r}: {fault}" for one in rule.fields if (fault := _field_fault(rule, one))), ""
    )


def _field_fault(rule: Rule, one: Field) -> str:
    if not 0 < len(one.metric) <= MAX_NAME_CHARS or not one.metric.isprintable():
        return f"metric: 1 to {MAX_NAME_CHARS} characters"
    if len(one.path) > _MOST_CHARS or max(len(one.unit), len(one.label)) > _MOST_CHARS:
        return f"at most {_MOST_CHARS} characters"
    match rule.payload:
        case "json" if one.path and not one.path.startswith("/"):
            return "path: a JSON pointer begins with /"
        case "csv" | "struct" if not (one.path.isascii() and one.path.isdigit()):
            return "path: a number, from 0"
        case "struct" if one.type not in NUMBERS:
            return f"type: one of {', '.join(NUMBERS)}"
    return "" if rule.payload == "struct" or not one.type else "type: of a struct only"


def conflict(rule: Rule, topic_root: str, taken: Iterable[tuple[str, str]]) -> str:
    """Whose topics a rule's pattern would take; empty: nobody's.

    A filter like ``+/online`` meets nearly every pattern in some topic. That topic stays its dialect's, which comes
    first; it is a conflict only where no topic is left for the rule.

    Args:
        rule: without fault.
        topic_root: the first level of Causeway's own topics.
        taken: who has which topic filter.
    """
    mine = topic_filter(rule.pattern)
    own = [("causeway", f"{first}/#") for first in (topic_root, *_OWN)]
    return next((name for name, theirs in (*own, *taken) if _takes(theirs, mine)), "")


def _takes(theirs: str, mine: str) -> bool:
    return covers(theirs, mine) if theirs.startswith("+") else overlap(mine, theirs)
