"""Values that devices send, made storable one by one: no good value is lost beside a bad one.

NaN and infinities become null, as does text with a NUL or a lone surrogate; integers beyond ±2⁵³ become exact text;
bad names are left out. Each is noted, a few per message.
"""

import math
from itertools import islice
from typing import Any, Final

from msgspec import structs

from bridge.json_limits import MAX_DEPTH, MAX_INTEGER, MalformedError, text_fault
from bridge.observations import Note, NoteReason, Scalar

MAX_NAME_CHARS: Final = 128
MAX_ARRAY: Final = 64  # elements of an array that become metrics
MAX_NOTES: Final = 20
MAX_SAMPLE_CHARS: Final = 200
# What is kept of a message, twice (in its reading and in the twin), may be so many times as long as the message, and so
# much longer: what flattened names take beyond what was sent for them.
_NAMES_PER_BYTE: Final = 3
_SPARE_NAMES: Final = 100
_SHORT_NUMBER: Final = 4  # characters; a longer one may have been sent as 1e15
_SPARE_NOTES: Final = 1_000  # bytes of notes, beside as many as the message has
_NOTE_BYTES: Final = 45  # of a note, beside its texts
_MEMBER_BYTES: Final = 8  # of a member, beside the name of what it is in: dot, index, quotes, colon, comma


class Notes:
    """What of one message was not taken as it came: the first few kinds, counted."""

    __slots__ = ("_noted", "_room")

    def __init__(self, room: int = 1_000_000) -> None:
        self._noted: dict[tuple[NoteReason, str], Note] | None = None
        self._room = room  # bytes

    @property
    def notes(self) -> tuple[Note, ...]:
        """All of them."""
        return tuple(self._noted.values()) if self._noted else ()

    def note(self, reason: NoteReason, metric: str, sample: object) -> None:
        """Keep what was not taken as it came."""
        noted = self._noted = self._noted if self._noted is not None else {}
        key = reason, shown(metric, MAX_NAME_CHARS)
        before = noted.get(key)
        if before is not None:
            noted[key] = structs.replace(before, sample=shown(str(sample), MAX_SAMPLE_CHARS), count=before.count + 1)
        elif len(noted) < MAX_NOTES and self._room > 0:
            noted[key] = Note(reason, key[1], shown(str(sample), MAX_SAMPLE_CHARS))
            self._room -= len(reason) + len(key[1]) + len(noted[key].sample) + _NOTE_BYTES


class Sieve(Notes):
    """Makes the values of one message storable, and notes what it changes.

    Args:
        payload_bytes: how long the message is: what becomes of it is bounded by that.
    """

    __slots__ = ("_budget",)

    def __init__(self, payload_bytes: int) -> None:
        self._noted = None
        self._room = payload_bytes + _SPARE_NOTES
        self._budget = _NAMES_PER_BYTE * payload_bytes + _SPARE_NAMES

    def flattened(self, value: dict[str, Any]) -> dict[str, Scalar]:
        """An object's scalars by their names, its ``ts`` left out; inner objects' and arrays' names joined by dots.

        Raises:
            MalformedError: it is too deep.
        """
        metrics: dict[str, Scalar] = {}
        twice: set[str] = set()
        self._flatten(value, "", metrics, twice, 1)
        for name in twice:
            self.note("name_collision", name, metrics.pop(name))
        return metrics

    def _flatten(
        self, value: dict[str, Any], prefix: str, metrics: dict[str, Scalar], twice: set[str], depth: int
    ) -> None:
        for key, inner in value.items():
            name = prefix + key
            if name == "ts":
                continue
            kind = type(inner)
            if not 0 < len(name) <= MAX_NAME_CHARS or "\0" in name or not (name.isascii() or not text_fault(name)):
                self.note("bad_metric_name", name, inner if kind not in (dict, list) else "")
            elif kind is dict or kind is list:
                self._descend(inner, name, metrics, twice, depth + 1)
            elif name in metrics:
                twice.add(name)
            elif kind is bool or inner is None:
                metrics[name] = inner
            elif kind is float:
                metrics[name] = inner if math.isfinite(inner) else self.scalar(inner, name)
            elif kind is str:
                good = "\0" not in inner and inner.isascii()
                metrics[name] = inner if good else self.scalar(inner, name)
            else:
                metrics[name] = self.scalar(inner, name)

    def _descend(self, inner: Any, name: str, metrics: dict[str, Scalar], twice: set[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise MalformedError("too_deep", f"over {MAX_DEPTH} levels")
        each = len(name) + _MEMBER_BYTES
        if isinstance(inner, list):
            if len(inner) > MAX_ARRAY:
                self.note("array_too_long", name, f"{len(inner)} elements")
            inner = {str(index): one for index, one in enumerate(inner[:MAX_ARRAY])}
            each += max([0, *(len(repr(one)) - _SHORT_NUMBER for one in inner.values() if type(one) is float)])
        if len(inner) * each > self._budget:
            self.note("names_too_long", name, f"{len(inner)} members")
            inner = dict(islice(inner.items(), self._budget // each))
        self._budget -= len(inner) * each
        self._flatten(inner, name + ".", metrics, twice, depth)

    def scalar(self, value: Any, name: str) -> Scalar:
        """A scalar as it can be stored."""
        match value:
            case bool() | None:
                return value
            case float() if not math.isfinite(value):
                self.note("not_finite", name, value)
                return None
            case int() if not -MAX_INTEGER <= value <= MAX_INTEGER:
                self.note("integer_too_large", name, value)
                return str(value)
            case str() if type(value) is not str:
                self.note("integer_too_large", name, value)
                return str(value)
            case str() if text_fault(value):
                self.note("bad_text", name, value)
                return None
        return value  # type: ignore[no-any-return]

    def storable(self, value: Any, name: str = "") -> Any:
        """Any JSON value as it can be stored: members with bad names are left out. Not deeper than MAX_DEPTH."""
        match value:
            case dict():
                return {key: self.storable(inner, _inside(name, key)) for key, inner in self._members(value, name)}
            case list():
                return [self.storable(inner, name) for inner in value]
        return self.scalar(value, name)

    def _members(self, value: dict[str, Any], name: str) -> list[tuple[str, Any]]:
        bad = {key for key in value if text_fault(key)}
        for key in bad:
            self.note("bad_metric_name", _inside(name, key), "")
        return [(key, inner) for key, inner in value.items() if key not in bad]


def _inside(name: str, key: str) -> str:
    """The name of a member, for notes."""
    return (f"{name}.{key}" if name else key)[: MAX_NAME_CHARS + 1]


def shown(text: str, most_chars: int) -> str:
    """A text as it can be stored and shown: its beginning, whatever is in it."""
    if len(text) <= most_chars and text.isascii() and "\0" not in text:
        return text
    return text[:most_chars].replace("\0", "\\0").encode(errors="replace").decode()[:most_chars]
