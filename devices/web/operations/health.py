"""/healthz: this process answers. /readyz: everything it needs works; each part named. For probes; no login."""

import asyncio
from typing import Any, Final

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from msgspec import Struct

from devices.web.operations.observer import observe
from devices.web.operations.probe_access import refusal
from devices.web.operations.truth import Part
from runtime.databases.limits import starvation

_ACCESS_S: Final = 2.0  # for the look at a token
STARVED_S: Final = 30.0  # without a connection to be had, only another process helps


class Check(Struct, frozen=True):
    """One part. ``detail`` is for people and tells no secrets."""

    ok: bool
    detail: str


def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all, and its requests get connections to the database."""
    starved_s = starvation.lasts_s
    if starved_s >= STARVED_S:
        return _json({"status": f"all database connections have been out for {starved_s:.0f} s"}, 503)
    return _json({"status": "ok"}, 200)


async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part is ready, else 503; the JSON names them to those who may see it.

    ``{"status": "ready" | "not ready", "checks": {"database": {"ok": true, "detail": "…"}, …}}``
    """
    truth = await observe()
    checks = {
        "database": _check(truth.database),
        "channel_layer": _check(truth.layer),
        "broker_link": _check(truth.broker),
        "shards": _check(truth.workers),
    }
    ready = all(check.ok for check in checks.values())
    shown = {"checks": checks} if await _may_see(request) else {}
    response = _json({"status": "ready" if ready else "not ready", **shown}, 200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log an error a probe
    return response


async def _may_see(request: HttpRequest) -> bool:
    """Whether the details are shown; not to a token while the database, which knows tokens, does not answer."""
    try:
        async with asyncio.timeout(_ACCESS_S):
            return await sync_to_async(refusal)(request) is None
    except (TimeoutError, DatabaseError):
        return False


def _check(part: Part) -> Check:
    return Check(part.state == "up", part.detail)


def _json(value: Any, status: int) -> HttpResponse:
    response = HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
