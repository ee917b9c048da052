"""JSON documents that remember which rev set each leaf: merge patches in, the merge patch since any rev out. RFC 7396.

A leaf is a scalar, an array or an empty object, named by its JSON pointer (RFC 6901). ``leaves`` holds each leaf's rev
and, as tombstones, the pointers that are gone: those of which ``value`` has nothing.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from msgspec import Struct, field

Path = tuple[str, ...]
MAX_TOMBSTONES = 500


class Leaf(Struct, array_like=True, gc=False):
    """When a leaf was last set or removed, and whether by a live message (or only filled from a retained one)."""

    rev: int
    live: bool = True


class Document(Struct):
    """A JSON object and its leaves. Patches since revs below ``floor`` can't be made any more."""

    value: dict[str, Any] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    floor: int = 0


class _Removed(Struct, frozen=True):
    """In place of a value: the key goes."""


_REMOVED = _Removed()
_Change = tuple[Path, Any]


def changes(document: Document, patch: dict[str, Any]) -> list[_Change]:
    """What a live merge patch would change, as paths with their new values; nothing for what is so already."""
    return list(_changes(document.value, patch, ()))


def fills(document: Document, patch: dict[str, Any]) -> list[_Change]:
    """What a retained merge patch may change: only what no live message ever set or removed."""
    live = [_split(pointer) for pointer, leaf in document.leaves.items() if leaf.live]
    return [
        (path, value)
        for path, value in _changes(document.value, patch, ())
        if value is not _REMOVED and not any(_related(path, other) for other in live)
    ]


def apply(document: Document, changed: list[_Change], rev: int, *, live: bool = True) -> None:
    """Carry out changes (from :func:`changes` or :func:`fills` on this very document) under ``rev``."""
    for path, value in changed:
        _bury(document, path, rev, live=live)
        parent = _parent(document.value, path)
        if value is _REMOVED:
            del parent[path[-1]]
            document.leaves[_join(path)] = Leaf(rev, live)
            continue
        parent[path[-1]] = value
        document.leaves.pop(_join(path), None)
        for leaf in _leaf_paths(value, path):
            document.leaves[_join(leaf)] = Leaf(rev, live)
    _forget_old_tombstones(document)


def merged(document: Document, changed: list[_Change]) -> dict[str, Any]:
    """What the value will be after these changes; the document stays as it is."""
    value = deepcopy(document.value)
    for path, new in changed:
        parent = _parent(value, path)
        if new is _REMOVED:
            del parent[path[-1]]
        else:
            parent[path[-1]] = new
    return value


def confirm(document: Document, patch: dict[str, Any]) -> None:
    """A live message said it: leaves it names count as set live from now on, though their values stay."""
    for path in _leaf_paths(patch, ()):
        leaf = document.leaves.get(_join(path))
        if leaf is not None:
            leaf.live = True


def patch_between(document: Document, low: int, high: int) -> dict[str, Any]:
    """The merge patch of every leaf whose last change has a rev with ``low`` < rev ≤ ``high``."""
    patch: dict[str, Any] = {}
    for pointer, leaf in document.leaves.items():
        if low < leaf.rev <= high:
            _add_to_patch(patch, document.value, _split(pointer))
    return patch


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
    match one, other:
        case (bool(), _) | (_, bool()):
            return one is other
        case dict(), dict():
            return one.keys() == other.keys() and all(same(inner, other[key]) for key, inner in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _bury(document: Document, path: Path, rev: int, *, live: bool) -> None:
    """Make tombstones of the leaves below ``path`` that are still there."""
    parent = _parent(document.value, path)
    value = parent.get(path[-1])
    if isinstance(value, dict):
        for leaf in _leaf_paths(value, path):
            if leaf != path:
                document.leaves[_join(leaf)] = Leaf(rev, live)


def _parent(value: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in path[:-1]:
        value = value[key]
    return value


def _leaf_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaf_paths(inner, (*path, key))
    else:
        yield path


def _add_to_patch(patch: dict[str, Any], value: Any, path: Path) -> None:
    for key in path[:-1]:
        if not isinstance(value.get(key), dict):
            # Gone, or a scalar by now; but that may have been set after the range's end, and whoever stops there must
            # not keep the old leaves: no later patch tells of them again.
            patch.setdefault(key, None)
            return
        value, patch = value[key], patch.setdefault(key, {})
    leaf = value.get(path[-1])
    if isinstance(leaf, dict):
        patch.setdefault(path[-1], {})  # was an empty object; what came into it has leaves of its own
    else:
        patch[path[-1]] = leaf  # None, so null, for a tombstone


def _forget_old_tombstones(document: Document) -> None:
    if len(document.leaves) <= MAX_TOMBSTONES:
        return
    gone = [pointer for pointer in document.leaves if not _present(document.value, _split(pointer))]
    if len(gone) <= MAX_TOMBSTONES:
        return
    gone.sort(key=lambda pointer: document.leaves[pointer].rev)
    for pointer in gone[: len(gone) // 2]:
        document.floor = max(document.floor, document.leaves.pop(pointer).rev)


def _present(value: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _related(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _join(path: Path) -> str:
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in path)


def _split(pointer: str) -> Path:
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/"))
