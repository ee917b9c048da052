"""/healthz: this process answers. /readyz: everything it needs does; each part named. For probes; no login."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import msgspec
import structlog
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection
from django.http import HttpRequest, HttpResponse
from msgspec import Struct

from devices.gateways import gateway_status
from devices.requests.shard_owners import unowned_shards
from devices.web.operations.probe_access import refusal

_PROBE: Final = {"type": "readiness.probe"}
CHECK_TIMEOUT_S: Final = 2.0  # a part that takes longer is not ready

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Check(Struct, frozen=True):
    """One part. ``detail`` is for people and tells no secrets."""

    ok: bool
    detail: str


def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return _json({"status": "ok"}, 200)


async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part is ready, else 503; the JSON names them to those who may see it.

    ``{"status": "ready" | "not ready", "checks": {"database": {"ok": true, "detail": "…"}, …}}``
    """
    layer, tables = await asyncio.gather(_limited(channel_layers()), _limited(_from_tables()))
    if isinstance(tables, Check):
        unknown = Check(False, "not known without the database")
        tables = (tables, unknown, unknown)
    checks = dict(
        zip(("database", "channel_layer", "broker_link", "shards"), (tables[0], layer, *tables[1:]), strict=True)
    )
    ready = all(check.ok for check in checks.values())
    shown = {"checks": checks} if await _may_see(request) else {}
    response = _json({"status": "ready" if ready else "not ready", **shown}, 200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log an error a probe
    return response


async def _may_see(request: HttpRequest) -> bool:
    """Whether the details are shown; not while the database, which knows tokens, does not answer."""
    asked = await _limited(sync_to_async(refusal)(request))
    return asked is None


async def channel_layers() -> Check:
    """Whether the layer for channels carries a message to ourselves, and the one for groups takes one."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.send(channel, _PROBE)
    await layer.receive(channel)
    # Nobody is in this group: a subscription for the way back would stay for ever (channels_redis.pubsub has no end
    # of a channel but the cancellation of its receive).
    await get_channel_layer("groups").group_send("readiness", _PROBE)
    return Check(True, "a message came back")


async def _from_tables() -> tuple[Check, Check, Check]:
    """Database, broker link and shards, on a thread of their own: it may hang longer than we wait for it."""
    checks: tuple[Check, Check, Check] = await database_sync_to_async(_read_tables, thread_sensitive=False)()
    return checks


def _read_tables() -> tuple[Check, Check, Check]:
    return database(), broker_link(), shards()


def database() -> Check:
    """Whether the database answers a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check(True, connection.vendor)


def broker_link() -> Check:
    """Whether any gateway is alive and connected to its broker, by its beat."""
    status = gateway_status()
    alive = sum(bool(row.alive) for row in status.gateways)
    since = f" since {_utc(status.since_ms)}" if status.since_ms else ""
    return Check(status.broker_up, f"{'up' if status.broker_up else 'down'}{since}, {alive} gateway(s) alive")


def shards() -> Check:
    """Whether every shard has a worker, by its lease."""
    unowned = unowned_shards()
    if unowned:
        return Check(False, "no worker for shard " + ", ".join(map(str, unowned)))
    return Check(True, "every shard has a worker")


async def _limited(check: Awaitable[T]) -> T | Check:
    """The check's result, or that it failed or took too long."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check
    except TimeoutError:
        return Check(False, f"no answer within {CHECK_TIMEOUT_S:g} s")
    except Exception as error:  # noqa: BLE001  whatever a part raises, it isn't ready
        log.debug("not ready", error=repr(error))
        return Check(False, type(error).__name__)  # its text might name hosts and users


def _utc(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))


def _json(value: Any, status: int) -> HttpResponse:
    response = HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
