"""The API put together: operations, documentation, errors. See devices.web.api.urls for what stands around it."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from devices.extensions import routers
from devices.web.api import commands, desired, devices, operations, quarantine, readings
from devices.web.api.parsing import StrictParser
from devices.web.api.problems import CONTENT_TYPE, handle_all
from devices.web.api.schemas import Problem
from devices.web.api.security import SessionAuth, TokenAuth

_DESCRIPTION = """\
Devices, their twins and readings, and commands to them.

- Fields named `ts` and `since` are Unix milliseconds; fields named `…_at` are RFC 3339 with zone.
- Lists are `{"items": […], "next": cursor or null}`; ask again with `cursor=` for the next page.
- Errors are problem JSON (RFC 9457) with a `code`: `bad_request`, `unauthorized`, `forbidden`, `not_found`,
  `method_not_allowed`, `conflict`, `too_large`, `rate_limited`, `unavailable`, `internal`.
- What you may not see does not exist for you (404); what you see but may not do is 403.
"""


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
)
for part in (devices, desired, commands, readings, quarantine, operations):
    api.add_router("", part.router)
for name, router in routers.all().items():
    api.add_router(f"/{name}", router)
handle_all(api)
