"""Once a process: tells the other web processes who attends by its sockets, hears theirs, and shows people to sockets.

    socket ──attend, leave──> own ──Told, Beat──> layer, group dashboard.people ──> the others
    the others ──> hear ──> neighbours
    own, neighbours ──changed──> _show ──> sockets, each place at most once a second

Who can't be shown a change (no credit) is shown the latest when it can. Nothing is queued but names of places.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

import structlog

from devices.web.live.attendance.rules.messages import GROUP, Ask, Beat, Left, Message, pack, unpack
from devices.web.live.attendance.rules.neighbours import Neighbours
from devices.web.live.attendance.rules.own import OwnAttendance
from devices.web.live.attendance.rules.people import Doing, Person, Stay, body_of, shown_to, together
from devices.web.live.attendance.rules.places import kind_of
from devices.web.live.stream.rendering import Body
from runtime.channel_layers.poster import Poster
from runtime.database_clock import unix_ms

BEAT_S: Final = 1.5  # a process that is killed is gone after neighbours.PATIENCE of them
GATHER_S: Final = 0.05  # from a change to what it causes, replies to requests come before that
SHOWN_EVERY_S: Final = 1.0  # a place to a socket
ASKED_EVERY_S: Final = 1.0  # the whole of a process, by each and all of the others together
_LEAVE_S: Final = 1.0
_MOST_ASKED: Final = 1_000  # processes

log = structlog.get_logger(__name__)


class Attendant(Protocol):
    """A socket that attends places, as far as the exchange goes."""

    @property
    def person(self) -> Person:
        """Whose it is, with the rights as of now."""

    def show_people(self, place: str, body: Body) -> bool:
        """Send a ``people`` frame. False: there is no credit for it now."""


class _Shown(NamedTuple):
    """What a socket was last shown of a place."""

    at_s: float
    text: bytes


class AttendanceExchange:
    """People's presence in all processes, as far as it is known in this one.

    Args:
        layer: the channel layer of groups.
        process: a name that no other process has.
    """

    def __init__(self, layer: Any, process: str) -> None:
        self._own: OwnAttendance[Attendant] = OwnAttendance(process)
        self._neighbours = Neighbours()
        self._layer, self._poster = layer, Poster(layer)
        self._loop = asyncio.get_running_loop()
        self._beats = 0
        self._asked: dict[str, float] = {}  # when a process was asked for the whole
        self._whole_at_s = float("-inf")  # when ours was told last
        self._whole: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._showing: asyncio.TimerHandle | None = None
        self._due: dict[str, None] = {}  # places
        self._shown: dict[tuple[str, Attendant], _Shown] = {}

    async def run(self) -> None:
        """Tell the others that we are there, as long as anybody attends anything. Until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._own or self._neighbours:
                self._tell()
                self._beats += 1
                self._post(Beat(self._own.process, self._own.n, self._beats))

    async def close(self) -> None:
        """There is no socket any more: say so, within a second."""
        for timer in (self._whole, self._telling, self._showing):
            if timer is not None:
                timer.cancel()
        if self._own.n:
            with suppress(Exception):  # whatever the layer's backend raises when it is down
                async with asyncio.timeout(_LEAVE_S):
                    await self._layer.group_send(GROUP, pack(Left(self._own.process)))

    # Sockets -----------------------------------------------------------------------------------------------------

    def attend(self, attendant: Attendant, place: str, doing: Doing) -> None:
        """Somebody who may see the place is there, or does something else there."""
        former = self._own.stay_of(place, attendant)
        since = unix_ms() if former is None else former.since
        self._set(attendant, place, Stay(attendant.person, doing, since))

    def renew(self, attendant: Attendant, places: Iterable[str]) -> None:
        """The person of a socket has other rights, or another name."""
        for place in places:
            if (stay := self._own.stay_of(place, attendant)) is not None:
                self._set(attendant, place, Stay(attendant.person, stay.doing, stay.since))

    def leave(self, attendant: Attendant, place: str) -> None:
        """A socket attends a place no longer. Safe to repeat."""
        self._shown.pop((place, attendant), None)
        if self._own.remove(place, attendant):
            self._news(place)

    def _set(self, attendant: Attendant, place: str, stay: Stay) -> None:
        if self._own.set(place, attendant, stay):
            self._news(place)

    def _news(self, place: str) -> None:
        if self._telling is None:
            self._telling = self._loop.call_later(GATHER_S, self._tell)
        self._changed([place])

    # The other processes -----------------------------------------------------------------------------------------

    def joined(self) -> None:
        """We hear the others (again): what they told before that may have been lost."""
        self._post(Ask(self._own.process))

    def hear(self, layer_message: dict[str, Any]) -> None:
        """Take what came in our group; what we sent ourselves, too."""
        message = unpack(layer_message)
        if message is None:
            log.warning("not a message about people", message=repr(layer_message)[:200])
        elif message.process == self._own.process:
            if isinstance(message, Beat) and message.beat == self._beats:  # else it was held up, as the others' were
                self._changed(self._neighbours.beat())
        elif isinstance(message, Ask):
            if message.of in (None, self._own.process):
                self._tell_whole()
        else:
            heard = self._neighbours.hear(message)
            self._changed(heard.places)
            if heard.asks:
                self._ask(message.process)

    def _ask(self, process: str) -> None:
        now = self._loop.time()
        if now < self._asked.get(process, float("-inf")) + ASKED_EVERY_S:
            return
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        self._asked[process] = now
        self._post(Ask(self._own.process, process))

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self._own.has_news:
            for told in self._own.news():
                self._post(told)

    def _tell_whole(self) -> None:
        """To all, however many ask: at most once a second."""
        if not self._own.n and not self._own:
            return
        when = self._whole_at_s + ASKED_EVERY_S
        if self._whole is None:
            self._whole = self._loop.call_at(max(when, self._loop.time()), self._tell_whole_now)

    def _tell_whole_now(self) -> None:
        self._whole = None
        self._whole_at_s = self._loop.time()
        self._tell()
        for told in self._own.whole():
            self._post(told)

    def _post(self, message: Message) -> None:
        self._poster.group_send(GROUP, pack(message), _told)

    # Showing -----------------------------------------------------------------------------------------------------

    def _changed(self, places: Iterable[str]) -> None:
        found = [place for place in places if self._own.stays(place)]
        if found:
            self._due.update(dict.fromkeys(found))
            self._plan(GATHER_S)

    def _plan(self, delay_s: float) -> None:
        when = self._loop.time() + delay_s
        if self._showing is not None:
            if self._showing.when() <= when:
                return
            self._showing.cancel()
        self._showing = self._loop.call_at(when, self._show)

    def _show(self) -> None:
        self._showing = None
        due, self._due = self._due, {}
        waits = {place: wait_s for place in due if (wait_s := self._show_place(place)) is not None}
        if waits:
            self._due.update(dict.fromkeys(waits))
            self._plan(max(GATHER_S, min(waits.values())))

    def _show_place(self, place: str) -> float | None:
        """Show who is at a place to whoever is to be shown it now; in how many seconds to come back, None: no need."""
        now = self._loop.time()
        stays = list(together([*self._own.stays(place), *self._neighbours.stays(place)]).values())
        bodies: dict[frozenset[str] | None, Body] = {}  # by the sites of who looks
        waits: list[float] = []
        for attendant, stay in self._own.sockets(place):
            shown = self._shown.get((place, attendant))
            if shown is not None and now < shown.at_s + SHOWN_EVERY_S:
                waits.append(shown.at_s + SHOWN_EVERY_S - now)
                continue
            body = _body(bodies, place, stay.person, stays)
            if shown is not None and shown.text == body.after:
                continue
            if attendant.show_people(place, body):
                self._shown[place, attendant] = _Shown(now, body.after)
            else:
                waits.append(SHOWN_EVERY_S)
        return min(waits, default=None)


def _body(bodies: dict[frozenset[str] | None, Body], place: str, viewer: Person, stays: list[Stay]) -> Body:
    is_device = kind_of(place) == "device"
    sites = None if is_device else viewer.sites
    if sites not in bodies:
        bodies[sites] = body_of(shown_to(viewer, stays, is_device=is_device))
    return bodies[sites]


def _told(error: Exception | None) -> None:
    if error is not None:
        log.debug("the others were not told of people", error=repr(error))
