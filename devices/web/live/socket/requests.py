"""Carries a client's requests out: one after the other, each with one reply before what it causes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
import structlog
from msgspec import UNSET

from bridge.names import is_device_key
from devices.requests.ask import ask
from devices.requests.commands import DEFAULT_TTL_S, store_command
from devices.requests.refusals import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RefusalError,
)
from devices.rules.capabilities import Capability
from devices.rules.commands import brief, command_json
from devices.web.auth import Access
from devices.web.live.queries.replay import list_existing, site_exists
from devices.web.live.socket.attending import Attending
from devices.web.live.socket.client_frames import (
    Attend,
    Leave,
    Ping,
    Request,
    SendCommand,
    SetDesired,
    Subscribe,
    Unsubscribe,
)
from devices.web.live.socket.frame_writer import FrameWriter
from devices.web.live.socket.subscriptions import MAX_SUBSCRIPTIONS, SocketSubscriptions
from devices.web.live.stream.server_frames import ErrorCode
from devices.web.live.stream.step_frames import Command
from devices.web.live.stream.targets import DeliveryOptions, Target
from runtime.database import DatabaseReaders, DatabaseUnavailableError

_MAX_WAITING: Final = 100  # requests of one client; more are refused
_LIMIT_S: Final = 12.0  # for one request, longer than any of its parts

log = structlog.get_logger(__name__)


class Requests:
    """The requests of one socket, in the order in which they came.

    Args:
        writer: takes the replies.
        subscriptions: the socket's, and its user's rights.
        attending: the places of the socket.
        database: answers what exists.
        rights: the user's, read at this moment; UnauthorizedError when there are none any more.
    """

    def __init__(
        self,
        writer: FrameWriter,
        subscriptions: SocketSubscriptions,
        attending: Attending,
        database: DatabaseReaders,
        rights: Callable[[], Awaitable[Access]],
    ) -> None:
        self._writer = writer
        self._subscriptions = subscriptions
        self._attending = attending
        self._database = database
        self._rights = rights
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
                await self._carry_out(request)
        except RefusalError as refused:
            self._writer.error(request.id, cast("ErrorCode", refused.code), str(refused))
        except DatabaseUnavailableError:
            self._writer.error(request.id, "unavailable", "the database does not answer; nothing was done")
        except TimeoutError:
            self._writer.error(request.id, "unavailable", "it took too long; whether it was done is not known")
        except Exception:
            log.exception("a request failed", request=type(request).__name__)
            self._writer.error(request.id, "unavailable", "an error of ours; it is logged")

    async def _carry_out(self, request: Request) -> None:
        match request:
            case Subscribe():
                await self._subscribe(request)
            case Unsubscribe():
                self._unsubscribe(request)
            case SendCommand():
                await self._command(request)
            case SetDesired():
                await self._desired(request)
            case Attend():
                await self._attending.attend(request.place, request.doing)
                self._writer.reply(request.id)
            case Leave():
                self._attending.leave(request.place)
                self._writer.reply(request.id)
            case Ping():
                self._writer.reply(request.id)

    # Watching ----------------------------------------------------------------------------------------------------

    async def _subscribe(self, request: Subscribe) -> None:
        sub = msgspec.json.encode(request.id)
        if sub in self._subscriptions.by_id:
            raise ConflictError("there is a subscription of this id; unsubscribe it first")
        if len(self._subscriptions.by_id) >= MAX_SUBSCRIPTIONS:
            raise RateLimitedError(f"at most {MAX_SUBSCRIPTIONS} subscriptions a connection")
        asked = request.devices or {}
        wish = await self._wish(request)
        visible = [key for key in asked if self._is_visible(wish, key)]
        existing = await self._database.run_once(list_existing, tuple(visible)) if visible else set[str]()
        refused = [key for key in asked if key not in existing]
        if wish.devices is not None:
            wish = Target(devices=frozenset(existing))
            known = {key: rev for key, rev in asked.items() if rev is not None and key in existing}
        else:  # what is not there any more is shown as gone, too
            known = {key: rev for key, rev in asked.items() if rev is not None and key in visible}
        options = DeliveryOptions(request.max_rate_hz, request.readings, request.description)
        self._subscriptions.watch(sub, wish, options, known)
        self._writer.reply(request.id, sub=request.id, refused=refused)
        self._subscriptions.wake()

    async def _wish(self, request: Subscribe) -> Target:
        if request.site is None:
            if not request.devices:
                raise BadRequestError("subscribe: name devices, a site, or both")
            return Target(devices=frozenset(request.devices))
        if request.site == "*":
            return Target()
        if not self._subscriptions.access.sees(request.site):
            raise ForbiddenError(f"you have no role at site {request.site}")
        if not await self._database.run_once(site_exists, request.site):
            raise NotFoundError(f"there is no site {request.site}")
        return Target(sites=frozenset([request.site]))

    def _is_visible(self, wish: Target, key: str) -> bool:
        return is_device_key(key) and wish.covers(key) and self._subscriptions.access.sees(key.partition("/")[0])

    def _unsubscribe(self, request: Unsubscribe) -> None:
        if not self._subscriptions.unwatch(msgspec.json.encode(request.sub)):
            raise NotFoundError(f"there is no subscription {request.sub}")
        self._writer.reply(request.id, sub=request.sub)

    # Changing ----------------------------------------------------------------------------------------------------

    async def _command(self, request: SendCommand) -> None:
        access = await self._require("devices.command", request.device)
        ttl_s: Any = DEFAULT_TTL_S if request.ttl_s is UNSET else request.ttl_s
        self._subscriptions.hold(request.device)
        try:
            command = await store_command(
                request.device, request.name, request.args, ttl_s, request.idempotency_key, actor=access.actor
            )
            shown = brief(command_json(command, request.device))
            self._writer.reply(request.id, command=msgspec.convert(shown, Command))
        finally:
            self._subscriptions.release(request.device)

    async def _desired(self, request: SetDesired) -> None:
        access = await self._require("devices.desired", request.device)
        self._subscriptions.hold(request.device)
        try:
            body = {"patch": request.patch, "if_version": request.if_version}
            result = await ask(request.device, "desired", body, actor=access.actor)
            self._writer.reply(request.id, device=request.device, **result)
        finally:
            self._subscriptions.release(request.device)

    async def _require(self, capability: Capability, device: str) -> Access:
        """The rights as of now, which allow it: what was allowed when the socket was opened counts no more."""
        if not is_device_key(device):
            raise NotFoundError(f"there is no device {device[:200]}")
        access = await self._rights()
        access.require(capability, device)
        return access
