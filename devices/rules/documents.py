"""JSON documents that remember which rev set each part: merge patches in, the merge patch since any rev out. RFC 7396.

A leaf is a scalar, an array or an empty object. The marks of devices.rules.marks say when each was set, and hold the
tombstones of what is gone. What a document takes is a small multiple of what was sent for it, whatever its shape.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from devices.rules import marks
from devices.rules.marks import MARK_BYTES, Leaf, Mark

Path = tuple[str, ...]
MAX_DOCUMENT_BYTES: Final = 256 * 1024  # of the value as JSON
MAX_DOCUMENT_LEAVES: Final = 10_000
MAX_TOMBSTONE_BYTES: Final = 16 * 1024  # beyond, the oldest go until half of it is left
_LEAF_BYTES: Final = 5  # ``"":0,``: a document that has room for fewer than the most leaves has no more

_encode = msgspec.json.Encoder().encode


class Document(Struct, omit_defaults=True):
    """A JSON object and its marks. Patches since revs below ``floor`` can't be made any more."""

    value: dict[str, Any] = field(default_factory=dict)
    marks: Mark = field(default_factory=Mark)
    floor: int = 0
    tombstone_bytes: int = 0  # at most so much
    leaves: dict[str, Leaf] = field(default_factory=dict)  # what was stored in place of marks before; upgrade()

    def upgrade(self) -> None:
        """Take over what was stored before."""
        if self.leaves:
            self.marks, self.leaves = marks.from_pointers(self.leaves), {}
            self.tombstone_bytes = MAX_TOMBSTONE_BYTES  # nobody has counted


class _Removed(Struct, frozen=True):
    """In place of a value: the key goes."""


_REMOVED = _Removed()
_Change = tuple[Path, Any]


def changes(document: Document, patch: dict[str, Any]) -> list[_Change]:
    """What a live merge patch would change, as paths with their new values; nothing for what is so already."""
    return list(_changes(document.value, patch, ()))


def fills(document: Document, patch: dict[str, Any]) -> list[_Change]:
    """What a retained merge patch may change: only what no live message ever set or removed."""
    return list(_fills(document.value, document.marks, patch, ()))


def too_large(document: Document, patch: dict[str, Any], changed: list[_Change]) -> str:
    """Over which limit a document would be with these changes (of this patch); empty: none. The result counts."""
    most = len(_encode(document.value)) + len(_encode(patch))
    if most <= _LEAF_BYTES * MAX_DOCUMENT_LEAVES:
        return ""
    if most > MAX_DOCUMENT_BYTES and _size(document.value, changed) > MAX_DOCUMENT_BYTES:
        return f"over {MAX_DOCUMENT_BYTES} bytes"
    more = sum(_leaf_count(new) - _leaf_count(_at(document.value, path)) for path, new in changed)
    if _leaf_count(document.value) + more > MAX_DOCUMENT_LEAVES:
        return f"over {MAX_DOCUMENT_LEAVES} values"
    return ""


def apply(document: Document, changed: list[_Change], rev: int, *, live: bool = True) -> None:
    """Carry out changes (from :func:`changes` or :func:`fills` on this very document) under ``rev``."""
    for path, value in changed:
        parent, mark = document.value, document.marks
        for key in path[:-1]:
            parent, mark = parent[key], mark.own(key)
        _set(document, parent, mark, path[-1], value, Mark(rev, live))
    if document.tombstone_bytes > MAX_TOMBSTONE_BYTES:
        _forget_old_tombstones(document)


def _set(document: Document, parent: dict[str, Any], mark: Mark, key: str, value: Any, new: Mark) -> None:
    """Give a member of ``parent``, which has ``mark``, its value; ``new``: its mark."""
    if not parent and not mark.inner:  # nothing is as old as this object
        mark.rev, mark.live = new.rev, new.live
    old, own = parent.get(key), mark.of(key)
    new.inner = own.inner if own else None
    if isinstance(old, dict) and old:
        new.inner = marks.buried(old, own, new.rev, live=new.live)
        document.tombstone_bytes += len(_encode(old)) + MARK_BYTES * _leaf_count(old)
    if value is _REMOVED:
        del parent[key]
        document.tombstone_bytes += len(key) + MARK_BYTES
    else:
        parent[key] = value
        if isinstance(value, dict):
            new.inner = marks.risen(value, new.inner, new.rev, live=new.live) or None
        if not own and not new.inner and (mark.rev, mark.live) == (new.rev, new.live):
            return  # the object's own mark says it
    mark.inner = mark.inner if mark.inner is not None else {}
    mark.inner[key] = new


