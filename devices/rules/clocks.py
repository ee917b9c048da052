"""The times of one message's readings, set right by its reception: none is ahead of that. Stamps ahead of now."""

from collections.abc import Sequence
from typing import Final

from bridge.observations import Note, RawReading
from bridge.timestamps import YEAR_2000_MS

CLOCK_TOLERANCE_MS: Final = 5 * 60 * 1000
AHEAD_MS: Final = 1_000  # by more than that a stamp is ahead of now: it is from a clock that was set back since


def set_right(readings: Sequence[RawReading], received_ms: int) -> tuple[list[RawReading], tuple[Note, ...]]:
    """Readings of which at least one is ahead of reception, and what is to be noted.

    If all are ahead the device's clock is: they are shifted back together, and their spacing stays. Otherwise only
    those ahead stand at reception.
    """
    stamps = [reading.ts_ms for reading in readings if reading.ts_ms is not None]
    earliest, latest = min(stamps), max(stamps)
    ahead_ms = latest - received_ms
    together = earliest > received_ms and earliest - ahead_ms >= YEAR_2000_MS
    right = [_shifted(reading, received_ms, ahead_ms if together else 0) for reading in readings]
    if ahead_ms <= CLOCK_TOLERANCE_MS:
        return right, ()
    return right, (Note("clock_ahead", "ts", f"{latest} at {received_ms}"),)


def _shifted(reading: RawReading, received_ms: int, back_ms: int) -> RawReading:
    ts_ms = reading.ts_ms
    if ts_ms is None or ts_ms <= received_ms:
        return reading
    return RawReading(min(ts_ms - back_ms, received_ms), reading.metrics, ts_ms - received_ms)
