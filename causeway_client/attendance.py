"""The places that a client's user attends, and who else is there. They survive outages.

Nothing is kept back here: who comes late is shown who is there now.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from .changes import Frame
from .errors import ClientError
from .line import Line
from .requests import refusal

DOINGS: Final = ("viewing", "editing", "commanding")
"""What people do at a place, the weakest first."""

RETRY_S: Final = 2.0  # after the server refused for a passing reason
_PASSING: Final = ("rate_limited", "unavailable")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a place, since (Unix ms) when, and what they do there: one of ``DOINGS``."""

    user: str
    doing: str
    since: int


People = tuple[Person, ...]


class Attending:
    """That the client's user is at a place. Iterate over it for who is there, oneself included; leave by :meth:`close`.

    Args:
        place: the device's key, ``page:NAME`` or ``app:LABEL/NAME``.
        doing: see :meth:`say`.
        changed: called when ``doing`` is another; leave: when it is closed.
        leave: called when it is closed.
    """

    def __init__(
        self, place: str, doing: str, changed: Callable[[str], None], leave: Callable[["Attending"], None]
    ) -> None:
        self.place = place
        self.doing = _known(doing)
        self.people: People | None = None  # None: not known (now)
        self._changed, self._leave = changed, leave
        self._is_news = False
        self._ended = False
        self._failure: ClientError | None = None
        self._arrived = asyncio.Event()

    def say(self, doing: str) -> None:
        """Do something else there.

        Raises:
            ValueError: it is none of ``DOINGS``.
        """
        self.doing = _known(doing)
        self._changed(self.place)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> People:
        """Who is there, at the next change; what changed several times meanwhile, is told once.

        Raises:
            RequestError: the server refused it for good.
            TurnedAwayError: the server does not let this user in (any more).
        """
        while True:
            if self._is_news and self.people is not None:
                self._is_news = False
                return self.people
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()

    def close(self) -> None:
        """Be there no longer; whoever iterates comes to an end."""
        self.end(None)
        self._leave(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    # For the client --------------------------------------------------------------------------------------------------

    def show(self, people: People | None) -> None:
        """Who is there; None: there is no connection."""
        self.people, self._is_news = people, people is not None
        self._arrived.set()

    def end(self, failure: ClientError | None) -> None:
        """Nobody is shown any more; ``failure`` is raised in who iterates."""
        if not self._ended:
            self._ended, self._failure, self._is_news = True, failure, False
            self._arrived.set()


def _known(doing: str) -> str:
    if doing not in DOINGS:
        raise ValueError(f"doing is one of {', '.join(DOINGS)}")
    return doing


class _Place:
    """One place: those who attend it, what the server was told, and what it told."""

    def __init__(self) -> None:
        self.attending: dict[Attending, None] = {}
        self.said: str | None = None
        self.people: People | None = None

    def show(self, people: People | None) -> None:
        self.people = people
        for one in self.attending:
            one.show(people)


class Attendance:
    """All places of a client. Several who attend the same are one for the server: the strongest doing.

    Args:
        line: the connection.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._is_open = False
        self._places: dict[str, _Place] = {}
        self._asked: dict[str, str] = {}  # by request: the place that is to be attended, "" of leaving one

    def attend(self, place: str, doing: str) -> Attending:
        """Be at a place; raises ValueError where ``doing`` makes no sense."""
        made = Attending(place, doing, self._review, self._left)
        at = self._places.setdefault(place, _Place())
        at.attending[made] = None
        if at.people is not None:
            made.show(at.people)
        self._review(place)
        return made

    def opened(self) -> None:
        """There is a connection, and the server knows nothing of us."""
        self._is_open = True
        for place in list(self._places):
            self._review(place)

    def lost(self) -> None:
        """There is none any more."""
        self._is_open = False
        self._asked.clear()
        for at in self._places.values():
            at.said = None
            at.show(None)

    def end(self, failure: ClientError | None) -> None:
        """There will be none any more."""
        self.lost()
        for at in self._places.values():
            for one in at.attending:
                one.end(failure)
        self._places.clear()

    def shown(self, frame: Frame) -> None:
        """A ``people`` frame came."""
        if at := self._places.get(frame["place"]):
            at.show(tuple(Person(one["user"], one["doing"], one["since"]) for one in frame["people"]))

    def replied(self, reply: Frame) -> bool:
        """Look at a reply. False: it is to no request of this one."""
        place = self._asked.pop(str(reply.get("id")), None)
        if place is None:
            return False
        if reply["type"] == "error" and (at := self._places.get(place)) is not None:
            self._refused(place, at, reply)
        return True

    def _refused(self, place: str, at: _Place, reply: Frame) -> None:
        if reply.get("code") in _PASSING:
            log.info("to attend %s has to wait: %s", place, reply.get("message"))
            at.said = None
            asyncio.get_running_loop().call_later(RETRY_S, self._review, place)
            return
        del self._places[place]
        for one in at.attending:
            one.show(None)
            one.end(refusal(reply))

    def _left(self, one: Attending) -> None:
        if (at := self._places.get(one.place)) is not None and at.attending.pop(one, one) is None:
            self._review(one.place)

    def _review(self, place: str) -> None:
        """Tell the server what it does not know of a place."""
        at = self._places.get(place)
        if at is None:
            return
        wanted = max((one.doing for one in at.attending), key=DOINGS.index, default=None)
        if wanted is None:
            del self._places[place]
            if at.said is not None:
                self._ask({"type": "leave", "place": place}, "")
        elif wanted != at.said and self._is_open:
            at.said = wanted
            self._ask({"type": "attend", "place": place, "doing": wanted}, place)

    def _ask(self, fields: Frame, place: str) -> None:
        request_id = self._line.next_id()
        self._asked[request_id] = place
        self._line.send({**fields, "id": request_id})
