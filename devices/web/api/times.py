"""Times in the API: ``…_at`` is RFC 3339 in UTC, ``ts`` and ``since`` are Unix milliseconds; questions may use both."""

from datetime import UTC, datetime

from devices.requests.refusals import BadRequestError

_MAX_MS = 2**53


def rfc3339(moment: datetime) -> str:
    """``2026-01-31T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_of_ms(ms: int) -> str:
    """Unix milliseconds as :func:`rfc3339`."""
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


def parse_ms(name: str, text: str) -> int:
    """Unix milliseconds of a parameter in either form.

    Raises:
        BadRequestError: it is in neither.
    """
    if text.removeprefix("-").isdecimal() and text.isascii():
        ms = int(text) if len(text) <= 17 else _MAX_MS + 1
    else:
        ms = _ms_of_rfc3339(text.strip().replace(" ", "+"))  # a "+" in a query means a space
    if not -_MAX_MS <= ms <= _MAX_MS:
        raise BadRequestError(f"{name}: write Unix milliseconds or RFC 3339 with zone, like 2026-01-31T12:00:00Z")
    return ms


def _ms_of_rfc3339(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.upper())  # RFC 3339 allows "t" and "z"
        return round(moment.timestamp() * 1000) if moment.tzinfo else _MAX_MS + 1
    except (ValueError, OverflowError):
        return _MAX_MS + 1
