"""The times that devices give: Unix ms, or RFC 3339 with zone, in any case of letters, leap seconds included."""

import re
from datetime import datetime
from typing import Any, Final

from bridge.json_limits import MalformedError, json_type

YEAR_2000_MS: Final = 946_684_800_000
_LAST_MS: Final = 253_402_300_799_999  # of year 9999
_SECONDS: Final = range(YEAR_2000_MS // 1000, 2**32)  # what looks like a time in seconds
_LEAP: Final = re.compile(r"([T ]\d\d:\d\d):60")


def timestamp_ms(value: Any) -> int | None:
    """A device's time in Unix ms; None: null, or a text that is empty or blank, says none.

    Raises:
        MalformedError: it is no time, or one before 2000.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    ts_ms = _iso_ms(value) if isinstance(value, str) else value
    if isinstance(ts_ms, bool) or not isinstance(ts_ms, int | float):
        raise MalformedError("bad_ts", f"ts is {json_type(value)}")
    if ts_ms < YEAR_2000_MS:
        hint = " looks like seconds" if not isinstance(value, str) and int(max(ts_ms, 0)) in _SECONDS else ""
        raise MalformedError("ts_before_2000", f"{str(value)[:64]}{hint}")
    if not ts_ms <= _LAST_MS:  # NaN, too
        raise MalformedError("bad_ts", str(value)[:64])
    return int(ts_ms)


def _iso_ms(text: str) -> int:
    plain = text.strip().upper()
    leap = _LEAP.search(plain)
    try:
        moment = datetime.fromisoformat(_LEAP.sub(r"\1:59", plain) if leap else plain)
    except ValueError:
        raise MalformedError("bad_ts", text[:64]) from None
    if moment.tzinfo is None:
        raise MalformedError("bad_ts", f"{text[:64]} has no zone")
    try:
        return round(moment.timestamp() * 1000) + 1000 * bool(leap)
    except (OverflowError, ValueError):
        raise MalformedError("bad_ts", text[:64]) from None
