"""What devices send over HTTP: the same payloads as by MQTT, and the same rules. Answered once it is committed."""

import time
from collections.abc import Awaitable
from typing import Annotated, Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Header, Router, Schema
from ninja.errors import AuthenticationError
from ninja.security.base import AuthBase

from bridge.names import is_name, is_source_key
from devices.requests.ingest import MAX_IDEMPOTENCY_KEY_CHARS, ingest, is_token_of
from devices.requests.refusals import BadRequestError, ForbiddenError, RateLimitedError
from devices.web.api.paging import json_response
from devices.web.auth import bearer_token
from devices.web.people.throttle import Throttle

router = Router(tags=["ingest"])

PER_SECOND: Final = 20.0
BURST: Final = 100
_ALL_BURST: Final = 2_000  # of a process
_devices: Final = Throttle(BURST, 1 / PER_SECOND, _ALL_BURST, remembered=10_000)
_guesses: Final = Throttle(BURST, 1.0, 1_000)  # wrong tokens, by address


class DeviceToken(AuthBase):
    """``Authorization: Bearer TOKEN``: the device's own, good for nothing else."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self) -> None:
        super().__init__()
        self.is_async = True

    def __call__(self, request: HttpRequest) -> Awaitable[str]:
        """The key of the device in the path, if the token is its own."""
        return _key_of(request)


async def _key_of(request: HttpRequest) -> str:
    token, match = bearer_token(request.headers.get("Authorization", "")), request.resolver_match
    named = match.kwargs if match else {}
    key = f"{named.get('site')}/{named.get('device')}"
    if token and is_source_key(key) and await sync_to_async(is_token_of)(key, token):
        return key
    if not _guesses.take(request.META.get("REMOTE_ADDR", ""), time.monotonic()):
        raise RateLimitedError("too many wrong tokens; try again later")
    raise AuthenticationError


class Ingested(Schema):
    """What became of a message; committed."""

    outcome: str
    reason: str
    detail: str


IdempotencyKey = Annotated[
    str | None,
    Header(
        None,
        alias="Idempotency-Key",
        description="1-200 characters; for a day, the same key of a device is the same message",
    ),
]
MessageId = Annotated[str | None, Header(None, alias="Message-Id", description="the same, under another name")]


@router.post("/ingest/{site}/{device}/telemetry", auth=DeviceToken(), response={202: Ingested})
async def ingest_telemetry(
    request: HttpRequest, site: str, device: str, idempotency_key: IdempotencyKey, message_id: MessageId
) -> HttpResponse:
    """The body as on the topic `telemetry`. Needs the device's token (`provision_device --http`)."""
    return await _ingested(request, f"{site}/{device}", "telemetry", idempotency_key or message_id)


@router.post("/ingest/{site}/{device}/state", auth=DeviceToken(), response={202: Ingested})
async def ingest_state(
    request: HttpRequest, site: str, device: str, idempotency_key: IdempotencyKey, message_id: MessageId
) -> HttpResponse:
    """The body as on the topic `state`: a merge patch. Needs the device's token."""
    return await _ingested(request, f"{site}/{device}", "state", idempotency_key or message_id)


@router.post("/ingest/{site}/{device}/event/{name}", auth=DeviceToken(), response={202: Ingested})
async def ingest_event(
    request: HttpRequest, site: str, device: str, name: str, idempotency_key: IdempotencyKey, message_id: MessageId
) -> HttpResponse:
    """The body as on the topic `event/{name}`: any JSON. Needs the device's token."""
    if not is_name(name):
        raise BadRequestError("name must be 1 to 64 of A-Z a-z 0-9 _ - . :")
    return await _ingested(request, f"{site}/{device}", f"event/{name}", idempotency_key or message_id)


async def _ingested(request: HttpRequest, key: str, suffix: str, message: str | None) -> HttpResponse:
    if message is not None and not (0 < len(message) <= MAX_IDEMPOTENCY_KEY_CHARS and message.isprintable()):
        raise BadRequestError(f"the idempotency key must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable characters")
    if not request.body:
        raise BadRequestError("there is no body")
    if not _devices.take(key, time.monotonic()):
        raise RateLimitedError(f"at most {PER_SECOND:g} messages a second from a device")
    result = await ingest(key, suffix, request.body, message)
    _raise_for(result, key)
    return json_response(result, status=202)


def _raise_for(result: dict[str, Any], key: str) -> None:
    """A message that is rejected leaves nothing but a count."""
    if result.get("outcome") != "rejected":
        return
    if result["reason"] == "blocked":
        raise ForbiddenError(f"{key} is blocked")
    raise BadRequestError(f"rejected: {result['reason']} {result['detail']}".rstrip())
