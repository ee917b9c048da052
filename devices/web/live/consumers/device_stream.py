"""One consumer's part of the live stream: what it watches, by the rights of its client; for the hub, it is a socket."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from bridge.names import is_device_key
from devices.models import Site
from devices.requests.refusals import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RefusalError,
    UnauthorizedError,
)
from devices.web.auth import Access
from devices.web.live.attendance.rules.people import DOINGS, Doing
from devices.web.live.consumers.inbox import Inbox
from devices.web.live.hub.hub import Hub
from devices.web.live.queries.authentication import Credential, access_by
from devices.web.live.queries.replay import list_existing
from devices.web.live.queries.survey import Link
from devices.web.live.socket.attending import Attending
from devices.web.live.socket.catch_up import CatchUp
from devices.web.live.socket.connection import FORBIDDEN, TRY_AGAIN_LATER, UNAUTHORIZED
from devices.web.live.socket.frame_writer import FAILED, Direct, FrameWriter, SocketClosedError
from devices.web.live.socket.subscriptions import MAX_SUBSCRIPTIONS, SocketSubscriptions
from devices.web.live.stream.targets import DeliveryOptions, Target

log = structlog.get_logger(__name__)

EVERYTHING: Final = "*"
_SITE: Final = "/*"


class DeviceStream:
    """The stream of a consumer whose client is known. Closed when that loses its rights, or handles nothing for 60 s.

    Args:
        hub: this event loop's.
        credential: what the rights go by.
        access: the rights.
    """

    def __init__(self, hub: Hub, credential: Credential, access: Access) -> None:
        self.credential = credential
        self.inbox = Inbox(self._handled, self._is_watched)
        self._sockets, self._database = hub.sockets, hub.database
        self._writer = FrameWriter(self._end, hub.fanout.write_queue, Direct(self.inbox.put, lambda: False))
        self._subscriptions = SocketSubscriptions(access, self._writer, hub.fanout, hub.tracker)
        self._attending = Attending(access, self._writer, hub.attendance, hub.database)
        self._catch_up = CatchUp(self._writer, self._subscriptions, hub)

    async def run(self) -> None:
        """Until it is closed, or cancelled."""
        self.show_link(await self._sockets.current_link())
        self._sockets.add(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                for run in (self._writer.run, self._catch_up.run):
                    tasks.create_task(run())
        except* SocketClosedError:
            pass
        except* Exception:
            log.exception("a consumer's stream failed: a bug")
            self.inbox.close(FAILED)
        finally:
            self._sockets.remove(self)
            self._subscriptions.leave()
            self._attending.leave_all()

    async def _end(self, event: dict[str, Any]) -> None:
        """The writer closes, and nothing else: frames go straight into the inbox."""
        self.inbox.close(event["code"])

    def _handled(self, n: int) -> None:
        self._writer.credit.acknowledge(n)
        self._subscriptions.wake()

    # What is watched ---------------------------------------------------------------------------------------------

    async def watch(self, target: str, options: DeliveryOptions, revs: Mapping[str, int]) -> None:
        """Watch a device's key, ``site/*`` or ``*`` from now on; again: nothing changes.

        Args:
            target: what to watch.
            options: how often and how much.
            revs: where the consumer stands with devices: it goes on from there.

        Raises:
            RefusalError: there is no such thing, the client may not see it, or too much is watched.
            runtime.database.DatabaseUnavailableError: the database does not answer.
        """
        access = await self._rights()
        sub = msgspec.json.encode(target)
        wish = await self._wish(target, access)
        if sub in self._subscriptions.by_id:
            return
        if len(self._subscriptions.by_id) >= MAX_SUBSCRIPTIONS:
            raise RateLimitedError(f"at most {MAX_SUBSCRIPTIONS} watches a consumer")
        known = {key: rev for key, rev in revs.items() if wish.covers(key) and access.sees(key.partition("/")[0])}
        self._subscriptions.watch(sub, wish, options, known)
        self._subscriptions.wake()

    def unwatch(self, target: str) -> bool:
        """Watch it no longer: nothing more comes of it. False: it was not watched."""
        return self._subscriptions.unwatch(msgspec.json.encode(target))

    async def attend(self, place: str, doing: Doing) -> None:
        """Be at a place, or do something else there; raises as :meth:`watch` does."""
        if doing not in DOINGS:
            raise BadRequestError(f"doing is one of {', '.join(DOINGS)}")
        await self._rights()
        await self._attending.attend(place, doing)

    def leave(self, place: str) -> bool:
        """Be there no longer. False: it was not attended."""
        try:
            self._attending.leave(place)
        except RefusalError:
            return False
        return True

    def _is_watched(self, target: str) -> bool:
        return msgspec.json.encode(target) in self._subscriptions.by_id

    async def _rights(self) -> Access:
        access = await self._database.run_once(access_by, self.credential)
        self.renew(access)
        if access is None:
            raise UnauthorizedError("you are logged out, or your token is not valid any more")
        return access

    async def _wish(self, target: str, access: Access) -> Target:
        if target == EVERYTHING:
            return Target()
        if target.endswith(_SITE):
            site = target.removesuffix(_SITE)
            if not access.sees(site):
                raise ForbiddenError(f"you have no role at site {site}")
            if not await self._database.run_once(_site_exists, site):
                raise NotFoundError(f"there is no site {site}")
            return Target(sites=frozenset([site]))
        visible = is_device_key(target) and access.sees(target.partition("/")[0])
        if not visible or not await self._database.run_once(list_existing, (target,)):
            raise NotFoundError(f"there is no device {target[:200]}")
        return Target(devices=frozenset([target]))

    # The hub's side, see devices.web.live.hub.sockets.Socket -------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """Tell what works of the chain."""
        self._writer.link(link)

    def restart(self) -> None:
        """Close: another process, or this one started anew, goes on."""
        self._writer.close(TRY_AGAIN_LATER)

    def tick(self) -> None:
        """Close when the consumer is too slow."""
        self._writer.close_if_lost()

    def renew(self, access: Access | None) -> None:
        """Close, or show what is visible by the rights as of now."""
        if access is None or not access.sees_any:
            self._attending.leave_all()
            self._writer.close(UNAUTHORIZED if access is None else FORBIDDEN)
        elif access != self._subscriptions.access:
            self._subscriptions.renew(access)
            self._attending.renew(access)


def _site_exists(name: str) -> bool:
    return Site.objects.filter(name=name).exists()
