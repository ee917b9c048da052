"""The API put together: operations, documentation, errors. See devices.web.api.urls for what stands around it."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser

from bridge.json_limits import json_error
from devices.extensions import routers
from devices.requests.refusals import BadRequestError
from devices.web.api import commands, desired, devices, operations, quarantine, readings, removal
from devices.web.api.problems import CONTENT_TYPE, MediaTypeError, handle_all
from devices.web.api.schemas import Problem
from devices.web.api.security import SessionAuth, TokenAuth
from devices.web.device import descriptions, ingest, messages
from devices.web.mappings import api as mappings
from devices.web.mappings import listen
from devices.web.pages.reference import Reference
from devices.web.people import boards, me, reports

_DESCRIPTION = """\
Devices, their twins and readings, and commands to them.

- Fields named `ts` and `since` are Unix milliseconds; fields named `…_at` are RFC 3339 with zone.
- Lists are `{"items": […], "next": cursor or null}`; ask again with `cursor=` for the next page.
- Errors are problem JSON (RFC 9457) with a `code`: `bad_request`, `unauthorized`, `forbidden`, `not_found`,
  `method_not_allowed`, `conflict`, `too_large`, `rate_limited`, `unavailable`, `internal`.
- What you may not see does not exist for you (404); what you see but may not do is 403.
"""


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
    quarantine,
    operations,
    listen,
    mappings,
    me,
    boards,
    reports,
    ingest,
    messages,
)
for router in dict.fromkeys(part.router for part in _PARTS):  # what shares a path shares a router
    api.add_router("", router)
for name, router in routers.all().items():
    api.add_router(f"/{name}", router)
handle_all(api)
