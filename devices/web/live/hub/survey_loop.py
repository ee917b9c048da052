"""What is read every 2 s: commits whose broadcasts never arrived, the link's state, new devices, everybody's rights."""

import asyncio
import time
from typing import Final

import structlog

from devices.web.live.hub.broadcasts import BroadcastListener
from devices.web.live.hub.commit_gaps import CommitTracker
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.sockets import Sockets
from devices.web.live.queries.authentication import access_by_all
from devices.web.live.queries.survey import Link, survey
from runtime.database import DatabaseReaders, DatabaseUnavailableError
from runtime.database_clock import unix_ms
from runtime.outages import Outage

EVERY_S: Final = 2.0
GRACE_S: Final = 0.5  # between a commit and its broadcast
PROBE_S: Final = 1.0
RIGHTS_EVERY_S: Final = 15.0
BLIND_AFTER_S: Final = 6.0  # without an answer of the database nothing is known to be up
_CREDENTIALS_A_CALL: Final = 50

log = structlog.get_logger(__name__)


class SurveyLoop:
    """Makes one survey at a time. What it finds missing goes to the repair queue.

    Args:
        fanout: learns of new devices.
        tracker: of the commits heard.
        repair: where lost commits go.
        sockets: are shown the link and their rights.
        listener: whose probe tells lost from late.
        database: what is surveyed.
        shards: how many there are.
    """

    def __init__(
        self,
        fanout: Fanout,
        tracker: CommitTracker,
        repair: RepairQueue,
        sockets: Sockets,
        listener: BroadcastListener,
        database: DatabaseReaders,
        shards: int,
    ) -> None:
        self._fanout = fanout
        self._tracker = tracker
        self._repair = repair
        self._sockets = sockets
        self._listener = listener
        self._database = database
        self._shards = shards
        self._outage = Outage(log, "database of the dashboards", time.monotonic)
        self._newest_pk: int | None = None
        self._answered_s = time.monotonic()  # when the database last did
        self._renewed_s = time.monotonic()  # when the rights last were

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            begun = time.monotonic()
            try:
                await self._survey()
            except DatabaseUnavailableError as error:
                self._outage.begins(error)
                self._admit_ignorance()
            for socket in self._sockets:
                socket.tick()
            await asyncio.sleep(max(0.1, begun + EVERY_S - time.monotonic()))

    async def _survey(self) -> None:
        found = await self._database.run(survey, self._newest_pk, self._shards)
        self._outage.ends()
        self._answered_s = time.monotonic()
        self._repair.doubt(self._tracker.begin(found.commits))
        self._sockets.show_link(found.link)  # which lets the first sockets in
        for _, device in found.new_devices if self._newest_pk is not None else ():
            self._fanout.discover(device)
        self._newest_pk = max((pk for pk, _ in found.new_devices), default=self._newest_pk or 0)
        await self._find_lost_commits(found.commits)
        await self._renew_rights()

    async def _find_lost_commits(self, commits: dict[int, int]) -> None:
        """Have those repaired whose broadcasts did not arrive."""
        self._repair.doubt(self._tracker.restored(commits))
        answered = await self._listener.probe(PROBE_S)
        if answered and self._tracker.behind(commits):
            await asyncio.sleep(GRACE_S)  # committed, but perhaps not broadcast yet
        lost = self._tracker.behind(commits)
        self._tracker.trust(commits)
        self._repair.doubt(lost)

    async def _renew_rights(self) -> None:
        if time.monotonic() - self._renewed_s < RIGHTS_EVERY_S:
            return
        self._renewed_s = time.monotonic()
        sockets = list(self._sockets)
        credentials = list({socket.credential for socket in sockets})
        for start in range(0, len(credentials), _CREDENTIALS_A_CALL):
            some = credentials[start : start + _CREDENTIALS_A_CALL]
            rights = await self._database.run(access_by_all, some)
            for socket in sockets:
                if socket.credential in rights:
                    socket.renew(rights[socket.credential])

    def _admit_ignorance(self) -> None:
        """Show the link as down when the database has been silent for too long to know."""
        if time.monotonic() - self._answered_s >= BLIND_AFTER_S:
            known = self._sockets.link
            if known is None or known.broker == "up" or known.workers == "up":
                self._sockets.show_link(Link("down", "down", unix_ms()))
