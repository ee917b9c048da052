"""Readings and events as files over HTTP: page by page, each as large as a request should be; docs/export.md.

The pages of an export, one behind the other, are the file that ``manage.py export`` writes. Where a page ends stands in
the cursor, so whoever is interrupted asks for the page once more. Nothing is kept between two pages.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from devices.history.exports import files
from devices.history.exports.files import encoder
from devices.history.exports.formats import FormatName
from devices.history.exports.selection import Piece, Place, RowKind, Selection
from devices.models import Device, Site
from devices.requests.refusals import BadRequestError, NotFoundError, RateLimitedError, TooLargeError
from devices.web.api.paging import compressed, decode_cursor, encode_cursor
from devices.web.api.security import access
from devices.web.api.times import parse_ms
from devices.web.auth import Access
from runtime.database_clock import clock

router = Router(tags=["readings"])

AT_ONCE: Final = 2  # pages in a process: others' requests go on beside them
DEFAULT_ROWS, MAX_ROWS = 20_000, 100_000  # readings or events in a page
MAX_PARQUET_ROWS: Final = 1_000_000  # which comes in one page
MAX_NAMES: Final = 200
_PAGE_BYTES: Final = 8 * 1024 * 1024
_CURSOR: Final = "export"
PROGRESS: Final = "Causeway-Progress"
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}

_busy: Final = BoundedSemaphore(AT_ONCE)


@router.get("/export", response={200: None})
def export(
    request: HttpRequest,
    format_: Annotated[Literal["csv", "ndjson", "parquet"], Query("csv", alias="format")],
    kind: Annotated[Literal["readings", "events"], Query("readings")],
    device: Annotated[list[str], Query([], description="a key; may be given several times; none: all")],
    site: Annotated[list[str], Query([], description="may be given several times; none: all")],
    metric: Annotated[list[str], Query([], description="only these; may be given several times")],
    since: Annotated[str | None, Query(None, description="Unix ms or RFC 3339, of `ts`")],
    until: Annotated[str | None, Query(None, description="not included")],
    cursor: Annotated[str | None, Query(None, description="of the page before, as its `Link` has it")],
    limit: Annotated[int, Query(DEFAULT_ROWS, ge=1, le=MAX_ROWS, description="about so many rows a page")],
) -> HttpResponse:
    """Readings or events as a file, by device and rev.

    It comes in pages, which make the file one behind the other: while the header `Link` has a `rel="next"`, that is
    the address of the next one. `Causeway-Progress` says how much there is by then, from 0 to 1. Parquet comes at once,
    of at most a million readings. What was received after the first page began is left out.
    """
    asker = access(request)
    selection = _selection(asker, kind, (device, site, metric), since, until)
    place = Place()
    if cursor is not None:
        key, rev, received = decode_cursor(_CURSOR, cursor, (str, int, int))
        place, selection = Place(key, rev), _as_of(selection, received)
    with _turn():
        if format_ == "parquet":
            return _parquet(selection)
        return _page(request, selection, format_, place, limit)


def _selection(
    asker: Access, kind: RowKind, names: tuple[list[str], list[str], list[str]], since: str | None, until: str | None
) -> Selection:
    """What was asked for, as far as it is visible.

    Raises:
        NotFoundError: a device or site isn't there, or not for the asker; BadRequestError: the question makes no sense.
    """
    devices, sites, metrics = (tuple(dict.fromkeys(one)) for one in names)
    if max(len(devices), len(sites), len(metrics)) > MAX_NAMES:
        raise BadRequestError(f"device, site, metric: at most {MAX_NAMES} of each")
    if metrics and kind == "events":
        raise BadRequestError("metric: events have none")
    there = set(Device.objects.filter(asker.device_filter(), key__in=devices).values_list("key", flat=True))
    if missing := [key for key in devices if key not in there]:
        raise NotFoundError(f"there is no device {missing[0]}")
    known = set(Site.objects.filter(name__in=sites).values_list("name", flat=True))
    if missing := [name for name in sites if name not in known or not asker.sees(name)]:
        raise NotFoundError(f"there is no site {missing[0]}")
    if not (asker.sees_all or sites):
        sites = tuple(sorted(asker.sites)) or ("",)  # no site has that name
    since_ms = None if since is None else parse_ms("since", since)
    until_ms = None if until is None else parse_ms("until", until)
    return Selection(kind, devices, sites, metrics, since_ms, until_ms, clock.now_ms())


def _as_of(selection: Selection, received_ms: int) -> Selection:
    return Selection(
        selection.kind, selection.devices, selection.sites, selection.metrics, selection.since, selection.until,
        received_ms,
    )  # fmt: skip


@contextmanager
def _turn() -> Iterator[None]:
    """One of few.

    Raises:
        RateLimitedError: others are at it.
    """
    if not _busy.acquire(blocking=False):
        raise RateLimitedError("others export just now: ask again in a moment")
    try:
        yield
    finally:
        _busy.release()


def _page(request: HttpRequest, selection: Selection, name: FormatName, place: Place, limit: int) -> HttpResponse:
    encoding = encoder(name, selection)
    parts = [] if place.device else [encoding.begin()]
    rows, size, last = 0, 0, None
    for piece in selection.pieces(place):
        parts.append(encoding.piece(piece))
        rows, size, last = rows + len(piece.rows), size + len(parts[-1]), piece
        if rows >= limit or size >= _PAGE_BYTES:
            break
    else:
        last = None
    answer = _file(b"".join(parts), selection, name)
    if last is not None:
        answer["Link"] = f'<{_next(request, selection, last)}>; rel="next"'
        answer[PROGRESS] = f"{min(0.9999, last.done / max(1, selection.found_devices().count())):.4f}"
    else:
        answer[PROGRESS] = "1"
    return compressed(request, answer)


def _next(request: HttpRequest, selection: Selection, last: Piece) -> str:
    received = selection.until_received or 0
    query = [(name, value) for name, values in request.GET.lists() for value in values if name != "cursor"]
    cursor = encode_cursor(_CURSOR, last.place.device, last.place.rev, received)
    return f"{request.path}?{urlencode([*query, ('cursor', cursor)])}"


def _parquet(selection: Selection) -> HttpResponse:
    """The whole file, made on the disk.

    Raises:
        TooLargeError: there are too many rows for that.
    """

    def told(_piece: Any, progress: files.Progress) -> None:
        if progress.rows > MAX_PARQUET_ROWS:
            raise TooLargeError(
                f"over {MAX_PARQUET_ROWS:,} rows: narrow the time, or take CSV, NDJSON or manage.py export"
            )

    with tempfile.TemporaryDirectory(prefix="causeway-export-") as directory:
        file = Path(directory) / "export.parquet"
        files.write(file, files.begin(file, selection, "parquet", resume=False, overwrite=False), told)
        answer = _file(file.read_bytes(), selection, "parquet")
    answer[PROGRESS] = "1"
    return answer


def _file(content: bytes, selection: Selection, name: FormatName) -> HttpResponse:
    answer = HttpResponse(content, content_type=_TYPES[name])
    answer["Content-Disposition"] = f'attachment; filename="causeway-{selection.kind}.{name}"'
    return answer
