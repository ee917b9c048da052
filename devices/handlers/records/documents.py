"""Devices' reported and desired documents as they were after a commit: back from today, then on with each change."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Final

from msgspec import json

from devices.models import Change, Twin
from devices.rules.documents import merged
from devices.rules.twin import load_value

DocumentsByKind = dict[str, dict[str, Any]]  # kinds as of devices.models.Change: reported, desired
Place = tuple[int, int, tuple[str, ...]]  # shard, commit, and of which kinds

MOST_BYTES: Final = 32 * 1024 * 1024  # of what is kept of devices; beyond, what was not asked for longest goes
_READ: Final = ("reported", "desired", "registered", "deleted")
_ROWS_AT_ONCE: Final = 500


class Documents:
    """What a reader of the record of changes keeps of devices, to go on from where it was. It may be lost at any time.

    Without it each batch would begin with a walk back from today.
    """

    def __init__(self) -> None:
        self._place: Place | None = None  # as of which it is all; None: of none
        self._kept: OrderedDict[str, bytes] = OrderedDict()  # JSON by device
        self._bytes = 0

    def begin(self, place: Place) -> None:
        """Changes after the place are read next. What is known as of another one is forgotten."""
        if place != self._place:
            self._kept.clear()
            self._bytes = 0
        self._place = None

    def end(self, place: Place) -> None:
        """Those up to the place were read; what was :meth:`take`-n was given back."""
        self._place = place

    def take(self, device: str) -> DocumentsByKind | None:
        """A device's; None: not known."""
        if (text := self._kept.pop(device, None)) is None:
            return None
        self._bytes -= len(text)
        documents: DocumentsByKind = json.decode(text)
        return documents

    def keep(self, device: str, documents: DocumentsByKind) -> None:
        """Know them for the next time."""
        text = json.encode(documents)
        self._kept[device], self._bytes = text, self._bytes + len(text)
        while self._bytes > MOST_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)


def as_of(commit: int, devices: Collection[str]) -> dict[str, DocumentsByKind]:
    """Devices' documents after a commit of their shard, by device: what they are now, with what came later undone."""
    found: dict[str, DocumentsByKind] = {key: {} for key in devices}
    revs: dict[str, int] = {}
    for key, doc in Twin.objects.filter(device__key__in=found).values_list("device__key", "doc"):
        twin = load_value(doc)
        found[key], revs[key] = {"reported": twin.reported.value, "desired": twin.desired.value}, twin.rev
    rows = Change.objects.filter(device__in=found, commit__gt=commit, kind__in=_READ).order_by("-commit", "-nth")
    columns = rows.values_list("device", "rev", "kind", "undo")
    for device, rev, kind, undo in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        if rev is None or rev <= revs.get(device, rev):  # else it came after the twin was read
            _undo(found[device], kind, undo)
    return found


def _undo(documents: DocumentsByKind, kind: str, undo: Any) -> None:
    if kind == "registered":
        documents.clear()
    elif kind == "deleted":
        documents.update(reported=undo["reported"], desired=undo["desired"])
    else:
        documents[kind] = merged(documents.get(kind, {}), undo)
