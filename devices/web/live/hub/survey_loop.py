"""What is read every second: commits whose broadcasts never arrived, what works, new devices, everybody's rights."""

import asyncio
import os
import time
from socket import gethostname
from typing import Final

import structlog
from msgspec.structs import asdict, replace

from bridge.gateway_status import Incident
from devices.web.live.hub.broadcasts import BroadcastListener
from devices.web.live.hub.commit_gaps import CommitTracker
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.sockets import Sockets
from devices.web.live.queries.authentication import access_by_all
from devices.web.live.queries.survey import Survey, link, survey
from devices.web.operations.observer import LayerProbe, WriteProbe, publish, with_write
from devices.web.operations.truth import Facts, judge
from runtime.clock_watch import ClockWatch
from runtime.database import DatabaseReaders, DatabaseUnavailableError
from runtime.database_clock import clock, unix_ms
from runtime.outages import Outage

EVERY_S: Final = 1.0
READ_S: Final = 2.0  # for the survey; then the database counts as down
GRACE_S: Final = 0.5  # between a commit and its broadcast
PROBE_S: Final = 1.0
LAYER_EVERY_S: Final = 1.5  # every second survey, while it works
RIGHTS_EVERY_S: Final = 2.5  # every third survey; who lost a right is shown nothing more within 5 s
_CREDENTIALS_A_CALL: Final = 50

log = structlog.get_logger(__name__)


class Observation:
    """What the survey asks. Closed by whoever made it, but for the readers.

    Args:
        database: what is surveyed.
    """

    def __init__(self, database: DatabaseReaders) -> None:
        self.database = database
        self.write, self._layer = WriteProbe(), LayerProbe()
        self._heard_s = float("-inf")  # when the layer last worked
        self._clocks, self._name = ClockWatch(clock, log), f"web {gethostname()[:80]}:{os.getpid()}"

    async def survey(self, newest_pk: int | None, shards: int) -> Survey:
        """Read the tables, and see that they can be written.

        Raises:
            DatabaseUnavailableError: they can't be read, within 2 s.
        """
        try:
            async with asyncio.timeout(READ_S):
                found = await self.database.run(survey, newest_pk, shards)
        except TimeoutError:
            raise DatabaseUnavailableError(f"no answer within {READ_S:g} s") from None
        return replace(found, facts=await with_write(found.facts, self.write))

    async def why_unheard(self) -> str:
        """Why the channel layer brings nothing; empty: it does, or did a moment ago."""
        begun_s = time.monotonic()
        if begun_s < self._heard_s + LAYER_EVERY_S:
            return ""
        if not (reason := await self._layer.why_not()):
            self._heard_s = begun_s
        return reason

    async def tell_of_clock(self) -> None:
        """Record that this machine's clock is off, or right again. (Of the database's, gateways tell.)"""
        reports = [asdict(one) for one in self._clocks.look() if one.kind == "clock_off"]
        await self.write.record(Incident(gateway=self._name, **one) for one in reports)

    def close(self) -> None:
        """Write no more."""
        self.write.close()


class SurveyLoop:
    """Makes one survey at a time. What it finds missing goes to the repair queue.

    Args:
        fanout: learns of new devices.
        tracker: of the commits heard.
        repair: where lost commits go.
        sockets: are shown the link and their rights.
        listener: whose probe tells lost from late.
        observation: asks.
        shards: how many there are.
    """

    def __init__(
        self,
        fanout: Fanout,
        tracker: CommitTracker,
        repair: RepairQueue,
        sockets: Sockets,
        listener: BroadcastListener,
        observation: Observation,
        shards: int,
    ) -> None:
        self._fanout = fanout
        self._tracker = tracker
        self._repair = repair
        self._sockets = sockets
        self._listener = listener
        self._observation, self._database = observation, observation.database
        self._shards = shards
        self._outage = Outage(log, "database of the dashboards", time.monotonic)
        self._newest_pk: int | None = None
        self._renewed_s = time.monotonic()  # when the rights last were
        self._probed_s = float("-inf")  # when a probe was sent that came back

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            begun = time.monotonic()
            heard = asyncio.create_task(self._observation.why_unheard())
            try:
                found = await self._observation.survey(self._newest_pk, self._shards)
                self._outage.ends()
                await self._take(found, heard)
                await self._observation.tell_of_clock()
            except DatabaseUnavailableError as error:
                self._outage.begins(error, is_news=True)
                self._show(Facts(unread=str(error), unheard=await heard))
            finally:
                heard.cancel()
            for socket in self._sockets:
                socket.tick()
            await asyncio.sleep(max(0.1, begun + EVERY_S - time.monotonic()))

    async def _take(self, found: Survey, heard: "asyncio.Task[str]") -> None:
        self._repair.doubt(self._tracker.begin(found.commits))
        self._show(replace(found.facts, unheard=await heard or self._listener.deaf))  # lets the first sockets in
        if found.facts.is_resharded:
            for socket in self._sockets:
                socket.restart()
            return
        self._newest_pk = found.facts.newest_pk
        for _, device in found.new_devices:
            self._fanout.discover(device)
        await self._find_lost_commits(found.commits)
        await self._renew_rights()

    def _show(self, facts: Facts) -> None:
        truth = judge(facts)
        publish(truth)
        self._sockets.show_link(link(truth, self._sockets.link, unix_ms()))

    async def _find_lost_commits(self, commits: dict[int, int]) -> None:
        """Have those repaired whose broadcasts did not arrive."""
        self._repair.doubt(self._tracker.restored(commits))
        if self._tracker.behind(commits) or time.monotonic() >= self._probed_s + LAYER_EVERY_S:
            began_s = time.monotonic()
            answered = await self._listener.probe(PROBE_S)
            self._probed_s = began_s if answered else float("-inf")
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
