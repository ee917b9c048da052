"""Every error of the API as problem JSON (RFC 9457), with our ``code`` from docs/websocket.md.

``type`` is ``about:blank``: what there is to know beyond the HTTP status stands in ``code`` and ``detail``.
"""

import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from devices.requests.refusals import BadRequestError, ContradictionError, RefusalError
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


class MediaTypeError(BadRequestError):
    """A body of another type: HTTP 415."""


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


def handle_all(api: NinjaAPI) -> None:
    """Make every exception of the API's operations a problem."""
    api.add_exception_handler(RefusalError, _refused)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(RequestDataTooBig, _too_big)
    api.add_exception_handler(DatabaseError, _database_failed)
    api.add_exception_handler(Exception, _unexpected)


def _refused(_request: HttpRequest, error: RefusalError | type[RefusalError]) -> HttpResponse:
    if isinstance(error, ContradictionError):
        errors = [{"in": "body", "name": error.field, "message": str(error)}]
        return problem(error.code, str(error), status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
    return problem(error.code, str(error))


def _invalid(_request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    assert isinstance(error, ValidationError)
    errors = [{"in": one["loc"][0], "name": _name(one["loc"][1:]), "message": one["msg"]} for one in error.errors]
    detail = "; ".join(f"{one['name'] or one['in']}: {one['message']}" for one in errors)
    return problem("bad_request", detail, errors=errors)


def _name(location: Sequence[Any]) -> str:
    """``("body", "payload", "args", 0)`` without what only names our own parameters."""
    return ".".join(str(part) for part in location if part != "payload")


def _http_error(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    assert isinstance(error, HttpError)
    if isinstance(error.__cause__, MediaTypeError):
        return problem("bad_request", str(error.__cause__), status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if isinstance(error.__cause__, RefusalError):  # from our parser
        return _refused(request, error.__cause__)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return problem("unauthorized", "log in, or send a valid API token: Authorization: Bearer TOKEN")
    return problem_of_status(error.status_code, str(error))


def _not_found(_request: HttpRequest, _error: Http404 | type[Http404]) -> HttpResponse:
    return problem("not_found", "there is nothing here")


def _too_big(_request: HttpRequest, _error: RequestDataTooBig | type[RequestDataTooBig]) -> HttpResponse:
    return problem("too_large", "the request's body is too large")


def _database_failed(_request: HttpRequest, error: DatabaseError | type[DatabaseError]) -> HttpResponse:
    database_outage.begins(str(error))
    return problem("unavailable", "the database does not answer")


def _unexpected(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    log.error("unexpected exception in a request", method=request.method, path=request.path, exc_info=error)
    return problem("internal", "this is a bug; the server's log tells more")
