"""What the hub looks at every 2 s: commits that never arrived, the link's state, new devices, everybody's rights."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from devices.web.live.queries.authentication import access_by_all
from devices.web.live.queries.survey import Link, survey
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms
from runtime.outages import Outage

if TYPE_CHECKING:
    from devices.web.live.hub.hub import Hub

EVERY_S: Final = 2.0
GRACE_S: Final = 0.5  # between a commit and its broadcast
PROBE_S: Final = 1.0
RIGHTS_EVERY_S: Final = 15.0
BLIND_AFTER_S: Final = 6.0  # without an answer of the database nothing is known to be up
_CREDENTIALS_A_CALL: Final = 50

log = structlog.get_logger(__name__)


class Watcher:
    """One survey at a time. What it finds missing goes to the mender.

    Args:
        hub: whose sockets and rooms.
    """

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._outage = Outage(log, "database of the dashboards", time.monotonic)
        self._newest_pk: int | None = None
        self._seen_s = time.monotonic()  # when the database last answered
        self._rights_s = time.monotonic()  # when the rights were last looked at

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            begun = time.monotonic()
            try:
                await self._look()
            except DatabaseUnavailableError as error:
                self._outage.begins(error)
                self._perhaps_blind()
            for socket in list(self._hub.sockets):
                socket.tick()
            await asyncio.sleep(max(0.1, begun + EVERY_S - time.monotonic()))

    async def _look(self) -> None:
        found = await self._hub.database.run(survey, self._newest_pk)
        self._outage.ends()
        self._seen_s = time.monotonic()
        self._hub.mender.doubt(self._hub.continuity.begin(found.commits))
        self._hub.link_is(found.link)  # which lets the first sockets in
        for _, device in found.new_devices if self._newest_pk is not None else ():
            self._hub.discover(device)
        self._newest_pk = max((pk for pk, _ in found.new_devices), default=self._newest_pk or 0)
        await self._look_for_lost(found.commits)
        await self._look_at_rights()

    async def _look_for_lost(self, commits: dict[int, int]) -> None:
        """Tell the mender of commits whose broadcasts did not arrive."""
        continuity, mender = self._hub.continuity, self._hub.mender
        mender.doubt(continuity.restored(commits))
        answered = await self._hub.listener.probe(PROBE_S)
        if answered and continuity.behind(commits):
            await asyncio.sleep(GRACE_S)  # committed, but perhaps not broadcast yet
        lost = continuity.behind(commits)
        continuity.trust(commits)
        mender.doubt(lost)

    async def _look_at_rights(self) -> None:
        if time.monotonic() - self._rights_s < RIGHTS_EVERY_S:
            return
        self._rights_s = time.monotonic()
        sockets = list(self._hub.sockets)
        credentials = list({socket.credential for socket in sockets})
        for start in range(0, len(credentials), _CREDENTIALS_A_CALL):
            some = credentials[start : start + _CREDENTIALS_A_CALL]
            rights = await self._hub.database.run(access_by_all, some)
            for socket in sockets:
                if socket.credential in rights:
                    socket.renew(rights[socket.credential])

    def _perhaps_blind(self) -> None:
        if time.monotonic() - self._seen_s >= BLIND_AFTER_S:
            known = self._hub.link
            if known is None or known.broker == "up" or known.workers == "up":
                self._hub.link_is(Link("down", "down", unix_ms()))
