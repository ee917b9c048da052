"""Series of metrics, in as few numbers as a chart has points."""

import math
from typing import Annotated, Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from ninja import Query, Router, Schema
from pydantic import Field

from devices import models
from devices.history.rules.windows import Window
from devices.history.series import Found, series
from devices.requests.refusals import BadRequestError, NotFoundError
from devices.web.api.paging import compressed, json_response
from devices.web.api.security import access
from devices.web.api.times import parse_ms
from devices.web.auth import Access
from devices.web.device.series_arrow import MEDIA_TYPE, arrow_stream, is_wanted
from runtime.database_clock import clock

router = Router(tags=["readings"])

MAX_DEVICES: Final = 100
MAX_METRICS: Final = 200
MAX_POINTS: Final = 5_000
DEFAULT_POINTS: Final = 500
MAX_VALUES: Final = 1_000_000  # devices × metrics × points that a question may ask for
_HOUR_MS: Final = 3_600_000
_COLUMNS: Final = ("count", "min", "max", "mean", "last", "shares")

Value = str | float | bool | None


class SeriesOut(Schema):
    """One metric of one device; every list has an item for each of ``ts``."""

    device: str
    metric: str
    bucket_ms: int = Field(description="width of the buckets; 0: raw values, which have only `ts` and `last`")
    complete_since: int = Field(description="Unix ms: before, values may have been purged; `since`, where none were")
    rolled_until: int = Field(
        description="Unix ms: what came before is read from rollups, where there is much of it; 0: nothing is rolled up"
    )
    ts: list[int] = Field(description="Unix ms: begins of the buckets that hold a value, or times of raw values")
    count: list[int] | None = Field(None, description="values that are not null")
    min: list[float] | None = None
    max: list[float] | None = None
    mean: list[float] | None = None
    last: list[Value] | None = Field(None, description="of raw values null: a gap begins")
    shares: list[dict[str, float]] | None = Field(
        None, description="of texts and booleans, in place of min, max, mean: a value's part of the bucket's time"
    )


class SeriesAnswer(Schema):
    """What was asked for, by device and metric; a series without a value is left out."""

    since: int = Field(description="Unix ms")
    until: int = Field(description="Unix ms")
    series: list[SeriesOut]


@router.get("/series", response=SeriesAnswer)
def list_series(
    request: HttpRequest,
    device: Annotated[list[str], Query([], description="a key; may be given several times")],
    metric: Annotated[list[str], Query([], description="a name; may be given several times; none: all")],
    since: Annotated[str | None, Query(None, description="Unix ms or RFC 3339; nothing: an hour before `until`")],
    until: Annotated[str | None, Query(None, description="Unix ms or RFC 3339; nothing: now")],
    points: Annotated[int, Query(DEFAULT_POINTS, ge=2, le=MAX_POINTS, description="at most so many a series")],
    fields: Annotated[
        list[str], Query([], description="only these columns, also with commas; `ts` and raw values always come")
    ],
    digits: Annotated[
        int | None, Query(None, ge=2, le=15, description="means are rounded: to so many digits of their series' range")
    ],
) -> HttpResponse:
    """Every metric of every device over a time, for charts: raw values where they are few, else buckets.

    Buckets begin at multiples of their width since 1970 (UTC). One that holds no value isn't listed: the device was
    silent. What lies outside of `since` and `until` isn't counted. With `Accept: application/vnd.apache.arrow.stream`
    the same comes as an Arrow stream, a row for each item of `ts`.
    """
    window = _window(since, until, points)
    columns = _columns(fields)
    if len(set(metric)) > MAX_METRICS:
        raise BadRequestError(f"metric: at most {MAX_METRICS}")
    devices = _devices(access(request), device)
    if len(devices) * max(1, len(set(metric))) * points > MAX_VALUES:
        raise BadRequestError(f"at most {MAX_VALUES:,} values: ask for fewer points, devices or metrics")
    found = [_json(one, columns, digits) for one in series(devices, metric, window)]
    if is_wanted(request.headers.get("Accept", "")):
        stream = arrow_stream(found, window.since, window.until)
        return _varied(compressed(request, HttpResponse(stream, content_type=MEDIA_TYPE)))
    answer = json_response({"since": window.since, "until": window.until, "series": found})
    return _varied(compressed(request, answer))


def _varied(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ("Accept",))
    return response


def _window(since: str | None, until: str | None, points: int) -> Window:
    until_ms = clock.now_ms() if until is None else parse_ms("until", until)
    since_ms = until_ms - _HOUR_MS if since is None else parse_ms("since", since)
    if since_ms >= until_ms:
        raise BadRequestError("since: it must be before until")
    return Window(since_ms, until_ms, points)


def _columns(fields: list[str]) -> frozenset[str]:
    names = [name.strip() for one in fields for name in one.split(",")]
    if wrong := [name for name in names if name not in ("ts", *_COLUMNS)]:
        raise BadRequestError(f"fields: there is no {wrong[0]!r}; there are {', '.join(_COLUMNS)}")
    return frozenset(names or _COLUMNS) | {"ts"}


def _devices(asker: Access, keys: list[str]) -> list[models.Device]:
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        raise BadRequestError("device: name at least one")
    if len(wanted) > MAX_DEVICES:
        raise BadRequestError(f"device: at most {MAX_DEVICES}")
    visible = models.Device.objects.filter(asker.device_filter(), key__in=wanted)
    found = {device.key: device for device in visible}
    if missing := [key for key in wanted if key not in found]:
        raise NotFoundError(f"there is no device {missing[0]}")
    return [found[key] for key in wanted]


def _json(found: Found, columns: frozenset[str], digits: int | None) -> dict[str, Any]:
    names = {
        "device": found.device,
        "metric": found.metric,
        "bucket_ms": found.bucket_ms,
        "complete_since": found.complete_since,
        "rolled_until": found.rolled_until,
    }
    told = columns | {"last"} if found.bucket_ms == 0 else columns
    answer = names | {name: values for name, values in found.columns.items() if name in told}
    if digits is not None and "mean" in answer:
        answer["mean"] = _rounded(found.columns, digits)
    return answer


def _rounded(columns: dict[str, list[Any]], digits: int) -> list[float]:
    """Means to so many digits of what lies between the least and the greatest value: a drawing shows no more."""
    room = max(columns["max"]) - min(columns["min"])
    if not 0 < room < math.inf:
        return columns["mean"]
    places = digits - math.ceil(math.log10(room))
    return [round(mean, places) for mean in columns["mean"]]