def as_patches(document: Document, changed: list[_Change]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Changes that were not carried out yet as a merge patch, and the one that makes the value again what it is now."""
    patch, undo = dict[str, Any](), dict[str, Any]()
    for path, value in changed:
        for whole, member in ((patch, value), (undo, _at(document.value, path))):
            parent = whole
            for key in path[:-1]:
                parent = parent.setdefault(key, {})
            parent[path[-1]] = None if member is _REMOVED else member
    return patch, undo


def merged(target: Any, patch: Any) -> Any:
    """A value with a merge patch applied (RFC 7396); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            whole.pop(key, None)
        else:
            whole[key] = merged(whole.get(key), value)
    return whole


def confirm(document: Document, patch: dict[str, Any]) -> None:
    """A live message said it: leaves it names count as set live from now on, though their values stay."""
    _confirm(document.value, document.marks, patch)


def patch_between(document: Document, low: int, high: int) -> dict[str, Any]:
    """The merge patch of every part whose last change has a rev with ``low`` < rev ≤ ``high``."""
    return marks.changed_between(document.value, document.marks, low, high)


def missing(desired: dict[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
    """What ``reported`` still lacks of ``desired``, as a merge patch; empty when nothing."""
    out: dict[str, Any] = {}
    for key, want in desired.items():
        have = reported.get(key)
        if isinstance(want, dict) and isinstance(have, dict):
            if lacking := missing(want, have):
                out[key] = lacking
        elif key not in reported or not same(want, have):
            out[key] = want
    return out


def _changes(target: dict[str, Any], patch: dict[str, Any], path: Path) -> Iterator[_Change]:
    for key, value in patch.items():
        here, current = (*path, key), target.get(key)
        if value is None:
            if key in target:
                yield here, _REMOVED
        elif isinstance(value, dict) and isinstance(current, dict):
            yield from _changes(current, value, here)
        elif isinstance(value, dict):
            yield here, _without_nulls(value)
        elif key not in target or not same(current, value):
            yield here, value


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if inner is not None
    }


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: numbers by value, members in any order; Python's ``True == 1`` is no equality there."""
    return bool(one == other) and _same_kinds(one, other)  # the former is quick, and mostly enough


def _same_kinds(one: Any, other: Any) -> bool:
    """Of two that are equal to Python."""
    match one, other:
        case (bool(), _) | (_, bool()):
            return one is other
        case dict(), dict():
            return one.keys() == other.keys() and all(_same_kinds(inner, other[key]) for key, inner in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(_same_kinds, one, other))
    return bool(one == other)


def _fills(target: dict[str, Any], mark: Mark, patch: dict[str, Any], path: Path) -> Iterator[_Change]:
    for key, value in patch.items():
        here, own = (*path, key), mark.of(key)
        if key not in target:
            if value is not None and not (own and own.says_live):
                yield here, _without_nulls(value) if isinstance(value, dict) else value
            continue
        current, its = target[key], own or Mark(mark.rev, mark.live)
        if isinstance(value, dict) and isinstance(current, dict):
            if current or its.inner or not its.live:
                yield from _fills(current, its, value, here)
        elif value is not None and not its.says_live and not same(current, value):
            yield here, _without_nulls(value) if isinstance(value, dict) else value


def _confirm(value: dict[str, Any], mark: Mark, patch: dict[str, Any]) -> None:
    for key, said in patch.items():
        own, there = mark.of(key), key in value
        if not (own or (there and not mark.live)):
            continue  # it is nowhere, or live as its object is
        member = value.get(key)
        if isinstance(member, dict) and isinstance(said, dict) and said:
            _confirm(member, mark.own(key), said)
        elif not (isinstance(member, dict) and member):
            mark.own(key).live = True


def _size(value: dict[str, Any], changed: list[_Change]) -> int:
    """How many bytes of JSON a value will take with these changes, but for a comma or two."""
    size = len(_encode(value))
    for path, new in changed:
        old = _at(value, path)
        for change, member in ((-1, old), (1, new)):
            size += change * (len(_encode({path[-1]: member})) - 1) if member is not _REMOVED else 0
    return size


def _at(value: Any, path: Path) -> Any:
    """What is at a path; ``_REMOVED``: nothing."""
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return _REMOVED
        value = value[key]
    return value


def _leaf_count(value: Any) -> int:
    if isinstance(value, dict) and value:
        return sum(map(_leaf_count, value.values()))
    return 0 if value is _REMOVED else 1


def _forget_old_tombstones(document: Document) -> None:
    """Count them; if they are half of the most or more, the oldest go."""
    found = sorted(marks.tombstones(document.value, document.marks))
    left = sum(size for _, size in found)
    upto = 0
    for rev, size in found:
        if left <= MAX_TOMBSTONE_BYTES // 2 and rev > upto:
            break
        upto, left = rev, left - size
    if upto:
        document.floor = max(document.floor, upto)
        marks.forget(document.value, document.marks, upto)
    document.tombstone_bytes = left
