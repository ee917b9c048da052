"""Carries a client's requests out: one after the other, each with one reply before what it causes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from msgspec import UNSET

from bridge.names import is_device_key
from devices.models import Site
from devices.requests.ask import ask
from devices.requests.commands import DEFAULT_TTL_S, store_command
from devices.requests.refusals import BadRequest, Conflict, Forbidden, NotFound, RateLimited, Refusal
from devices.rules.capabilities import Capability
from devices.rules.commands import command_json
from devices.web.live.queries.replay import list_existing
from devices.web.live.socket.client_frames import Ping, Request, SendCommand, SetDesired, Subscribe, Unsubscribe
from devices.web.live.stream.targets import Manner, Target
from runtime.database import DatabaseUnavailableError

if TYPE_CHECKING:
    from devices.web.live.socket.connection import Connection

MAX_SUBSCRIPTIONS: Final = 100
_MAX_WAITING: Final = 100  # requests of one client; more are refused
_LIMIT_S: Final = 12.0  # for one request, longer than any of its parts

log = structlog.get_logger(__name__)


class Requests:
    """Of one connection.

    Args:
        connection: whose.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[Request] = asyncio.Queue(_MAX_WAITING)

    def put(self, request: Request) -> bool:
        """Take a request. False: too many wait already."""
        try:
            self._waiting.put_nowait(request)
        except asyncio.QueueFull:
            return False
        return True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._handle(await self._waiting.get())

    async def _handle(self, request: Request) -> None:
        try:
            async with asyncio.timeout(_LIMIT_S):
                await _HANDLERS[type(request)](self._connection, request)
        except Refusal as refused:
            self._connection.error(request.id, refused.code, str(refused))
        except DatabaseUnavailableError:
            self._connection.error(request.id, "unavailable", "the database does not answer; nothing was done")
        except TimeoutError:
            self._connection.error(request.id, "unavailable", "it took too long; whether it was done is not known")
        except Exception:
            log.exception("a request failed", request=type(request).__name__)
            self._connection.error(request.id, "unavailable", "an error of ours; it is logged")


# Watching --------------------------------------------------------------------------------------------------------


async def _subscribe(connection: "Connection", request: Subscribe) -> None:
    sub = msgspec.json.encode(request.id)
    if sub in connection.subs:
        raise Conflict("there is a subscription of this id; unsubscribe it first")
    if len(connection.subs) >= MAX_SUBSCRIPTIONS:
        raise RateLimited(f"at most {MAX_SUBSCRIPTIONS} subscriptions a connection")
    asked = request.devices or {}
    wish = await _wish(connection, request)
    visible = [key for key in asked if _is_visible(connection, wish, key)]
    existing = await connection.hub.database.run_once(list_existing, tuple(visible)) if visible else set[str]()
    refused = [key for key in asked if key not in existing]
    if wish.devices is not None:
        wish = Target(devices=frozenset(existing))
        known = {key: rev for key, rev in asked.items() if rev is not None and key in existing}
    else:  # what is not there any more is told as gone, too
        known = {key: rev for key, rev in asked.items() if rev is not None and key in visible}
    connection.watch(sub, wish, Manner(request.max_rate_hz, request.readings), known)
    connection.reply(request.id, sub=request.id, refused=refused)
    connection.wake()


async def _wish(connection: "Connection", request: Subscribe) -> Target:
    if request.site is None:
        if not request.devices:
            raise BadRequest("subscribe: name devices, a site, or both")
        return Target(devices=frozenset(request.devices))
    if request.site == "*":
        return Target()
    if not connection.access.sees(request.site):
        raise Forbidden(f"you have no role at site {request.site}")
    if not await connection.hub.database.run_once(_site_exists, request.site):
        raise NotFound(f"there is no site {request.site}")
    return Target(sites=frozenset([request.site]))


def _site_exists(name: str) -> bool:
    return Site.objects.filter(name=name).exists()


def _is_visible(connection: "Connection", wish: Target, key: str) -> bool:
    return is_device_key(key) and wish.covers(key) and connection.access.sees(key.partition("/")[0])


async def _unsubscribe(connection: "Connection", request: Unsubscribe) -> None:
    if not connection.unwatch(msgspec.json.encode(request.sub)):
        raise NotFound(f"there is no subscription {request.sub}")
    connection.reply(request.id, sub=request.sub)


# Changing --------------------------------------------------------------------------------------------------------


async def _command(connection: "Connection", request: SendCommand) -> None:
    _require(connection, "devices.command", request.device)
    ttl_s: Any = DEFAULT_TTL_S if request.ttl_s is UNSET else request.ttl_s
    connection.hold(request.device)
    try:
        command = await store_command(
            request.device,
            request.name,
            request.args,
            ttl_s,
            request.idempotency_key,
            actor=connection.access.actor,
        )
        connection.reply(request.id, command=command_json(command, request.device))
    finally:
        connection.release(request.device)


async def _desired(connection: "Connection", request: SetDesired) -> None:
    _require(connection, "devices.desired", request.device)
    connection.hold(request.device)
    try:
        body = {"patch": request.patch, "if_version": request.if_version}
        result = await ask(request.device, "desired", body, actor=connection.access.actor)
        connection.reply(request.id, device=request.device, **result)
    finally:
        connection.release(request.device)


def _require(connection: "Connection", capability: Capability, device: str) -> None:
    if not is_device_key(device):
        raise NotFound(f"there is no device {device[:200]}")
    connection.access.require(capability, device)


async def _ping(connection: "Connection", request: Ping) -> None:
    connection.reply(request.id)


_HANDLERS: Final[dict[type, Callable[["Connection", Any], Awaitable[None]]]] = {
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    SendCommand: _command,
    SetDesired: _desired,
    Ping: _ping,
}
