"""Values of metrics: readings of a message, grouped by the times that they have; and how a metric is described."""

from collections.abc import Iterable
from typing import Any, Final

from bridge import descriptions
from bridge.dialects.forms.numbers import within
from bridge.dialects.sparkplug import payloads
from bridge.dialects.sparkplug.model import CONTROLS, PROPERTIES, Metric
from bridge.json_limits import text_fault
from bridge.json_values import MAX_NAME_CHARS, Notes, Sieve
from bridge.observations import RawReading, Scalar, Telemetry
from bridge.timestamps import YEAR_2000_MS

_LAST_MS: Final = 253_402_300_799_999  # of year 9999
_WRITABLE: Final = {"readonly": False, "writable": True}  # what vendors call it, and what true says
_QUALITY: Final = "quality"  # a property of a metric: 192 good, 0 bad, 500 stale; vendors: OPC's codes
_GOOD: Final = range(192, 256)
_LABELS: Final = ("documentation", "tooltip", "description")


def time_of(ts_ms: int) -> int | None:
    """A device's time; None: it gave none that can be."""
    return ts_ms if YEAR_2000_MS <= ts_ms <= _LAST_MS else None


def is_name(name: str) -> bool:
    """Whether a metric may be called so."""
    return 0 < len(name) <= MAX_NAME_CHARS and not text_fault(name)


def is_reading(name: str) -> bool:
    """Whether a metric is a reading: not a control, not something that the device is."""
    return not name.startswith((*CONTROLS, PROPERTIES))


def is_good(metric: payloads.Metric) -> bool:
    """Whether its sender believes a value: unless it says otherwise, it does."""
    quality = metric.properties.get(_QUALITY)
    return quality is None or (isinstance(quality, int) and int(quality) in _GOOD)


def telemetry(
    found: Iterable[tuple[str, int, payloads.Metric]], payload: payloads.Payload, size: int, notes: Notes | None = None
) -> Telemetry:
    """Readings, one for each time. A value that isn't good is a gap, and noted: nobody is to take it for one.

    Args:
        found: name, datatype and what came.
        payload: in which it came: its time counts where a metric has none.
        size: of the message, in bytes.
        notes: of what was left out before.
    """
    sieve = Sieve(size)
    by_time: dict[int | None, dict[str, Scalar]] = {}
    for name, datatype, metric in found:
        ts_ms = time_of(metric.ts_ms or payload.ts_ms)
        value = sieve.scalar(metric.value(datatype), name)
        if metric.properties and value is not None and not is_good(metric):
            sieve.note("bad_quality", name, value)
            value = None
        by_time.setdefault(ts_ms, {})[name] = value
    ordered = sorted(by_time.items(), key=lambda one: (one[0] is None, one[0] or 0))
    readings = tuple(RawReading(ts_ms, metrics) for ts_ms, metrics in ordered)
    return Telemetry(readings, (*sieve.notes, *(notes.notes if notes else ())))


def born(came: payloads.Metric) -> Metric:
    """A metric as its birth describes it."""
    found = came.properties
    writable = [found[name] is meant for name, meant in _WRITABLE.items() if isinstance(found.get(name), bool)]
    return Metric(
        came.datatype,
        unit=_text(found.get("engunit")),
        low=_number(found.get("englow")),
        high=_number(found.get("enghigh")),
        label=next((text for text in map(_text, map(found.get, _LABELS)) if text), ""),
        is_writable=all(writable),
    )


def _text(value: Any) -> str:
    return value.replace("\0", "")[:200] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and within(value, None, None) else None


def kind_of(datatype: int) -> descriptions.Kind:
    """Of a metric with this datatype."""
    if datatype == payloads.BOOLEAN:
        return "boolean"
    if datatype in payloads.TEXTS:
        return "text"
    return "number" if datatype in payloads.READ else "json"


def described(name: str, one: Metric) -> descriptions.Property:
    """A metric as all dialects describe it."""
    if one.datatype not in payloads.READ:
        what = payloads.NAMES.get(one.datatype, "an array" if one.datatype > 21 else f"datatype {one.datatype}")
        return descriptions.Property(name, one.label, "json", available=False, note=f"not read: {what}")
    whole = one.datatype in payloads.SIGNED or one.datatype in payloads.UNSIGNED
    return descriptions.Property(
        name,
        one.label,
        kind_of(one.datatype),
        unit=one.unit,
        low=one.low,
        high=one.high,
        step=1 if whole else None,
        settable=one.is_writable,
    )
