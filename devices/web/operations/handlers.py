"""The operations of handlers of apps. Each needs the role admin at all sites."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from msgspec.structs import asdict
from ninja import Router, Schema
from pydantic import Field

from devices.requests import handlers
from devices.requests.refusals import ForbiddenError
from devices.web.api.paging import DEFAULT_LIMIT, Cursor, Limit, decode_cursor, encode_cursor, json_response, page
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.auth import ALL_SITES

router = Router(tags=["handlers"])

_TIMES: Final = {
    "since_ms": "since_at", "failed_ms": "failed_at", "retry_ms": "retry_at", "left_out_ms": "left_out_since_at",
}  # fmt: skip


class Handler(Schema):
    """How a handler of an app is doing."""

    name: str
    version: int
    kind: str = Field(description="of its items")
    state: str = Field(
        description="running, paused, too_far (the log no longer reaches back to it), full (too much waits: it takes "
        "no more until that is handled) or gone"
    )
    since_at: str = Field(description="when the state became so")
    processes: int = Field(description="that run it")
    lag: int = Field(description="commits, of all shards, that it has not come to yet")
    handled: int = Field(description="items since it began")
    failures: int
    failed_at: str | None = Field(description="the latest failure")
    why: str = Field(description="of that")
    parked: int = Field(description="devices whose items wait, as it failed at one of them")
    waiting: int = Field(description="items that wait there")
    left_out: int = Field(description="items that were to wait there, and were too many")
    dead_letters: int
    tasks: int = Field(description="to be done later")
    dead_tasks: int = Field(description="that were given up")


class Handlers(Schema):
    """All handlers, at once."""

    items: list[Handler]
    next: str | None


class ParkedDevice(Schema):
    """A device at which a handler fails: its items wait, in order."""

    device: str
    since_at: str
    retry_at: str | None = Field(description="when the first of its items is tried next; null: at once")
    attempts: int = Field(description="of that item")
    why: str = Field(description="it failed last")
    left_out: int = Field(description="items that were to wait here, and were too many")
    left_out_since_at: str | None = Field(description="since when all that comes is left out; null: it is not")


class ParkedDevices(Schema):
    """A page of parked devices."""

    items: list[ParkedDevice]
    next: str | None


@router.get("/handlers", response=Handlers)
def list_handlers(request: HttpRequest) -> HttpResponse:
    """How the handlers of the installed apps are doing, by name."""
    _admin(request)
    return json_response({"items": [_json(one) for one in handlers.report()], "next": None})


@router.get("/handlers/{name}/parked", response=ParkedDevices)
def list_parked_devices(
    request: HttpRequest, name: str, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> HttpResponse:
    """The devices at which it fails, by key."""
    _admin(request)
    after = "" if cursor is None else decode_cursor("parked", cursor, [str])[0]
    rows = handlers.parked(name, after, limit + 1)
    return page(rows, limit, _json, lambda one: encode_cursor("parked", one.device))


@router.post("/handlers/{name}/pause", response=Handler)
def pause_handler(request: HttpRequest, name: str) -> HttpResponse:
    """Have it stand still, within about a second, until it is to go on."""
    _admin(request)
    handlers.pause(name)
    return _one(name)


@router.post("/handlers/{name}/resume", response=Handler)
def resume_handler(request: HttpRequest, name: str) -> HttpResponse:
    """Have it go on; one that is too far behind the log, with the first that the log still has."""
    _admin(request)
    handlers.resume(name)
    return _one(name)


@router.post("/handlers/{name}/rebuild", response=Handler)
def rebuild_handler(request: HttpRequest, name: str) -> HttpResponse:
    """Have it begin anew, from the beginning, without what it kept. Commands whose keys are known are not repeated."""
    _admin(request)
    handlers.rebuild(name)
    return _one(name)


@router.post("/handlers/{name}/replay", response=Handler)
def replay_handler(request: HttpRequest, name: str) -> HttpResponse:
    """Have parked devices, dead letters and tasks that were given up tried again now."""
    _admin(request)
    handlers.replay(name)
    return _one(name)


def _admin(request: HttpRequest) -> None:
    if not access(request).may("handlers.manage", ALL_SITES):
        raise ForbiddenError("handlers need the role admin at all sites")


def _one(name: str) -> HttpResponse:
    (found,) = handlers.report(name)
    return json_response(_json(found))


def _json(one: handlers.HandlerReport | handlers.ParkedReport) -> dict[str, Any]:
    found = asdict(one)
    return {_TIMES.get(name, name): _time(value) if name in _TIMES else value for name, value in found.items()}


def _time(ms: int) -> str | None:
    return rfc3339_of_ms(ms) if ms else None
