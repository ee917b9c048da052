"""When each part of a JSON document was last set or removed: a tree of marks in the shape of the document. Pure.

A mark stands for all of its part but for what has a mark of its own below it, so that an object set by one message has
one mark, however many members it has, and no key stands twice. A mark of what is gone is a tombstone: a merge patch
since before has to say that it is gone. What stands in an object is never older than the object's own mark.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

MARK_BYTES: Final = 24  # what a mark takes besides its key, about


class Mark(Struct, array_like=True, gc=False):
    """When a part was last set or removed, and whether by a live message (or only filled from a retained one)."""

    rev: int = 0
    live: bool = True
    inner: dict[str, "Mark"] | None = None  # what differs below it, by key

    def of(self, key: str) -> "Mark | None":
        """The mark that a member has of its own."""
        return self.inner.get(key) if self.inner else None

    def own(self, key: str) -> "Mark":
        """The mark that a member has of its own from now on."""
        if self.inner is None:
            self.inner = {}
        mark = self.inner.get(key)
        if mark is None:
            mark = self.inner[key] = Mark(self.rev, self.live)
        return mark

    @property
    def says_live(self) -> bool:
        """Whether anything of the part was set or removed by a live message."""
        return self.live or any(mark.says_live for mark in (self.inner or {}).values())

    def within(self, low: int, high: int) -> bool:
        """Whether the part itself was last changed after ``low`` and up to ``high``."""
        return low < self.rev <= high

    def any_within(self, low: int, high: int) -> bool:
        """The same of anything in it."""
        return low < self.rev <= high or any(mark.any_within(low, high) for mark in (self.inner or {}).values())


def changed_between(value: dict[str, Any], mark: Mark, low: int, high: int) -> dict[str, Any]:
    """The merge patch of all in an object whose last change has a rev with ``low`` < rev ≤ ``high``."""
    inner, patch = mark.inner or {}, {}
    if mark.within(low, high):
        patch = {key: member for key, member in value.items() if key not in inner}
    for key, own in inner.items():
        member = value.get(key)
        if isinstance(member, dict):
            deeper = changed_between(member, own, low, high)
            if deeper or own.within(low, high):
                patch[key] = deeper
        elif own.within(low, high):
            patch[key] = member  # None, so null, for a tombstone
        elif own.any_within(low, high):
            # Something in what was an object went in this range, and the object itself later. Whoever stops here must
            # not keep it: no later patch tells of it again.
            patch[key] = None
    return patch


def buried(value: dict[str, Any], mark: Mark | None, rev: int, *, live: bool) -> dict[str, Mark]:
    """The tombstones of an object's members that go with it, and those that were there."""
    inner = dict(mark.inner) if mark and mark.inner else {}
    for key, member in value.items():
        own = inner.get(key)
        below = buried(member, own, rev, live=live) if isinstance(member, dict) else own.inner if own else None
        inner[key] = Mark(rev, live, below or None)
    return inner


def risen(value: dict[str, Any], tombstones: dict[str, Mark] | None, rev: int, *, live: bool) -> dict[str, Mark]:
    """What stays of tombstones where an object is set anew."""
    inner = {}
    for key, tombstone in (tombstones or {}).items():
        if key not in value:
            inner[key] = tombstone
            continue
        member, below = value[key], tombstone.inner
        if isinstance(member, dict):
            below = risen(member, below, rev, live=live)
        if below:
            inner[key] = Mark(rev, live, below)
    return inner


def tombstones(value: Any, mark: Mark) -> Iterator[tuple[int, int]]:
    """The rev and the bytes of each tombstone below a mark, ``value`` being what is there."""
    members = value if isinstance(value, dict) else {}
    for key, own in (mark.inner or {}).items():
        if key not in members:
            yield own.rev, len(key) + MARK_BYTES
        yield from tombstones(members.get(key), own)


def forget(value: Any, mark: Mark, upto: int) -> None:
    """Drop the tombstones up to a rev."""
    members = value if isinstance(value, dict) else {}
    for key, own in list((mark.inner or {}).items()):
        forget(members.get(key), own, upto)
        if key not in members and own.rev <= upto and not own.inner:
            assert mark.inner is not None
            del mark.inner[key]
    mark.inner = mark.inner or None


# As it was kept before ----------------------------------------------------------------------------------------------


class Leaf(Struct, array_like=True, gc=False):
    """When a leaf was last set or removed, in documents that were stored with a JSON pointer for each (RFC 6901)."""

    rev: int
    live: bool = True


def from_pointers(leaves: dict[str, Leaf]) -> Mark:
    """The marks of such a document."""
    root = Mark(0, live=False)
    for pointer, leaf in leaves.items():
        mark = root
        for key in pointer.split("/"):
            mark = mark.own(key.replace("~1", "/").replace("~0", "~"))
        mark.rev, mark.live = leaf.rev, leaf.live
    return root
