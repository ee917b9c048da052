"""Series of devices' metrics: from their readings, where these are few or too new, else from rollups."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, StrIndex
from msgspec import Struct

from devices.history.rollups import stored
from devices.history.rollups.parts import Parts, parts
from devices.history.rollups.stored import Rolled
from devices.history.rules.parts import are_states, columns_of_numbers, columns_of_states, values_in
from devices.history.rules.series import Columns, Kind, MixedError, Series, kind_of
from devices.history.rules.series import Value as MetricValue
from devices.history.rules.windows import Window
from devices.models import Device, Reading
from devices.requests.refusals import TooLargeError
from runtime.database_clock import clock
from runtime.databases.snapshots import snapshot

MAX_READINGS: Final = 3_000_000  # that one question may have read
_ROWS_AT_ONCE: Final = 2_000
_NAMES_SOUGHT: Final = 8  # beyond, the database would take longer to look for names than we to decode
_LOOKED_BACK: Final = 200  # readings before the window, for what held at its begin
_READ_FOR_FEW: Final = 100_000  # readings that are read for the values, fewer than points, of some metrics

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Found(Struct, frozen=True):
    """One series, as it is answered."""

    device: str
    metric: str
    bucket_ms: int  # 0: raw values
    complete_since: int  # Unix ms: nothing of the window that came since then was purged
    rolled_until: int  # Unix ms: what came before is read from rollups, where there are many; 0: nothing is rolled up
    columns: Columns


def series(devices: Sequence[Device], metrics: Collection[str], window: Window) -> list[Found]:
    """Each of the metrics of each of the devices, by device in the given order; those without values are left out.

    Args:
        devices: whose.
        metrics: names; none: all that the device has had in the window.
        window: the time.

    Raises:
        TooLargeError: too many readings would have to be read.
        django.db.Error: the database failed.
    """
    left = _Allowance(MAX_READINGS)
    found: list[Found] = []
    with snapshot():
        now_ms = clock.now_ms()
        rolled = stored.states([device.pk for device in devices], now_ms)
        for device in devices:
            found += _Question(device, metrics, window, rolled.get(device.pk, Rolled()), now_ms, left).answer()
    return found


class _Allowance:
    """How many readings may still be read."""

    def __init__(self, readings: int) -> None:
        self._left = readings

    def spend(self, readings: int) -> None:
        """Take some.

        Raises:
            TooLargeError: they are spent.
        """
        self._left -= readings
        if self._left < 0:
            raise TooLargeError(f"these are over {MAX_READINGS:,} readings: ask for a shorter time, or fewer devices")


class _Question:
    """What is asked of one device."""

    def __init__(
        self,
        device: Device,
        metrics: Collection[str],
        window: Window,
        rolled: Rolled,
        now_ms: int,
        left: _Allowance,
    ) -> None:
        self._device, self._names, self._window = device, dict.fromkeys(metrics), window
        self._rolled, self._now_ms, self._left = rolled, now_ms, left

    def answer(self) -> list[Found]:
        """Each metric that has values."""
        until_ms = min(self._window.until, self._now_ms)
        rolled = parts(self._device.pk, tuple(self._names), self._window, self._rolled, until_ms)
        found = self._from_rollups(rolled) if rolled else self._from_readings(self._names)
        return [found[name] for name in self._names or found if name in found]

    def _from_readings(self, names: Mapping[str, None]) -> dict[str, Found]:
        kinds: dict[str, Kind] = {}
        gathered = _gathered(self._device, names, self._window, kinds, self._left)
        while mixed := [name for name, one in gathered.items() if one is None]:
            kinds |= dict.fromkeys(mixed, "states")
            gathered |= _gathered(self._device, dict.fromkeys(mixed), self._window, kinds, self._left)
        since = max(self._window.since, min(self._rolled.kept, self._window.until))
        return {
            name: self._found(name, one.bucket_ms, since, one.columns(self._now_ms))
            for name, one in gathered.items()
            if one is not None and not one.is_empty
        }

    def _from_rollups(self, rolled: Parts) -> dict[str, Found]:
        self._left.spend(len(rolled.by_metric) and max(map(len, rolled.by_metric.values())))
        found: dict[str, Found | None] = dict.fromkeys(rolled.by_metric)
        since = max(self._window.since, min(self._rolled.since, self._window.until))
        width, raw = rolled.window.bucket_ms, list[str]()
        held = _Held(self._device, rolled.window.since)
        all_is_kept = self._window.since >= self._rolled.kept
        few = rolled.readings <= _READ_FOR_FEW and all_is_kept
        for name, some in rolled.by_metric.items():
            try:
                states = are_states(some)
            except MixedError:
                raw.append(name)
                continue
            if few and values_in(some) < self._window.points:
                raw.append(name)
            elif states:
                until_ms = min(self._now_ms, rolled.window.until)
                columns = columns_of_states(some, rolled.window, held.value(name), until_ms)
                found[name] = self._found(name, width, since, columns)
            else:
                found[name] = self._found(name, width, since, columns_of_numbers(some, rolled.window))
        if raw:
            found |= self._from_readings(dict.fromkeys(raw))
        return {name: one for name, one in found.items() if one}

    def _found(self, name: str, bucket_ms: int, since: int, columns: Columns) -> Found:
        return Found(self._device.key, name, bucket_ms, since, self._rolled.until, columns)


def _gathered(
    device: Device, names: Mapping[str, None], window: Window, kinds: Mapping[str, Kind], left: _Allowance
) -> dict[str, Series | None]:
    """Series by metric; None: it is mixed, and must be read as states."""
    held = _Held(device, window.since)
    series: dict[str, Series | None] = {}
    for ts, text in _rows(device, names, window, left):
        values = _decode(text)
        for name in names or values:
            if name not in values:
                continue
            value = values[name]
            if name not in series:
                kind = kinds.get(name)
                are_numbers = kind is None and value is not None and kind_of(value) == "numbers"
                series[name] = Series(window, kind, None if are_numbers else held.value(name))
            one = series[name]
            if one is None:
                continue
            try:
                one.add(ts, value)
            except MixedError:
                series[name] = None
    return series


def _rows(device: Device, names: Collection[str], window: Window, left: _Allowance) -> Iterator[tuple[int, str]]:
    rows = Reading.objects.filter(device=device, ts__gte=window.since, ts__lt=window.until)
    if 0 < len(names) <= _NAMES_SOUGHT:
        rows = with_metrics(rows, names)
    texts = rows.annotate(text=Cast("metrics", TextField())).order_by("ts", "rev").values_list("ts", "text")
    for number, row in enumerate(texts.iterator(chunk_size=_ROWS_AT_ONCE)):
        if number % _ROWS_AT_ONCE == 0:
            left.spend(_ROWS_AT_ONCE if number else 1)
        yield row


class _Held:
    """What a device's metrics held at the begin of a window. Read at the first question, in one piece."""

    def __init__(self, device: Device, since: int) -> None:
        self._device, self._since = device, since
        self._values: dict[str, MetricValue] | None = None

    def value(self, name: str) -> MetricValue:
        """Of a metric; None: nothing, or it is not known. Only states want to know."""
        if self._values is None:
            self._values = self._read()
        return self._values.get(name)

    def _read(self) -> dict[str, MetricValue]:
        rows = Reading.objects.filter(device=self._device, ts__lt=self._since).order_by("-ts", "-rev")
        values: dict[str, MetricValue] = {}
        for text in rows.annotate(text=Cast("metrics", TextField())).values_list("text", flat=True)[:_LOOKED_BACK]:
            values = _decode(text) | values
        return values


def with_metrics(rows: QuerySet[Reading], names: Iterable[str]) -> QuerySet[Reading]:
    """The readings with at least one of these metrics.

    Metrics are stored as a flat compact JSON object, in whose text ``{"name":`` and ``,"name":`` occur only where the
    name is a key (within strings, quotes are escaped).
    """
    wanted = Q()
    for position, name in enumerate(names):
        key = msgspec.json.encode(name).decode() + ":"
        for kind, before in (("first", "{"), ("later", ",")):
            alias = f"{kind}_{position}"
            rows = rows.alias(**{alias: StrIndex(F("metrics"), Value(before + key))})
            wanted |= Q(**{f"{alias}__gt": 0})
    return rows.filter(wanted)
