"""Refusals and errors as problem JSON (RFC 9457), with our ``code`` from docs/websocket.md.

``type`` is ``about:blank``: what there is to know beyond the HTTP status stands in ``code`` and ``detail``.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from django.http import HttpResponse

from runtime.outages import Outage

CONTENT_TYPE: Final = "application/problem+json"
_STATUS: Final = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
_CODES: Final = {status: code for code, status in _STATUS.items()}
_RETRY_AFTER_S: Final = {"rate_limited": "5", "unavailable": "2"}

log = structlog.get_logger(__name__)
database_outage: Final = Outage(
    log, "database", time.monotonic
)  # as requests see it; ends with the next one that is let in


def problem(
    code: str, detail: str, *, status: int | None = None, headers: Mapping[str, str] | None = None, **more: Any
) -> HttpResponse:
    """A problem as a response.

    Args:
        code: of docs/websocket.md, or ``method_not_allowed``, ``internal``.
        detail: a sentence for people.
        status: None: the one that belongs to the code.
        headers: further ones.
        more: further members.
    """
    number = status or _STATUS[code]
    body = {"type": "about:blank", "title": HTTPStatus(number).phrase, "status": number, "detail": detail, "code": code}
    response = HttpResponse(msgspec.json.encode(body | more), status=number, content_type=CONTENT_TYPE)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would write a line for each
    if code in _RETRY_AFTER_S:
        response["Retry-After"] = _RETRY_AFTER_S[code]
    if number == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="causeway"'
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def problem_of_status(status: int, detail: str = "") -> HttpResponse:
    """A problem for an HTTP status that somebody else chose."""
    code = _CODES.get(status) or ("bad_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
    return problem(code, detail or HTTPStatus(status).description, status=status)
