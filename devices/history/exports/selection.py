"""What is exported, read piece by piece in the order (device, rev): a place in it is where an export goes on."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from msgspec import Struct

from devices.history.series import with_metrics
from devices.models import Device, Event, Reading

ROWS_A_PIECE: Final = 5_000
_DEVICES_AT_ONCE: Final = 500

RowKind = Literal["readings", "events"]
Row = tuple[Any, ...]
"""Of readings (rev, ts, received_ms, metrics as JSON), of events (rev, ts, name, data as JSON)."""


class Place(Struct, frozen=True):
    """All up to this rev of this device, and all devices before it by their keys, have been read."""

    device: str = ""
    rev: int = -1


class Piece(Struct, frozen=True):
    """Rows of one device, in rev order."""

    device: str
    rows: Sequence[Row]
    place: Place  # behind its last row
    done: float  # of the selection's devices; of this one the part that has been read, by revs


class Selection(Struct, frozen=True):
    """Which rows: those of all devices that each of the filters lets pass; an empty one lets all pass."""

    kind: RowKind
    devices: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()  # readings that have one of them, and only these of their metrics
    since: int | None = None  # ts, Unix ms
    until: int | None = None  # exclusive
    until_received: int | None = None  # Unix ms: so an interrupted export that goes on later is what it would have been

    def found_devices(self) -> QuerySet[Device]:
        """By key."""
        found = Device.objects.order_by("key")
        if self.devices:
            found = found.filter(key__in=self.devices)
        if self.sites:
            found = found.filter(site__name__in=self.sites)
        return found

    def pieces(self, place: Place) -> Iterator[Piece]:
        """All rows behind a place.

        Raises:
            django.db.Error: the database failed.
        """
        done = self.found_devices().filter(key__lt=place.device).count() if place.device else 0
        for pk, key, last_rev in self._devices_from(place.device):
            after = place.rev if key == place.device else -1
            for rows in self._rows(pk, after):
                rev = rows[-1][0]
                yield Piece(key, rows, Place(key, rev), done + rev / max(rev, last_rev or 1))
            done += 1

    def _devices_from(self, key: str) -> Iterator[tuple[int, str, int | None]]:
        """Some at a time, so that no cursor stays open for hours."""
        columns = self.found_devices().values_list("pk", "key", "twin__rev")
        found = list(columns.filter(key__gte=key)[:_DEVICES_AT_ONCE])
        while found:
            yield from found
            found = list(columns.filter(key__gt=found[-1][1])[:_DEVICES_AT_ONCE])

    def _rows(self, device: int, after: int) -> Iterator[Sequence[Row]]:
        rows = self._queryset(device)
        while piece := list(rows.filter(rev__gt=after)[:ROWS_A_PIECE]):
            yield piece
            after = piece[-1][0]

    def _queryset(self, device: int) -> QuerySet[Any, Row]:
        within = Q(device=device)
        if self.since is not None:
            within &= Q(ts__gte=self.since)
        if self.until is not None:
            within &= Q(ts__lt=self.until)
        if self.kind == "events":
            events = Event.objects.filter(within).annotate(text=Cast("data", TextField())).order_by("rev")
            return events.values_list("rev", "ts", "name", "text")
        if self.until_received is not None:
            within &= Q(received_ms__lt=self.until_received)
        readings = with_metrics(Reading.objects.filter(within), self.metrics)
        texts = readings.annotate(text=Cast("metrics", TextField())).order_by("rev")
        return texts.values_list("rev", "ts", "received_ms", "text")
