"""A device as it was at a time: from what it is, back over the record of its changes."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from msgspec import Struct

from devices.models import Change
from devices.requests.refusals import BadRequestError, NotFoundError
from devices.rules.described.descriptions import Kept
from devices.rules.documents import merged
from devices.rules.stream import parts
from devices.rules.twin import TwinState
from devices.web.api.times import rfc3339_of_ms
from runtime.database_clock import clock

_MERGED: Final = ("reported", "desired", "description")  # sections whose changes are merge patches (RFC 7396)
_SECTIONS: Final = (*_MERGED, "presence", "tags")
_ROWS_AT_ONCE: Final = 500
_LOOKED_AT: Final = 1_000  # changes before the time, for who made the latest ones
_ANY_REV: Final = 2**63 - 1
_DAY_MS: Final = 86_400_000


class State(Struct):
    """A device but for its readings, in the sections of a snapshot; ``there`` False: there was none."""

    sections: dict[str, Any]
    there: bool = True

    def undo(self, kind: str, undo: Any) -> None:
        """Be as before a change; those after it are undone already."""
        if kind == "registered":
            self.sections, self.there = {}, False
        elif kind == "deleted":
            self.sections, self.there = undo, True
        elif kind in _MERGED:
            self.sections[kind] = merged(self.sections.get(kind, {}), undo)
            if kind == "desired":
                self.sections["desired_version"] = self.sections.get("desired_version", 1) - 1
        elif kind in ("presence", "tags", "settings"):
            self.sections[kind] = undo


def device_as_of(key: str, twin: TwinState | None, kept: Kept | None, at_ms: int) -> dict[str, Any]:
    """A device as it was known at a time within RETENTION_DAYS.

    Args:
        key: the device's.
        twin: as it is; None: there is none.
        kept: what it is said to be.
        at_ms: Unix ms; later than now: as it is.

    Raises:
        BadRequestError: that is longer ago than changes are kept.
        NotFoundError: there was no such device.
    """
    days = settings.DEVICES.retention_days
    if at_ms < clock.now_ms() - days * _DAY_MS:
        raise BadRequestError(f"at: what has changed is kept for {days} days")
    now = State(parts(twin, kept), there=True) if twin else State({}, there=False)
    state = undone(now, changes_since(key, at_ms, twin.rev if twin else _ANY_REV))
    if not state.there:
        raise NotFoundError(f"there was no device {key} then")
    sections = {name: value for name, value in state.sections.items() if name != "settings"}
    if not sections.get("description"):
        sections.pop("description", None)
    return {"device": key, "at": rfc3339_of_ms(at_ms), **sections, "changed": _last_changes(key, at_ms)}


def undone(state: State, rows: Iterable[tuple[str, Any]]) -> State:
    """The state before changes, the latest first, each its kind and what undoes it. ``state`` is changed."""
    for kind, undo in rows:
        state.undo(kind, undo)
    return state


def changes_since(key: str, at_ms: int, rev: int) -> Iterator[tuple[str, Any]]:
    """What has changed of a device after ``at_ms`` (Unix ms), the latest first; nothing later than ``rev``."""
    rows = Change.objects.filter(device=key).order_by("-commit", "-nth")
    columns = rows.values_list("kind", "undo", "at_ms", "rev")
    for kind, undo, when_ms, its_rev in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        if when_ms <= at_ms:
            return
        if its_rev is None or its_rev <= rev:
            yield kind, undo


def _last_changes(key: str, at_ms: int) -> dict[str, dict[str, Any]]:
    """When each section last changed up to ``at_ms``, and who asked for it, as far as the latest changes tell."""
    rows = Change.objects.filter(device=key, at_ms__lte=at_ms).order_by("-commit", "-nth")
    found: dict[str, dict[str, Any]] = {}
    for kind, when_ms, actor in rows.values_list("kind", "at_ms", "actor")[:_LOOKED_AT]:
        if kind in ("registered", "deleted"):
            break
        if kind in _SECTIONS:
            found.setdefault(kind, {"at": rfc3339_of_ms(when_ms), "actor": actor})
    return found
