"""Series of devices' metrics, read from their readings."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, StrIndex
from msgspec import Struct

from devices.history.rules.series import Columns, Kind, MixedError, Series, kind_of
from devices.history.rules.series import Value as MetricValue
from devices.history.rules.windows import Window
from devices.models import Device, Reading, Twin
from devices.requests.refusals import TooLargeError
from runtime.database_clock import clock

MAX_READINGS: Final = 3_000_000  # that one question may have read
_ROWS_AT_ONCE: Final = 2_000
_NAMES_SOUGHT: Final = 8  # beyond, the database would take longer to look for names than we to decode
_LOOKED_BACK: Final = 200  # readings before the window, for what held at its begin
_DAY_MS: Final = 86_400_000

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Found(Struct, frozen=True):
    """One series, as it is answered."""

    device: str
    metric: str
    bucket_ms: int  # 0: raw values
    complete_since: int  # Unix ms: nothing of the window that came since then was purged
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
    for device in devices:
        found += _of_device(device, metrics, window, left)
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


def _of_device(device: Device, metrics: Collection[str], window: Window, left: _Allowance) -> list[Found]:
    names = dict.fromkeys(metrics)
    kinds: dict[str, Kind] = {}
    gathered = _gathered(device, names, window, kinds, left)
    while mixed := [name for name, one in gathered.items() if one is None]:
        kinds |= dict.fromkeys(mixed, "states")
        gathered |= _gathered(device, dict.fromkeys(mixed), window, kinds, left)
    now_ms, complete_since = clock.now_ms(), _complete_since(device, window)
    return [
        Found(device.key, name, one.bucket_ms, complete_since, one.columns(now_ms))
        for name, one in (gathered.items() if not names else ((name, gathered.get(name)) for name in names))
        if one is not None and not one.is_empty
    ]


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


def _complete_since(device: Device, window: Window) -> int:
    """From when on nothing of the window was purged: its begin, or the reception of the oldest reading that is kept.

    No reading's ``ts`` is after its reception, so what has a ``ts`` since then was received since then.
    """
    purged_rev = Twin.objects.filter(pk=device.pk).values_list("purged_rev", flat=True).first()
    if not purged_rev:
        return window.since
    kept = Reading.objects.filter(device=device, rev__gt=purged_rev).order_by("rev")
    oldest = kept.values_list("received_ms", flat=True).first()
    if oldest is None:
        oldest = clock.now_ms() - settings.DEVICES.retention_days * _DAY_MS
    return max(window.since, min(oldest, window.until))
