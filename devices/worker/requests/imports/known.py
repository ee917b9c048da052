"""Which of the records to be imported a device has already: found by their times, of which an index tells."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from msgspec import json

from bridge.observations import Scalar
from devices.models import Event, Reading
from devices.requests.imports import DeviceRecords, ImportedReading
from devices.rules.documents import same

_DEVICES_A_QUERY: Final = 50

_metrics: Final = json.Decoder(dict[str, Scalar]).decode


class Asked(NamedTuple):
    """A device's records, and since when they may be its own."""

    records: DeviceRecords  # changed in place
    since_rev: int  # the device's rev before the import: what has come later is not looked at


def without_known(asked: Mapping[int, Asked]) -> dict[int, int]:
    """Take out what was there before the import began; how much, by device. ``asked``: by its primary key.

    Raises:
        django.db.Error: the database failed.
    """
    taken: dict[int, int] = {}
    keys = [key for key, (records, since_rev) in asked.items() if records and since_rev]
    for begin in range(0, len(keys), _DEVICES_A_QUERY):
        some = {key: asked[key] for key in keys[begin : begin + _DEVICES_A_QUERY]}
        readings, events = _readings(some), _events(some)
        for key, (its, _) in some.items():
            before = len(its.readings) + len(its.events)
            its.readings = [one for one in its.readings if not _is_known(one, readings.get((key, one.ts), ()))]
            its.events = [one for one in its.events if (key, one.ts, one.name, one.data) not in events]
            taken[key] = before - len(its.readings) - len(its.events)
    return taken


def _is_known(reading: ImportedReading, there: Iterable[Mapping[str, Scalar]]) -> bool:
    """Whether one of these says all that it says."""
    wanted = reading.metrics.items()
    return any(all(name in one and same(one[name], value) for name, value in wanted) for one in there)


def _readings(asked: Mapping[int, Asked]) -> dict[tuple[int, int], list[Mapping[str, Scalar]]]:
    where = _where(asked, lambda its: [one.ts for one in its.readings])
    if not where:
        return {}
    rows = Reading.objects.filter(where).annotate(text=Cast("metrics", TextField()))
    there: dict[tuple[int, int], list[Mapping[str, Scalar]]] = {}
    for device, ts, text in rows.values_list("device_id", "ts", "text"):
        there.setdefault((device, ts), []).append(_metrics(text))
    return there


def _events(asked: Mapping[int, Asked]) -> set[tuple[Any, ...]]:
    where = _where(asked, lambda its: [one.ts for one in its.events])
    if not where:
        return set()
    rows = Event.objects.filter(where).annotate(text=Cast("data", TextField()))
    return {(*row[:3], row[3].encode()) for row in rows.values_list("device_id", "ts", "name", "text")}


def _where(asked: Mapping[int, Asked], times: Callable[[DeviceRecords], list[int]]) -> Q:
    where = Q()
    for device, (its, since_rev) in asked.items():
        if found := times(its):
            where |= Q(device_id=device, ts__in=sorted(set(found)), rev__lte=since_rev)
    return where
