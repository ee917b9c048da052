"""Pages of lists: ``{"items": […], "next": cursor | null}``.

A cursor says where the page ended in the list's own order, not how many came before: rows that appear or vanish
meanwhile neither repeat nor hide others. It is opaque to clients and bound to its kind of list.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string
from ninja import Query

from devices.requests.refusals import BadRequestError

T = TypeVar("T")

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1_000
MAX_PAGE_BYTES: Final = 1024 * 1024
COMPRESSED_FROM_BYTES: Final = 1_024
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_ROWS_AT_ONCE: Final = 50
_MAX_CURSOR_CHARS: Final = 1_024

Limit = Annotated[int, Query(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="at most so many items")]
Cursor = Annotated[str | None, Query(None, description="`next` of the page before, with the same other parameters")]


def encode_cursor(kind: str, *position: int | str) -> str:
    """The cursor after ``position`` of the list ``kind``."""
    return urlsafe_b64encode(msgspec.json.encode([kind, *position])).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str, types: Sequence[type]) -> list[Any]:
    """The position in a cursor; its parts are of ``types``.

    Raises:
        BadRequestError: it is none of this list's.
    """
    none_of_ours = BadRequestError("cursor: it is none of ours")
    if len(cursor) > _MAX_CURSOR_CHARS:
        raise none_of_ours
    try:
        parts = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise none_of_ours from None
    if not isinstance(parts, list) or [type(part) for part in parts] != [str, *types] or parts[0] != kind:
        raise BadRequestError("cursor: it belongs to another list")
    if not all(_is_storable(part) for part in parts[1:]):
        raise none_of_ours
    return parts[1:]


def _is_storable(part: Any) -> bool:
    """Whether a database takes it in a comparison: no NUL, no lone surrogate, an integer of 64 bits."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return "\0" not in part and not any("\ud800" <= char <= "\udfff" for char in part)


def page(
    rows: Iterable[T], limit: int, item: Callable[[T], Any], cursor: Callable[[T], str], **more: Any
) -> HttpResponse:
    """One page, of at most MAX_PAGE_BYTES and its last item; rows are read only as far as they are shown.

    Args:
        rows: in the list's order from the page's beginning; ``limit + 1`` of them when there are as many.
        limit: rows of this page.
        item: a row as JSON value.
        cursor: the cursor after a row.
        more: further members.
    """
    shown: list[msgspec.Raw] = []
    size, following, last = 0, None, None
    for row in rows:
        if last is not None and (len(shown) == limit or size >= MAX_PAGE_BYTES):
            following = cursor(last)
            break
        encoded = msgspec.json.encode(item(row))
        shown.append(msgspec.Raw(encoded))
        size, last = size + len(encoded), row
    return json_response({"items": shown, "next": following, **more})


def some_at_a_time(rows: QuerySet[Any], limit: int) -> Iterator[Any]:
    """The first ``limit + 1`` rows, as of one moment, without having all of them in memory at once."""
    return rows[: limit + 1].iterator(chunk_size=_ROWS_AT_ONCE)


def json_response(value: Any, status: int = 200, **headers: str) -> HttpResponse:
    """A JSON response. Header names with ``_`` for ``-``."""
    response = HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
    for name, text in headers.items():
        response[name.replace("_", "-")] = text
    return response


def compressed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response in gzip, if it is long and the client takes that: for long lists of numbers.

    (Django adds bytes at random, so that its length tells nothing: BREACH.)
    """
    patch_vary_headers(response, ("Accept-Encoding",))
    if len(response.content) >= COMPRESSED_FROM_BYTES and _GZIP.search(request.headers.get("Accept-Encoding", "")):
        response.content = compress_string(response.content, max_random_bytes=100)
        response["Content-Encoding"] = "gzip"
    return response
