"""What a calculated metric would have come to, by what is stored of a device's readings, by their own time."""

from threading import BoundedSemaphore
from typing import Any, Final

from django.db.models import TextField
from django.db.models.functions import Cast
from msgspec import json

from bridge.observations import Scalar
from devices.history.series import with_metrics
from devices.models import Device, Reading
from devices.requests.refusals import BadRequestError, RateLimitedError
from devices.rules.described.calculated import Calculated, calculate, spans
from devices.rules.described.windows import Samples
from runtime.database_clock import unix_ms

MOST_VALUES: Final = 5_000
MOST_READINGS: Final = 200_000
MOST_MS: Final = 400 * 86_400_000
AT_ONCE: Final = 2  # in a process
_DAY_MS: Final = 86_400_000
_AT_ONCE_ROWS: Final = 5_000

_busy: Final = BoundedSemaphore(AT_ONCE)
_decode: Final = json.Decoder(dict[str, Scalar]).decode


def preview(calculated: Calculated, device: Device, since_ms: int, until_ms: int | None) -> dict[str, Any]:
    """Try it.

    Args:
        calculated: that may be kept.
        device: where.
        since_ms: Unix ms, as the next one; None: now.
        until_ms: not included.

    Raises:
        BadRequestError: there is no such time.
        RateLimitedError: others are at it.
    """
    until_ms = unix_ms() if until_ms is None else until_ms
    if not 0 <= since_ms < until_ms or until_ms - since_ms > MOST_MS:
        raise BadRequestError("since, until: Unix ms, at most 400 days")
    if not _busy.acquire(blocking=False):
        raise RateLimitedError("two previews run just now: try again in a moment")
    try:
        return _tried(calculated, device, since_ms, until_ms)
    finally:
        _busy.release()


def _tried(calculated: Calculated, device: Device, since_ms: int, until_ms: int) -> dict[str, Any]:
    """With what was known before: a day's readings, or as much as its windows need."""
    longest = spans([calculated])
    samples = {name: Samples(span) for name, span in longest.items()}
    begin_ms = since_ms - max(_DAY_MS, *longest.values(), 0)
    latest: dict[str, tuple[Scalar, int]] = {}
    times: list[int] = []
    values: list[Scalar] = []
    looked_at = 0
    rows = Reading.objects.filter(device=device, ts__gte=begin_ms, ts__lt=until_ms).order_by("ts", "rev")
    texts = with_metrics(rows, sorted(calculated.parsed.metrics)).annotate(text=Cast("metrics", TextField()))
    for ts, text in texts.values_list("ts", "text").iterator(chunk_size=_AT_ONCE_ROWS):
        metrics, looked_at = _decode(text), looked_at + 1
        for name, its in samples.items():
            if name in metrics:
                its.add(ts, metrics[name])
        if ts >= since_ms:
            found = calculate([calculated], ts, metrics, latest, samples.__getitem__)
            times.append(ts)
            values.append(found.get(calculated.metric))
        latest |= {name: (value, ts) for name, value in metrics.items()}
        if len(times) >= MOST_VALUES or looked_at >= MOST_READINGS:
            return {"ts": times, "values": values, "readings": looked_at, "cut": True}
    return {"ts": times, "values": values, "readings": looked_at, "cut": False}
