"""Request bodies: JSON as strictly as devices' payloads, since both end in the same tables."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja.parser import Parser

from bridge.json_limits import json_error
from devices.requests.refusals import BadRequestError


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
