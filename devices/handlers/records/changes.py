"""Items from the record of changes, which is always written, and kept for RETENTION_DAYS."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.db.models import TextField
from django.db.models.functions import Cast
from msgspec import Struct

from devices.handlers.items import (
    AlertStep,
    CommandStep,
    Deleted,
    Desired,
    Event,
    Item,
    Kind,
    Presence,
    Registered,
    Reported,
)
from devices.handlers.records.documents import Documents, as_of
from devices.handlers.records.positions import TooFarError
from devices.models import Change
from devices.rules.documents import merged
from runtime.databases.statements import Statement

_COLUMNS: Final = '"commit", nth, device, rev, kind, patch'
_NAMES: Final[dict[Kind, str]] = {
    Event: "event",
    Presence: "presence",
    Reported: "reported",
    Desired: "desired",
    CommandStep: "command",
    AlertStep: "alert",
    Registered: "registered",
    Deleted: "deleted",
}  # of the kinds of devices.models.Change
_DOCUMENTS: Final = ("reported", "desired")
_decode = msgspec.json.Decoder().decode


class ChangeRow(Struct, frozen=True):
    """A row of the record."""

    commit: int
    nth: int
    device: str
    rev: int | None
    kind: str
    patch: str  # JSON


def changes_after(
    shard: int, after: int, most: int, kinds: Collection[Kind], documents: Documents
) -> tuple[list[tuple[ChangeRow, Item]], int]:
    """Items of the commits after one, each commit's as a whole, with their rows, and the commit that they reach to.

    Args:
        shard: its number.
        after: a commit.
        most: about so many; always at least one commit's.
        kinds: which.
        documents: what is known of devices' documents; it may be as of anywhere.

    Raises:
        TooFarError: there were changes after it that are gone.
    """
    wanted = {_NAMES[kind] for kind in kinds if kind in _NAMES}
    read = wanted | ({"deleted"} if wanted.intersection(_DOCUMENTS) else set())  # then documents begin anew
    rows, upto = _rows(shard, after, most, tuple(sorted(read)))
    tracked = tuple(sorted(wanted.intersection(_DOCUMENTS)))
    documents.begin((shard, after, tracked))
    maker = _Maker(documents, after, rows)
    items = [(row, maker.item(row)) for row in rows]
    maker.close()
    documents.end((shard, upto, tracked))
    return [(row, item) for row, item in items if row.kind in wanted], upto


def _rows(shard: int, after: int, most: int, kinds: tuple[str, ...]) -> tuple[list[ChangeRow], int]:
    found: list[ChangeRow] = []
    head = after
    for commit, since, *columns in _statement(kinds).rows(shard, after, most + 1, shard):
        head = commit
        if since > after:
            raise TooFarError(shard, after, since)
        if columns[0] is not None:
            found.append(ChangeRow(*columns))
    if len(found) <= most:
        return found, max(head, after)
    last = found[-1].commit
    if found[0].commit < last:
        return [row for row in found if row.commit < last], last - 1
    whole = Change.objects.filter(shard=shard, commit=last, kind__in=kinds).order_by("nth")
    return [
        ChangeRow(*row)
        for row in whole.values_list("commit", "nth", "device", "rev", "kind", Cast("patch", TextField()))
    ], last


@lru_cache
def _statement(kinds: tuple[str, ...]) -> Statement:
    """Of one moment: what it says of the shard, and the rows. Kinds are our own words."""
    among = ", ".join(f"'{kind}'" for kind in kinds)
    found = f'SELECT {_COLUMNS} FROM devices_change WHERE shard = %s AND "commit" > %s AND kind IN ({among})'  # noqa: S608
    return Statement(
        'SELECT state."commit", state.changes_since, found.* FROM devices_shardstate AS state'  # noqa: S608
        f' LEFT JOIN ({found} ORDER BY "commit", nth LIMIT %s) AS found ON 1 = 1'
        ' WHERE state.shard = %s ORDER BY found."commit", found.nth'
    )


class _Maker:
    """Makes items of rows; each device's in order.

    Args:
        documents: of devices, as of ``after``; given back as of the last row by :meth:`close`.
        after: a commit.
        rows: all that are to be made.
    """

    def __init__(self, documents: Documents, after: int, rows: Iterable[ChangeRow]) -> None:
        self._kept = documents
        devices = dict.fromkeys(row.device for row in rows if row.kind in _DOCUMENTS)
        known = {device: documents.take(device) for device in devices}
        missing = as_of(after, [device for device, its in known.items() if its is None])
        self._documents = {device: missing[device] if its is None else its for device, its in known.items()}

    def close(self) -> None:
        """All rows are made."""
        for device, its in self._documents.items():
            self._kept.keep(device, its)

    def item(self, row: ChangeRow) -> Item:
        """The item of a row."""
        patch = _decode(row.patch)
        return _ITEMS[row.kind](row, patch, self)

    def document(self, row: ChangeRow, patch: Any) -> dict[str, Any]:
        """The device's document after the change."""
        its = self._documents[row.device]
        its[row.kind] = merged(its.get(row.kind, {}), patch)
        return its[row.kind]

    def forget(self, device: str) -> None:
        """The device is gone; another one of its key begins without documents."""
        self._kept.take(device)
        if device in self._documents:
            self._documents[device] = {}


def _event(row: ChangeRow, patch: Any, _: _Maker) -> Item:
    return Event(row.device, row.rev or 0, patch["name"], patch["data"], patch["ts"], commit=row.commit)


def _presence(row: ChangeRow, patch: Any, _: _Maker) -> Item:
    return Presence(row.device, row.rev or 0, patch["status"], patch["since"], patch["why"], commit=row.commit)


def _reported(row: ChangeRow, patch: Any, maker: _Maker) -> Item:
    return Reported(row.device, row.rev or 0, patch, maker.document(row, patch), commit=row.commit)


def _desired(row: ChangeRow, patch: Any, maker: _Maker) -> Item:
    return Desired(row.device, row.rev or 0, patch, maker.document(row, patch), commit=row.commit)


def _step(row: ChangeRow, patch: Any, _: _Maker) -> Item:
    at = datetime.fromtimestamp(patch["at_ms"] / 1000, UTC)
    return CommandStep(row.device, patch["id"], patch["name"], patch["status"], at, commit=row.commit)


def _alert(row: ChangeRow, patch: Any, _: _Maker) -> Item:
    rest = {name: value for name, value in patch.items() if name != "at_ms"}
    return AlertStep(device=row.device, at=patch["at_ms"], nth=row.nth, commit=row.commit, **rest)


def _registered(row: ChangeRow, _patch: Any, _: _Maker) -> Item:
    return Registered(row.device, commit=row.commit)


def _deleted(row: ChangeRow, _patch: Any, maker: _Maker) -> Item:
    maker.forget(row.device)
    return Deleted(row.device, commit=row.commit)


_ITEMS: Final[dict[str, Callable[[ChangeRow, Any, _Maker], Item]]] = {
    "event": _event,
    "presence": _presence,
    "reported": _reported,
    "desired": _desired,
    "command": _step,
    "alert": _alert,
    "registered": _registered,
    "deleted": _deleted,
}
