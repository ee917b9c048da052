"""The API put together: operations, documentation, errors. See devices.web.api.urls for what stands around it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser

from bridge.json_limits import json_error
from devices.extensions import routers
from devices.requests.refusals import BadRequestError, ContradictionError, RefusalError
from devices.web.alerts import alerts
from devices.web.alerts import rules as alert_rules
from devices.web.api import commands, desired, devices, operations, quarantine, readings, removal
from devices.web.api.problems import CONTENT_TYPE, database_outage, problem, problem_of_status
from devices.web.api.schemas import Problem
from devices.web.api.security import SessionAuth, TokenAuth
from devices.web.device import changes, descriptions, export, ingest, messages
from devices.web.device import series as series_of_metrics
from devices.web.device.calculated import api as calculated_metrics
from devices.web.live.event_streams.openapi import STREAM_OPERATION
from devices.web.mappings import api as mappings
from devices.web.mappings import listen
from devices.web.operations import handlers
from devices.web.pages.reference import Reference
from devices.web.people import boards, me, reports, tickets

log = structlog.get_logger(__name__)

_DESCRIPTION = """\
Devices, their twins and readings, and commands to them.

- Fields named `ts` and `since` are Unix milliseconds; fields named `…_at` are RFC 3339 with zone.
- Lists are `{"items": […], "next": cursor or null}`; ask again with `cursor=` for the next page.
- Errors are problem JSON (RFC 9457) with a `code`: `bad_request`, `unauthorized`, `forbidden`, `not_found`,
  `method_not_allowed`, `conflict`, `too_large`, `rate_limited`, `unavailable`, `internal`.
- What you may not see does not exist for you (404); what you see but may not do is 403.
"""


class MediaTypeError(BadRequestError):
    """A body of another type: HTTP 415."""


class StrictParser(Parser):
    """Parses bodies by RFC 8259, and with our limits (depth, integers, NUL)."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value.

        Raises:
            MediaTypeError: by its type it is none.
            BadRequestError: it is no JSON, or JSON that we don't store.
        """
        kind = request.content_type
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise MediaTypeError("send JSON: Content-Type application/json")
        try:
            value = msgspec.json.decode(request.body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BadRequestError(f"the body is no JSON: {error}") from None
        if malformed := json_error(value):
            raise BadRequestError(f"the body: {malformed.reason} {malformed.detail}".rstrip())
        return value


class CausewayAPI(NinjaAPI):
    """NinjaAPI whose OpenAPI document tells of problem JSON and has short names."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The function's name: they are unique."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The OpenAPI document."""
        schema = super().get_openapi_schema(**options)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        failed = {
            "description": "Problem",
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        schema["paths"][f"{self.get_root_path({})}stream"] = {"get": STREAM_OPERATION}
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"]["default"] = failed
        return schema


api = CausewayAPI(
    title="Causeway",
    version="1",
    urls_namespace="api",
    description=_DESCRIPTION,
    auth=[TokenAuth(), SessionAuth()],
    parser=StrictParser(),
    docs=Reference(),
)
_PARTS = (
    devices,
    removal,
    descriptions,
    desired,
    commands,
    readings,
    series_of_metrics,
    export,
    changes,
    quarantine,
    operations,
    listen,
    mappings,
    handlers,
    calculated_metrics,
    alert_rules,
    alerts,
    me,
    boards,
    tickets,
    reports,
    ingest,
    messages,
)
for router in dict.fromkeys(part.router for part in _PARTS):  # what shares a path shares a router
    api.add_router("", router)
for name, router in routers.all().items():
    api.add_router(f"/{name}", router)


# ---- errors


def _handle_errors() -> None:
    """Make every exception of its operations a problem."""
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


_handle_errors()
